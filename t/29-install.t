# Installing the schema beside others, and where it cannot work: which roles it has, what it refuses,
# and that nobody waits for it.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use Secsession::Process qw(await checkout is_alive run scratch slurp spawn spew);
use Secsession::Psql;

my $postgres = calls_of(Secsession::Postgres->start->install);
my $install = checkout() . '/store/install.sql';

sub install_fails {
    my ($db, $roles) = @_;
    my ($exit, undef, $err) = $postgres->script($install, db => $db, vars => { $roles ? (roles => $roles) : () });
    return $exit == 3 ? $err : "exit $exit: $err";
}

subtest 'a database in which it cannot work' => sub {
    sql("create database $_ encoding '$_' template template0 locale 'C'") for qw(SQL_ASCII MULE_INTERNAL LATIN1);
    for my $encoding (qw(SQL_ASCII MULE_INTERNAL)) {
        like install_fails(lc $encoding, 'encoded'), qr/the encoding $encoding .*cannot be converted to UTF8/,
            "$encoding is refused";
    }
    is +($postgres->script($install, db => 'latin1', vars => { roles => 'latin' }))[0], 0, 'LATIN1 is not';
    like install_fails('template1', 'templates'), qr/the database template1 is a template/, 'a template is refused';
    is sql("select count(*) from pg_roles where rolname ~ '^(encoded|templates)'"), 0, 'and no role is left behind';
};

subtest 'roles that were there before' => sub {
    sql('create database premade');
    sql('create role mallory login; create role boss superuser');
    my %bad = (
        'superuser' => 'is a superuser', 'createrole' => 'may create roles', 'login' => 'can log in', 'bypassrls' => 'may bypass',
        'replication' => 'may replicate', 'role mallory' => 'has the member mallory', 'in role boss' => 'is a member of boss',
    );
    for my $how (sort keys %bad) {
        sql("create role made_owner $how");
        like install_fails('premade', 'made'), qr/the role made_owner $bad{$how}/, "an owner of the schema that $bad{$how} is refused";
        sql('drop role made_owner');
    }
    sql('create role made_httpd superuser');
    like install_fails('premade', 'made'), qr/the role made_httpd is a superuser/, 'so is any other that is a superuser';
    sql('drop role made_httpd');
    like install_fails('premade', $_), qr/the roles cannot be called/, "and a name such as '$_'" for 'pg_roles', 'x' x 56;
    is sql("select to_regnamespace('secsession') is null", db => 'premade'), 't', 'nothing was made';
    sql('create role made_owner; create role made_httpd');
    is +($postgres->script($install, db => 'premade', vars => { roles => 'made' }))[0], 0, 'harmless ones are used';
};

# Roles belong to the cluster: without care, one site's web server could let anybody into another's.
subtest 'two databases in one cluster' => sub {
    sql('create database shop');
    like install_fails('shop'), qr/the roles secsession_httpd, .* belong to the database app/,
        'the roles of another database are not taken without a word';
    is +($postgres->script($install, db => 'shop', vars => { roles => 'shop' }))[0], 0, 'roles of its own are';
    is +($postgres->script($install, db => 'shop'))[0], 0, 'and an upgrade knows them';
    sql('create role shop_web login in role shop_httpd');
    my $begin = "select state from secsession.authenticate(row(sha256('evil'), null, 'r', 'root', 'form',
        secsession.login_moment(), null, null, 9, 9)::secsession.login)";
    is sql($begin, db => 'shop', user => 'shop_web'), 'live', 'its web server logs its users in';
    sql("create role shop_$_ login in role shop_$_" =~ s/ shop_/ shop_my_/r) for qw(admin auditor);
    is sql('select count(*) from secsession.active_session', db => 'shop', user => "shop_my_$_"), 1,
        "its $_ reads the views" for qw(admin auditor);
    like $postgres->psql_fails($begin, db => 'shop', user => 'httpd_web'), qr/permission denied/, 'and no other does';
    like $postgres->psql_fails($begin, user => 'shop_web'), qr/permission denied/, 'as it does nowhere else';

    sql('create database blog');
    my @shared = $postgres->script($install, db => 'blog', vars => { roles => 'shop' });
    is "$shared[0]$shared[2]", '0', 'the same roles can be named';
    is sql($begin, db => 'blog', user => 'shop_web'), 'live', 'and let the same people in';
    like +($postgres->script($install, db => 'blog'))[2], qr/the database shop has the same roles/, 'which an upgrade mentions';
    my @changed = $postgres->script($install, db => 'blog', vars => { roles => 'blog' });
    like $changed[1], qr/the rights of shop are now those of blog/, 'they can be changed' or diag $changed[2];
    like $postgres->psql_fails($begin, db => 'blog', user => 'shop_web'), qr/permission denied/, 'then who had rights has none';
    is sql("select count(*) from pg_shdepend where dbid = (select oid from pg_database where datname = 'blog')
        and refobjid in (select oid from pg_roles where rolname ~ '^shop_')"), 0, 'and nothing belongs to them';
    sql('create role blog_web login in role blog_httpd');
    is sql($begin =~ s/evil/new/r, db => 'blog', user => 'blog_web'), 'live', 'and the new ones have theirs';
};

# pg_dump reads for hours; an application forgets a transaction. Whoever waits for them with a lock
# that excludes everybody lets everybody wait.
subtest 'installing beside transactions that last' => sub {
    login('before', 'alice');
    my $open = Secsession::Psql->new($postgres);
    my $tables = "select format('secsession.%I', relname) from pg_class
        where relnamespace = 'secsession'::regnamespace and relkind in ('r', 'p', 'v')";
    $open->run('begin isolation level repeatable read;'
        . join '', map { "select count(*) from $_;" } split /\n/, sql($tables));
    $open->run("update secsession.session set last_seen_at = now() where user_name = 'alice';
        delete from secsession.other_token where false; delete from secsession.event_log where false;");
    my @again = $postgres->script($install);
    is "$again[0]$again[2]", '0', 'what is as it should be needs no lock';
    $open->run('rollback;');

    my $broken = 'alter table secsession.session disable trigger session_changed;
        alter view secsession.event set (security_barrier);
        drop function secsession.purge';
    my $state = "select tgenabled::text, (select reloptions is null from pg_class where relname = 'event'),
        to_regprocedure('secsession.purge(integer)') is not null from pg_trigger where tgname = 'session_changed'";
    sql($broken);
    $open->run('begin isolation level repeatable read; select count(*) from secsession.session;');
    my $pid = $open->run('select pg_backend_pid();');
    my $folder = scratch('refused');
    my $installer = spawn(command => [ $postgres->client, '-f', $install ], log => "$folder/log");
    my ($served, $n) = ('', 0);
    while (is_alive($installer)) {
        $n++;
        $served .= sql("set statement_timeout = '2s'; select state from secsession.authenticate(row(sha256('t$n'), null, 'r', 'bob',
                'form', secsession.login_moment(), null, null, 9, 9)::secsession.login);
            select state from secsession.lookup(sha256('t$n'), 'r', 0, 0)", user => 'httpd_web') ne "live\nlive";
    }
    cmp_ok $n, '>', 3, 'while it tries to get a lock';
    is $served, '', 'users log in and are served';
    my $said = slurp("$folder/log");
    like $said, qr/cannot be locked: [^:]*\bpid $pid\b.* nothing has been changed/,
        'then it says which process holds one';
    is sql($state), 'D|f|f', 'and has changed nothing';

    $open->run('rollback; begin; select count(*) from secsession.event_log;');
    $installer = spawn(command => [ $postgres->client, '-f', $install ], log => "$folder/log");
    await { slurp("$folder/log") || sql("select count(*) from pg_stat_activity where query ~ 'install_view' and wait_event = 'PgSleep'") };
    $open->run('rollback;');
    wait_until { !is_alive($installer) } 'when the transaction ends in time, it goes on';
    is sql($state), 'A|t|t', 'and mends everything';
};

subtest 'data alone are restored' => sub {
    my ($dump_version) = (run([ $postgres->program('pg_dump'), '--version' ]))[1] =~ /(\d+)/;
    plan skip_all => "pg_dump $dump_version is older than the server" if $dump_version < $postgres->version;
    sql("insert into secsession.setting (event_retention) values ('400 days')");
    my @server = ('-h', $postgres->host, '-U', 'postgres');
    my $folder = scratch('dump');
    is_deeply [ run([ $postgres->program('pg_dump'), @server, '-Fc', '-f', "$folder/dump", 'app' ]) ], [ 0, '', '' ], 'a dump';
    my $rows = sub {
        my %in = (db => $_[0]);
        my @tables = split /\n/, sql("select relname from pg_class where relnamespace = 'secsession'::regnamespace
            and relkind = 'r' order by relname", %in);
        return join "\n", map { "$_ " . sql("select count(*), md5(string_agg(t::text, ',' order by t::text)) from secsession.$_ t", %in) } @tables;
    };
    for my $how ([], ['--disable-triggers']) {
        my $db = @$how ? 'restored_again' : 'restored';
        sql("create database $db");
        is +($postgres->script($install, db => $db, vars => { roles => $db }))[0], 0, 'a new schema';
        my @restored = run([ $postgres->program('pg_restore'), @server, '--data-only', @$how, '-n', 'secsession', '-d', $db, "$folder/dump" ]);
        is "$restored[0]$restored[2]", '0', "pg_restore --data-only @$how";
        is $rows->($db), $rows->('app'), 'every row is there';
        is sql('select schema_version from secsession.schema_version()', db => $db), sql('select secsession.schema_version()'), 'the version is right';
        is +($postgres->script($install, db => $db))[0], 0, 'and it can be upgraded';
    }
};

subtest 'a standby' => sub {
    $postgres->stop;
    spew("$postgres->{data}/standby.signal", '');
    $postgres->start_again;
    like install_fails('app'), qr/this server is a standby/, 'is refused';
};

done_testing;
