# The schema in PostgreSQL: installing it, what its catalogue says, and who may do what.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use Secsession::Process qw(checkout run scratch slurp spew);

my $postgres = calls_of(Secsession::Postgres->start->install);
my $install = checkout() . '/store/install.sql';
my @roles = qw(httpd_web admin_role auditor_role);

subtest 'installing' => sub {
    my @again = $postgres->script($install);
    is $again[0], 0, 'it can be run again' or diag $again[2];
    is $again[1], "secsession: the schema is at version 12\n", 'and says only at which version the schema is';
    is $postgres->value('select secsession.schema_version()', user => $_), 12, "$_ can ask for the version" for qw(httpd_web admin_role);

    sql('create role installer login createrole; create database third owner installer');
    sql("alter role installer set createrole_self_grant = 'set, inherit'") if $postgres->version >= 16;
    my %third = (db => 'third', user => 'installer', vars => { roles => 'Third "site"' });
    for my $what ('can install', 'and upgrade') {
        my @third = $postgres->script($install, %third);
        is $third[0], 0, "a role with CREATEROLE that owns the database $what" or diag $third[2];
        is $postgres->psql_fails($_, %third) =~ /permission denied/, 1, "and afterwards is denied: $_"
            for 'select from secsession.session', 'set role "Third ""site""_owner"', 'create table secsession.mine ()';
    }
    sql(q(create role third_web login; grant "Third ""site""_httpd" to third_web), user => 'installer');
    is sql('select secsession.schema_version()', db => 'third', user => 'third_web'),
        sql('select secsession.schema_version()'), 'its roles are the installer\'s to grant';

    if ($postgres->version >= 16) {
        sql('create role helper login createrole; grant create on database app to helper');
        like +($postgres->script($install, user => 'helper'))[2], qr/permission denied to grant role/,
            'another role with CREATEROLE cannot upgrade';
        sql('grant secsession_owner, secsession_httpd, secsession_admin, secsession_auditor to helper
            with admin true, set false, inherit false');
        my @helper = $postgres->script($install, user => 'helper');
        is $helper[0], 0, 'unless it may grant the roles' or diag $helper[2];
        like $postgres->psql_fails('select from secsession.session', user => 'helper'), qr/permission denied/,
            'which lets it do nothing else';
    }

    sql('create database second');
    is +($postgres->script($install, db => 'second', vars => { roles => 'second' }))[0], 0, 'a second database installs';
    my $version = sql('select secsession.schema_version()');
    my $say = sub { sql("create or replace function secsession.schema_version() returns integer language sql
        stable security definer as 'select $_[0]'", db => 'second') };
    $say->($version + 1);
    sql('drop function secsession.logout', db => 'second');
    my @newer = $postgres->script($install, db => 'second');
    is $newer[0], 3, 'a schema of a newer release is refused';
    like $newer[2], qr/version \d+, newer than version $version/, 'in words that say so';
    is sql("select count(*) from pg_proc where proname = 'logout'", db => 'second'), 0, 'and not touched';

    $say->($version);
    is +($postgres->script($install, db => 'second'))[0], 0, 'of this release it is mended';
    is sql("select count(*) from pg_proc where proname = 'logout'", db => 'second'), 1, 'with what it lacked';
    sql('drop function secsession.schema_version', db => 'second');
    like +($postgres->script($install, db => 'second'))[2], qr/its? version is unknown|does not exist/,
        'tables of an unknown version are refused';

    sql('create database fourth');
    sql('create schema secsession', db => 'fourth');
    like +($postgres->script($install, db => 'fourth', vars => { roles => 'fourth' }))[2], qr/belongs to another role/,
        'a schema that somebody else prepared is refused';
};

# The bodies of functions are parsed with the settings of whoever calls them.
subtest 'no literal depends on standard_conforming_strings' => sub {
    my $migration = qr{/1[0-8]\d-};    # runs once, in install.sql, which sets it
    for my $file (grep { !/$migration/ } glob checkout() . '/store/sql/*.sql') {
        my $sql = slurp($file) =~ s/^\\.*//gmr =~ s/\\g(?:set|exec)?\b.*//gr =~ s/^\s*--.*//gmr;
        $sql =~ s/\bE'(?:[^'\\]|\\.|'')*'//g;
        is_deeply [ $sql =~ /^(.*\\.*)$/mg ], [],
            ($file =~ s{.*/}{}r) . ' has backslashes in literals of E\'\' alone';
    }
};

subtest 'what the catalogue says' => sub {
    is sql(<<'SQL'), '', 'every table, view, column, type and function explains itself in psql';
select c.relname from pg_class c where c.relnamespace = 'secsession'::regnamespace and c.relkind in ('r', 'v', 'p', 'm')
    and obj_description(c.oid, 'pg_class') is null
union all
select t.typname from pg_type t join pg_class c on c.oid = t.typrelid
    where c.relnamespace = 'secsession'::regnamespace and c.relkind = 'c' and obj_description(t.oid, 'pg_type') is null
union all
select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'secsession'::regnamespace and c.relkind in ('r', 'v', 'p', 'm', 'c')
    and a.attnum > 0 and not a.attisdropped and col_description(c.oid, a.attnum) is null
union all
select p.proname from pg_proc p where p.pronamespace = 'secsession'::regnamespace and obj_description(p.oid, 'pg_proc') is null
union all
select 'schema' where obj_description('secsession'::regnamespace, 'pg_namespace') is null
union all
select r.rolname from pg_roles r where r.rolname ~ '^secsession_' and shobj_description(r.oid, 'pg_authid') is null
SQL
    is sql(<<'SQL'), '', 'every function has the owner\'s rights and a search path that no caller can change';
select p.proname from pg_proc p where p.pronamespace = 'secsession'::regnamespace and p.prosqlbody is null
    and (not p.prosecdef or (p.proconfig @> array['search_path=pg_catalog, secsession, pg_temp']) is not true)
union all
select p.proname from pg_proc p where p.pronamespace = 'secsession'::regnamespace and p.proowner <> 'secsession_owner'::regrole
SQL
    # Their names were looked up once and for all, they read no table, and nobody else may call them
    # but who reads the view that does.
    is sql(<<'SQL'), '', 'but those for which it makes no difference';
select p.proname from pg_proc p where p.pronamespace = 'secsession'::regnamespace and p.prosqlbody is not null
    and (p.provolatile = 'v' or p.proacl is null
        or exists (select from aclexplode(p.proacl) a where a.grantee <> 'secsession_owner'::regrole
            and not (p.proname in ('ends', 'idle_end', 'is_unseen')
                and a.grantee in ('secsession_admin'::regrole, 'secsession_auditor'::regrole)))
        -- A dependency on a whole table; that on a column is of a row that was handed in.
        or exists (select from pg_depend d where d.objid = p.oid and d.classid = 'pg_proc'::regclass
            and d.refclassid = 'pg_class'::regclass and d.refobjsubid = 0))
SQL
    is sql(<<'SQL'), '', 'everything belongs to the owner, who cannot log in';
select c.relname from pg_class c where c.relnamespace = 'secsession'::regnamespace and c.relowner <> 'secsession_owner'::regrole
union all
select r.rolname from pg_roles r where r.rolname ~ '^secsession_' and (r.rolcanlogin or r.rolsuper or r.rolcreaterole or r.rolcreatedb)
SQL
};

# Tries every verb on every relation, as the role itself; what was not denied comes back.
my $try_everything = <<'SQL';
do $$
declare
    relation record;
    verb text;
begin
    perform set_config('test.done', '', false);
    for relation in
        select c.oid::regclass as name, min(a.attname) as attname
        from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = (select oid from pg_namespace where nspname = 'secsession') and c.relkind in ('r', 'v', 'p')
        group by c.oid order by c.relname
    loop
        foreach verb in array array['select from %s', 'insert into %s default values', 'delete from %s',
            'update %s set %I = default', 'truncate %s']
        loop
            continue when relation.attname is null and verb like 'update%';
            begin
                execute format(verb, relation.name, relation.attname);
                raise 'not denied';
            exception
                when insufficient_privilege or wrong_object_type or object_not_in_prerequisite_state then null;
                when others then
                    perform set_config('test.done', current_setting('test.done')
                        || format(verb, relation.name, relation.attname) || ';', false);
            end;
        end loop;
    end loop;
end
$$;
select current_setting('test.done');
SQL

subtest 'rights' => sub {
    is sql($try_everything, user => 'httpd_web'), '', 'the web server\'s role can touch no table and no view';
    is sql($try_everything, user => $_), 'select from secsession.active_session;select from secsession.event;', "$_ can read the two views and touch nothing else"
        for qw(admin_role auditor_role);

    my %may = map {
        my $role = $_;
        $role => sql("select string_agg(proname, ' ' order by proname) from pg_proc
            where pronamespace = 'secsession'::regnamespace and has_function_privilege('$role', oid, 'execute')");
    } @roles;
    is $may{httpd_web},
        'announce authenticate begin_session client_moved current_token end_changed end_own '
            . 'heartbeat keep_cookies lock_holders login_begin login_failed login_moment login_undecided logout '
            . 'lookup lookup_many note_uses offer_token own_sessions purge revoke_own schema_version '
            . 'session_id_in_url sign_session sweep under_way vault_of',
        'the web server may call just these';
    is $may{admin_role},
        'allow_user ends idle_end is_unseen lock_holders purge reset_throttle revoke_address revoke_all revoke_before '
            . 'revoke_on_change revoke_session revoke_user schema_version sweep',
        'an administrator may call just these';
    is $may{auditor_role}, 'ends idle_end is_unseen', 'an auditor may call only what the view calls';

    for my $role (@roles) {
        for my $forbidden (
            'create table secsession.mine ()', 'create function secsession.mine() returns int language sql return 1',
            'set role secsession_owner', 'alter table secsession.session disable trigger all', 'drop view secsession.event',
            'grant secsession_owner to current_user', 'alter function secsession.logout(bytea, text, uuid) security invoker',
            'copy secsession.token to stdout', "select secsession.log_event('moved', null, null, null, null, null)",
            "select secsession.end_sessions(null, null, null)", "select nextval('secsession.event_log_event_id_seq')",
            ($role eq 'admin_role' ? "select * from secsession.lookup('', 'r', 0, 0)" : "select secsession.revoke_all('x')"),
        ) {
            like $postgres->psql_fails($forbidden, user => $role), qr/permission denied|must be owner|must have admin option/,
                "$role is denied: $forbidden";
        }
    }
    like $postgres->psql_fails('set role secsession_admin', user => 'httpd_web'), qr/permission denied/,
        'the web server cannot become an administrator';

    sql('create role nobody_special login');
    like $postgres->psql_fails('select secsession.schema_version()', user => 'nobody_special'), qr/permission denied/,
        'other roles may call nothing';

    login('real', 'alice');
    my $trap = "create temp table token (like pg_class); create temp table session (x int);
        create function pg_temp.sum(bigint) returns numeric language sql return 666; set search_path = pg_temp, pg_catalog;";
    sql('grant temporary on database app to public');
    is sql("$trap select state from secsession.lookup(sha256('real'), 'r', 0, 0)", user => 'httpd_web'), 'live',
        'temporary objects of the caller do not deceive a function';
};

done_testing;
