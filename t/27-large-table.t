# With five million sessions in the tables, an operation on one of them costs no more than with a
# few: the only rows that are read are those of the sessions in question. There are really twenty
# thousand; the planner is told that there are more.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use List::Util 'max';

my $postgres = calls_of(Secsession::Postgres->start(settings => { autovacuum => 'off' })->install);

# Five sessions of each user; of the first thousand the absolute end has passed. Every user logged
# in from elsewhere.
sql(<<'SQL');
insert into secsession.session (token_hash, realm, user_name, auth_method, client_addr, created_at,
    authenticated_at, last_seen_at, rotated_at, idle_timeout, absolute_timeout, expires_at)
select sha256(('t' || n)::bytea), 'r', 'u' || n / 5, 'form', inet '10.0.0.0' + n / 5,
    now() - interval '1 h', now() - interval '1 h', now() - interval '15 min', now() - interval '1 h', 1800, 28800,
    now() + interval '1 s' * (n - 1001)
from generate_series(1, 20000) n;
insert into secsession.other_token (token_hash, session_id, retired_at, grace_until)
select sha256(token_hash), session_id, created_at, created_at from secsession.session;
vacuum analyze;
update pg_class set reltuples = 5000000 where reltuples = 20000;
SQL
like sql('explain select from secsession.session'), qr/rows=5000000 /,
    'the planner believes in five million';

my $READ =
    q{select 'rows ' || sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_user_tables
    where schemaname = 'secsession' and relname in ('session', 'other_token')};

# The most of eight times, for users of whom each is another: often enough for a plan that is kept.
# # is a number.
sub rows_read {
    my ($statement) = @_;
    my @calls = map { my $n = 15000 + 5 * $_; ($READ, $statement =~ s/#/$n/gr) } 1 .. 8;
    my @counts = sql(join ";\n", 'begin', @calls, $READ, 'rollback') =~ /^rows (\d+)$/mg;
    return max(map { $counts[$_] - $counts[ $_ - 1 ] } 1 .. $#counts);
}

my $TOKEN = "sha256('t#')";
my $ID = "(select session_id from secsession.session where token_hash = $TOKEN)";
my $USED = sql(
    "select array_agg(session_id) from secsession.session where user_name between 'u2001' and "
        . "'u2200' and length(user_name) = 5"
);
my $LOGIN =
    "secsession.authenticate(row(sha256('new#'), null, 'r', 'u' || # / 5, 'form', null, "
        . "'192.0.2.1', null, 1800, 28800)::secsession.login";
my %DONE = (
    'a request whose session was used a moment ago' => [
        1, "update secsession.session set last_seen_at = now() where token_hash = $TOKEN;
        select (secsession.lookup($TOKEN, 'r', 0, 0)).state"
    ],
    'a request whose session was used long ago' =>
        [ 1, "select (secsession.lookup($TOKEN, 'r', 0, 0)).state" ],
    'eight requests at once' => [
        8, "update secsession.session set last_seen_at = now() where token_hash = $TOKEN;
        select count(*) from secsession.lookup_many($TOKEN || sha256('nobody #') ||
        (select string_agg(sha256(('t' || n)::bytea), '')
            from generate_series(# + 1, # + 6) n), 'r')"
    ],
    'a request with a token that nobody has' =>
        [ 1, "select (secsession.lookup(sha256('nobody #'), 'r', 0, 0)).state" ],
    'a login' => [ 1, "select ($LOGIN)).state" ],
    'a login where a user may have three sessions' =>
        [ 5, "select ($LOGIN, most_sessions => 3)).state" ],
    'a logout' => [ 1, "select secsession.logout($TOKEN, 'r', $ID)" ],
    'a rotation' => [ 1, "select secsession.offer_token($ID, $TOKEN, sha256('next#'), 900, 10);
        select (secsession.lookup(sha256('next#'), 'r', 0, 0)).state" ],
    'an open WebSocket' => [ 1, "select secsession.current_token($TOKEN, 'r')" ],
    'what is under way for five sessions' => [
        5, "select count(left_ms) from secsession.under_way(
        (select array_agg(session_id) from secsession.session
        where token_hash in (select sha256(('t' || n)::bytea) from generate_series(# + 1, # + 5) n)))"
    ],
    'the page with a user\'s sessions' =>
        [ 5, "select count(*) from secsession.own_sessions($ID)" ],
    'ending another session of one\'s own' => [
        2, "select secsession.end_own($ID,
        (select session_id from secsession.session
        where token_hash = sha256(('t' || # + 1)::bytea)))"
    ],
    'ending all others of one\'s own' => [ 5, "select secsession.revoke_own($ID, true, 'x')" ],
    'revoke_session' => [ 1, "select secsession.revoke_session($ID, 'x')" ],
    'revoke_user' => [ 5, "select secsession.revoke_user('u' || # / 5, 'x')" ],
    'revoke_address' => [ 5, "select secsession.revoke_address(inet '10.0.0.0' + # / 5, 'x')" ],
    'sweeping what a user\'s revocation has left' => [
        10, "select secsession.revoke_user('u' || # / 5, 'x'); select secsession.sweep(5)"
    ],
    'listing a user\'s sessions' =>
        [ 5, "select count(*) from secsession.active_session where user_name = 'u' || # / 5" ],
    'a heartbeat with the last uses of a thousand' => [
        1000, "select secsession.heartbeat('$USED',
        array_fill(1000, array[1000]), pg_current_snapshot(), 0)"
    ],
    'removing a hundred past their absolute end' => [ 100, 'select secsession.purge(100)' ],
);

for my $what (sort keys %DONE) {
    my ($sessions, $statement) = @{ $DONE{$what} };
    cmp_ok rows_read($statement), '<=', 30 + 10 * $sessions,
        "$what reads no rows of other sessions";
}

# Analysed when they were empty, and filled since then. Nothing analyses them again here.
subtest 'what PostgreSQL believes of the tables is out of date' => sub {
    my $late = calls_of(Secsession::Postgres->start(settings => { autovacuum => 'off' })->install);
    sql('vacuum analyze');
    sql(<<'SQL');
insert into secsession.session (token_hash, realm, user_name, auth_method, client_addr, created_at,
    authenticated_at, last_seen_at, idle_timeout, absolute_timeout, expires_at)
select sha256(('t' || n)::bytea), 'r', 'u' || n, 'form', '192.0.2.1', now(), now(), now(),
    1800, 28800, now() + interval '1 s' * (n - 101)
from generate_series(1, 20000) n;
insert into secsession.other_token (token_hash, session_id, retired_at, grace_until)
select sha256(token_hash), session_id, now(), now() from secsession.session;
insert into secsession.event_log (event, realm, user_name, client_addr)
select 'login', 'r', 'u' || n, '192.0.2.1' from generate_series(1, 20000) n;
insert into secsession.event_log (at, event)
select now() - interval '1 year' + n * interval '1 s', 'logout' from generate_series(1, 20000) n;
SQL
    my $read = q{select 'rows ' || sum(seq_tup_read + coalesce(idx_tup_fetch, 0))
        from pg_stat_xact_user_tables where schemaname = 'secsession'};
    my %asked = (
        'purge' => [ 3000, 'select secsession.purge(50)' ],
        'whether a user has logged in from here' =>
            [ 50, "select secsession.has_logged_in_from('r', 'u15000', '192.0.2.1')" ],
    );
    for my $what (sort keys %asked) {
        my ($most, $statement) = @{ $asked{$what} };
        my @rows = sql("begin; $read; $statement; $read; rollback") =~ /^rows (\d+)$/mg;
        cmp_ok $rows[1] - $rows[0], '<=', $most, "$what reads few rows all the same";
    }
};

done_testing;
