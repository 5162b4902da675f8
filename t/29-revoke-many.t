# Revocations of many sessions: each takes effect with its COMMIT, long before the tombstones and
# the events of its sessions are written, and no other transaction, whatever it holds, can delay it.
use lib 't/lib';
use Secsession::Test;
use Secsession::Psql;

my $postgres = Secsession::Postgres->start(
    settings => { autovacuum => 'off', max_prepared_transactions => 2 })->install;
$postgres->psql('create role app_role login');

# Who waits for anybody is cancelled, and the test fails.
my $BOUND = q(set statement_timeout = '60s');

sub sql { return $postgres->psql(@_) }
sub as_admin { return $postgres->psql($_[0], user => 'admin_role') }
sub as_httpd { return $postgres->psql($_[0], user => 'httpd_web') }

# What a revocation returns, and what it says beside.
sub revoke {
    my ($call) = @_;
    my ($exit, $out, $err) = Secsession::Process::run(
        [ $postgres->client(user => 'admin_role'), '-Atq' ],
        stdin => "$BOUND;\nselect secsession.$call;\n"
    );
    die "$call: $err" if $exit;
    return ($out =~ s/\n\z//r, $err);
}

# Every one counts for its user: n/10 has ten.
my $MANY = 12_000;

sub fill {
    my ($realm, $count) = @_;
    sql(<<"SQL");
set session_replication_role = replica;
    insert into secsession.session (token_hash, realm, user_name, auth_method, client_addr,
        created_at, authenticated_at, last_seen_at, idle_timeout, absolute_timeout, expires_at)
    select sha256(('$realm' || n)::bytea), '$realm', '$realm' || n / 10, 'form',
        inet '10.0.0.0' + n, now() - interval '1 h', now() - interval '1 h', now(), 86400, 86400,
        now() + interval '1 day'
    from generate_series(1, $count) n;
SQL
    sql('analyze secsession.session');
    return;
}

sub lookup {
    my ($token, $realm) = @_;
    return "secsession.lookup(sha256('$token'), '$realm', 0, 0)";
}

# How the sessions n of a realm stand for requests: by lookup(), and by lookup_many() where it
# settles the matter.
sub states {
    my ($realm, @n) = @_;
    my $said = as_httpd(join ";\n",
        map { "select concat_ws('/', state, end_reason) from " . lookup("$realm$_", $realm) } @n);
    my %count;
    $count{$_}++ for split /\n/, $said;
    return join ', ', map { "$count{$_} $_" } sort keys %count;
}

sub count {
    my ($what, $where) = @_;
    return sql("select count(*) from secsession.$what where $where");
}

my $logins = 0;
sub login_sql {
    my ($user, $realm, $seen, %opt) = @_;
    my $token = 'login' . ++$logins;
    $opt{address} //= '192.0.2.1';
    return ($token,
        "secsession.authenticate(row(sha256('$token'), null, '$realm', '$user', 'form', '$seen', "
            . "'$opt{address}', null, 1000, 2000)::secsession.login, most_sessions => "
            . ($opt{most} // 0) . ')');
}
sub login {
    my (undef, $call) = login_sql(@_);
    return as_httpd("select concat_ws('/', state, end_reason) from $call");
}
sub moment { return as_httpd('select secsession.login_moment()') }

# To the end; the revocations of all sessions take turns.
sub sweep_all {
    my $calls = 0;
    while (as_httpd('select secsession.sweep(1500)') > 0
        || count('revocation', 'swept_at is null')) {
        die 'sweep() finds more and more' if ++$calls > 200;
    }
    return $calls;
}

# --- each kind -----------------------------------------------------------------------------------

my @KINDS = (
    { realm => 'all', call => q(revoke_all('fire', 'all')), by => 'all' },
    { realm => 'before', call => q(revoke_before(now() - interval '1 s', 'leak', 'before')),
        by => 'before', login_is_later => 1 },
    { realm => 'address', call => q(revoke_address('10.0.0.0/16', 'botnet')), by => 'address',
        address => '10.0.1.1' },
);

for my $kind (@KINDS) {
    my ($realm, $call) = @$kind{qw(realm call)};
    subtest "revocation by $kind->{by}" => sub {
        fill($realm, $MANY);
        fill("other$realm", 10);
        sql("update secsession.session set client_addr = '192.0.2.7' where realm = 'other$realm'");
        sql("update secsession.session set last_seen_at = now() - interval '2 days' "
                . "where realm = '$realm' and user_name = '${realm}1'");
        my $before = moment();
        my ($token, $late) = login_sql('late', $realm, $before, address => $kind->{address});
        my $under_way = Secsession::Psql->new($postgres, 'httpd_web');
        is $under_way->run("begin; select state from $late;"), 'live', 'a login is under way';

        my ($count, $notice) = revoke($call);
        is count('session', "realm = '$realm' and ended_at is not null"), 0,
            'it returns before any tombstone is written';
        cmp_ok $count, '>', 0, 'it says how many it ended';
        if ($count != $MANY - 10) {
            like $notice, qr/NOTICE:  at least $count sessions have ended/,
                'or, with a notice, that at least so many did';
            cmp_ok $count, '<', $MANY - 10, 'and it does not say too many';
        }
        is states($realm, map { 23 * $_ } 1 .. 500), '500 ended/revoked',
            'all of its sessions are refused at once';
        is states($realm, 10 .. 19), '10 ended/idle', 'what had ended before keeps its reason';
        is count('active_session', "realm = '$realm'"), 0, 'the view lists none of them';
        is states("other$realm", 1 .. 10), '10 live', 'others go on';
        if (!$kind->{login_is_later}) {
            is login('dan', $realm, $before, address => $kind->{address}), 'ended/revoked',
                'a login that began before it is refused';
            $under_way->run('commit;');
            like states_of_token($token, $realm), qr/^ended/,
                'a login that commits after it is worth nothing';
        } else {
            $under_way->run('commit;');
        }
        is login('dan', $realm, moment(), address => $kind->{address}), 'live',
            'a later login is accepted';

        my $calls = sweep_all();
        cmp_ok $calls, '>', 5, 'the tombstones follow in parts';
        is count('session', "realm = '$realm' and ended_at is null and user_name <> 'late' "
                . "and user_name <> 'dan'"), 0, 'until every session has one';
        is count('revocation', "swept_at is null"), 0, 'and then nothing is left to do';
        is count('event', "event = 'revoked' and realm = '$realm' and session_id is not null
            and actor = 'admin_role' and reason is not null and detail->>'revoked' = '$kind->{by}'
            and user_name <> 'late'"),
            $MANY - 10, 'each session has one event, with who revoked it, how and why';
        is count('event', "event = 'expired_idle' and realm = '$realm'"), 10,
            'those that were idle say so';
        is states($realm, 5000, 1), '2 ended/revoked', 'and the reason stays';
        is states_of_token('login' . $logins, $realm), 'live', 'the later login goes on';
    };
}

sub states_of_token {
    my ($token, $realm) = @_;
    return as_httpd("select concat_ws('/', state, end_reason) from " . lookup($token, $realm));
}

subtest 'revocation of a user with thousands of sessions' => sub {
    fill('user', 6000);
    sql("update secsession.session set user_name = 'crowd' where realm = 'user'");
    my $before = moment();
    my ($count, $notice) = revoke(q(revoke_user('crowd', 'left')));
    like $notice, qr/at least $count/, 'says at least how many';
    is states('user', map { 10 * $_ } 1 .. 600), '600 ended/revoked', 'they are refused at once';
    is count('active_session', "user_name = 'crowd'"), 0, 'and not listed any more';
    is login('crowd', 'user', $before), 'ended/revoked', 'a login that began before is refused';
    is login('crowd', 'user', moment()), 'live', 'a later one is not';
    sweep_all();
    is count('event', q(event = 'revoked' and user_name = 'crowd' and reason = 'left'
        and session_id is null)), 1, 'one event says at once who did it';
    is count('event', q(event = 'revoked' and user_name = 'crowd' and reason = 'left'
        and actor = 'admin_role' and session_id is not null)), 6000, 'every session has its event';
    is count('active_session', "user_name = 'crowd'"), 1, 'the later login is listed';
};

# --- what only a superuser can hold --------------------------------------------------------------

subtest 'beside a lock of a whole table that lasts' => sub {
    fill('locked', 3);
    my $id = sql(q(select session_id from secsession.session where realm = 'locked' limit 1));
    my $fails = sub {
        return $postgres->psql_fails("$BOUND;\nselect secsession.$_[0]", user => 'admin_role');
    };
    my $holder = Secsession::Psql->new($postgres);
    my $pid = $holder->run('select pg_backend_pid();');
    my %calls = (event_log => q(revoke_all('x', 'locked')), session => "revoke_session('$id', 'x')",
        revocation => q(revoke_user('locked0', 'x')));
    for my $table (sort keys %calls) {
        $holder->run("begin; lock table secsession.$table in share mode;");
        like $fails->($calls{$table}),
            qr/are locked: [^:]*\bpid $pid\b.*nothing has been revoked.*HINT:.*pg_terminate_backend/s,
            "$table: the revocation is refused and says by whom";
        $holder->run('rollback;');
    }
    is states('locked', 1 .. 3), '3 live', 'and has done nothing';

    $holder->run(q(begin; lock table secsession.revocation in share mode; select 1;
        select pg_current_xact_id(); prepare transaction 'it''s forgotten';));
    like $fails->($calls{revocation}),
        qr/prepared transaction 'it''s forgotten' has kept.*HINT:.*rollback prepared/s, 'one that was prepared has its name';
    $holder->run(q(rollback prepared 'it''s forgotten';));
    is as_admin("select secsession.$calls{revocation}"), 3, 'when it is over all is as always';
};

# --- nothing waits -------------------------------------------------------------------------------

# Statements of anybody, while somebody else holds something: answered within their own bound, which
# statement_timeout makes a failure.
sub undelayed {
    my ($sql, $user, $bound) = @_;
    my ($exit, $out, $err) = Secsession::Process::run(
        [ $postgres->client(user => $user), '-Atq' ],
        stdin => "set statement_timeout = '" . ($bound // '5s') . "';\n$sql;\n"
    );
    return $exit ? "refused: $err" : $out =~ s/\n\z//r;
}

my $holders = 0;
my %HELD = (
    'a session that the web server has moved' =>
        [ httpd_web => q(select secsession.client_moved('#id', '203.0.113.5', 'log');) ],
    'a session that is being made' => [ httpd_web =>
        q(select state from secsession.begin_session(sha256('anonymous held#'), 'held',
            '10.9.0.1', null, 1000, 2000, '[]');) ],
    'a login of the same user' => [ httpd_web => '#login;' ],
    'a login of the same user, who may have three' => [ httpd_web => '#crowded;' ],
    'a row of the table, held by the superuser' => [ postgres =>
        q(update secsession.session set last_seen_at = last_seen_at where session_id = '#id';) ],
    'a logout that is not committed' =>
        [ httpd_web => q(select secsession.logout(null, 'held', '#id');) ],
    'a revocation of everything that is not committed' =>
        [ admin_role => q(select secsession.revoke_all('open', 'held');) ],
    'a revocation of the user that is not committed' =>
        [ admin_role => q(select secsession.revoke_user('held', 'open');) ],
    'a sweep that is not committed' => [ httpd_web => 'select secsession.sweep(10);' ],
    'a purge that is not committed' => [ httpd_web => 'select secsession.purge(10);' ],
    'an attempt to log in that is not committed' => [ httpd_web =>
        q(select wait from secsession.login_begin('held', 'held', '10.9.0.2', 3, 60);) ],
    'an application whose trigger has revoked the user' =>
        [ app_role => q(update account set password = 'new' where name = 'held';) ],
);
sql(<<'SQL');
create table account (name text primary key, password text);
insert into account values ('held', 'old');
grant select, update on account to app_role;
create trigger revoke after update of password on account for each row
    execute function secsession.revoke_on_change('name');
SQL

my $round = 0;
for my $what (sort keys %HELD) {
    subtest "beside $what" => sub {
        my ($user, $statement) = @{ $HELD{$what} };
        my $n = ++$round;
        my @tokens = map { "held$n.$_" } 1 .. 4;
        for my $token (@tokens) {
            as_httpd("select state from secsession.authenticate(row(sha256('$token'), null, 'held',
                'held', 'form', secsession.login_moment(), '10.9.0.1', null, 1000,
                2000)::secsession.login)");
        }
        my $id = sub { sql("select session_id from secsession.token where token_hash = "
                . "sha256('$_[0]')") };
        my %fill = (id => $id->($tokens[0]),
            login => 'select state from ' . (login_sql('held', 'held', moment()))[1],
            crowded => 'select state from ' . (login_sql('held', 'held', moment(), most => 3))[1]);
        my $holder = Secsession::Psql->new($postgres, $user eq 'postgres' ? () : $user);
        $holder->run('begin; ' . $statement =~ s/#(id|login|crowded)/$fill{$1}/gr =~ s/#/$n/gr);

        is undelayed("select state from " . lookup($tokens[0], 'held'), 'httpd_web'), 'live',
            'a request is served';
        is undelayed(
            "select secsession.offer_token('$fill{id}', sha256('$tokens[0]'), sha256('next$n'), 0,
                9) is not null", 'httpd_web'
            ), 't',
            'a rotation';
        like undelayed("select state from " . (login_sql('someone', 'held', moment()))[1],
            'httpd_web'), qr/^live$/, 'somebody else logs in';
        my ($token, $again) = login_sql('held', 'held', moment());
        is undelayed("select state from $again", 'httpd_web'), 'live', 'the same user logs in';
        is undelayed("select secsession.logout(sha256('$token'), 'held')", 'httpd_web'), '1',
            'and out';
        like undelayed("select secsession.logout(sha256('$tokens[1]'), 'held')", 'httpd_web'),
            qr/^1$/, 'a logout';
        is undelayed("select secsession.logout(sha256('$tokens[0]'), 'held')", 'httpd_web'), '1',
            'a logout from the session itself';
        is undelayed("select state || '/' || end_reason from " . lookup($tokens[0], 'held'),
            'httpd_web'), 'ended/logout', 'which is not served any more';
        is undelayed("select secsession.revoke_session('" . $id->($tokens[2]) . "', 'x')",
            'admin_role'), '1', 'one session is revoked';
        is undelayed("select secsession.revoke_user('held', 'x') > 0", 'admin_role'), 't',
            'a user is revoked';
        is states_of_token($tokens[3], 'held'), 'ended/revoked', 'at once';
        like undelayed("select secsession.revoke_address('10.9.0.0/16', 'x')", 'admin_role'),
            qr/^\d+$/, 'an address';
        like undelayed("select secsession.revoke_before(now(), 'x', 'held')", 'admin_role'),
            qr/^\d+$/, 'what is older than a moment';
        like undelayed("select secsession.revoke_all('x', 'held')", 'admin_role'), qr/^\d+$/, 'all';
        like undelayed('select secsession.sweep(100)', 'httpd_web'), qr/^\d+$/,
            'tombstones are written';
        like undelayed('select secsession.purge(100)', 'httpd_web'), qr/^\d+$/,
            'what is old is removed';
        is undelayed(q(select news is null from secsession.heartbeat('{}', '{}', null)),
            'httpd_web'), 'f', 'web servers hear';
        $holder->run('commit;');
        like states_of_token($tokens[0], 'held'), qr/^ended/,
            'when it commits nothing comes back: not who logged out';
        is states_of_token($tokens[3], 'held'), 'ended/revoked', 'nor who was revoked';
        sweep_all();
        is count('revocation', 'swept_at is null'), 0, 'and nothing is left to do';
    };
}

done_testing;
