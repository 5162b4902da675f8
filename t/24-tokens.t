# Whether a token is accepted at each moment of its life, and what a login does with it: tests the
# SQL functions that the module calls. The superuser changes times in the tables instead of
# waiting.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;

my $postgres = calls_of(
    Secsession::Postgres->start(settings => { autovacuum => 'off', track_functions => 'all' })
        ->install);

subtest 'when a token is accepted' => sub {
    my $new = login('t1', 'alice', idle => 600, absolute => 3600);
    is $new->{state}, 'live', 'a login makes a live session';
    is_deeply [ @$new{qw(user_name auth_method idle_timeout absolute_timeout)} ],
        [ 'alice', 'form', 600, 3600 ], 'of that user, with those limits';
    is stored('t1', 'expires_at - authenticated_at'), '01:00:00',
        'that ends after the absolute timeout';
    is_deeply [ @{ look('t1') }{qw(session_id created_at)} ], [ @$new{qw(session_id created_at)} ],
        'the next request finds the same session';
    is events('t1'), 'created authenticated', 'the trail has both events';

    is_deeply look('unknown'), {}, 'a token nobody has is unknown';
    is_deeply look('t1', 'elsewhere'), {}, 'a token of another realm is unknown';
    is_deeply call("lookup('\\x00', 'r', 0, 0)"), {}, 'a hash of another length is unknown';
    is_deeply call("lookup(null, 'r', 0, 0)"), {}, 'no hash is unknown';
    is look('t1', 'elsewhere')->{state}, undef, 'and still unknown there';
    is look('t1')->{state}, 'live', 'while it lives here';

    for my $case (
        [ 'idle', 'expired_idle', "last_seen_at = now() - interval '606.0 s'" ],
        [ 'absolute', 'expired_absolute', "expires_at = now() - interval '0.001 s'" ],
        [
            'absolute', 'expired_absolute',
            "expires_at = now(), last_seen_at = now() - interval '700 s'"
        ],
        )
    {
        my ($reason, $event, $set) = @$case;
        my $token = "$reason $set" =~ s/\W+/_/gr;
        login($token, 'alice', idle => 600, absolute => 3600);
        set_session($token, $set =~ s/= now\(\) - interval '(606|0)/= now() - interval '$1/r);
        is_ended($token, $reason, "a session past its end is ended: $set");
        is events($token), "created authenticated $event", 'with its event';
        is stored($token, 'end_reason, ended_at is not null'), "$reason|t", 'and its tombstone';
        set_session($token, "last_seen_at = now(), expires_at = now() + interval '1 h'");
        is_ended($token, $reason, 'nothing brings it back');
        is events($token), "created authenticated $event", 'and nothing more is written about it';
    }
    login('noted', 'alice', idle => 600, absolute => 3600);
    set_session('noted', "last_seen_at = now() - interval '603 s'");
    is state_of('noted'), 'live', 'the last use may have been a hundredth later than was written';
    login('short', 'alice', idle => 10, absolute => 3600);
    set_session('short', "last_seen_at = now() - interval '10.1 s'");
    is state_of('short'), 'live', 'or a second';
    login('edge', 'alice', idle => 600, absolute => 3600);
    set_session('edge',
        "last_seen_at = now() - interval '595 s', authenticated_at = now() - interval '3595 s', "
            . "expires_at = now() + interval '5 s'"
    );
    my $edge = look('edge');
    is $edge->{state}, 'live', 'a session is live until its very end';
    is sql("select '$edge->{asked_at}'::timestamptz - '$edge->{last_seen_at}' >= interval '595 s'"),
        't',
        'it is said when the request before was';
    is sql(
        "select '$edge->{asked_at}'::timestamptz - '$edge->{authenticated_at}' >= interval '3595 s'"
        ), 't',
        'and how long ago the user authenticated';
    is sql(
        "select count(*) from secsession.active_session where user_name = 'alice' and expires_at < "
            . "now()"
        ), 0,
        'active_session shows only live ones';

    login('gone', 'alice');
    is sql("select secsession.logout(sha256('gone'), 'elsewhere')", user => 'httpd_web'), 0,
        'a logout in another realm ends nothing';
    is sql("select secsession.logout(sha256('gone'), 'r')", user => 'httpd_web'), 1,
        'a logout ends the session';
    is sql("select secsession.logout(sha256('gone'), 'r')", user => 'httpd_web'), 0, 'once';
    is_ended('gone', 'logout', 'for good');
    is events('gone'), 'created authenticated logout', 'with one event';

    sql("select secsession.login_failed('r', repeat('x', 9000), '192.0.2.7', 'wrong password')",
        user => 'httpd_web');
    is sql(
        "select length(user_name), client_addr, actor, reason from secsession.event where event = "
            . "'login_failed'",
        user => 'auditor_role'),
        '255|192.0.2.7|httpd_web|wrong password',
        'a failed login is recorded, cut to the length of a name';
};

subtest 'retired tokens' => sub {    # ASVS 5.0 16.3.3
    my $retire = sub {
        my ($token, $retired, $grace) = @_;
        retire_by_hand($token);
        sql(
            "update secsession.other_token set retired_at = now() - interval '$retired s',
                grace_until = now() - interval '$retired s' + interval '$grace s'
            where token_hash = sha256('$token')"
        );
    };
    login('old', 'alice');
    $retire->('old', 1, 30);
    is state_of('old'), 'live', 'a retired token is served in its grace';
    $retire->('old', 5, 0);
    is state_of('old'), 'retired', 'without grace it is refused, and the session goes on';
    is stored('old', 'ended_at is null'), 't', 'unharmed';
    $retire->('old', 9, 5);
    is state_of('old'), 'retired',
        'also for ten seconds from its retirement when the grace was shorter';
    is sql("select secsession.logout(sha256('old'), 'r')", user => 'httpd_web'), 0,
        'it cannot log out';
    $retire->('old', 11, 0);
    is_ended('old', 'reuse', 'presented later it is theft: the session ends');
    is_ended('old', 'reuse', 'and has ended');
    is events('old'), 'created authenticated reuse_detected', 'with one event';
    is sql(
        "select detail->>'authenticated_from', detail->>'presented_from' from secsession.event "
            . "where event = 'reuse_detected'",
        user => 'auditor_role'),
        '192.0.2.1|192.0.2.99', 'that has both addresses';
    login('long', 'alice');
    $retire->('long', 25, 30);
    is state_of('long'), 'live', 'a long grace is served to its end';
    $retire->('long', 31, 30);
    is_ended('long', 'reuse', 'and not a moment longer');
};

# Of a request that waited in a browser with the token that was current when it began to wait. The
# login is from 192.0.2.1, by 'Browser'.
my @HERE = ('192.0.2.1', 'Browser');
my $number = 0;

sub presented {
    my ($token, $addr, $agent) = @_;
    $agent = defined $agent ? "'$agent'" : 'null';
    my $answer = call("lookup(sha256('$token'), 'r', 0, 0, '$addr', $agent)");
    return join '/', map { $_ // () } @$answer{qw(state end_reason)};
}

# A token that was retired so many seconds ago, when this client presented the next one.
sub retired_for {
    my ($seconds, %opt) = @_;
    my ($old, $next) = map { "$_ " . ++$number } qw(old next);
    my ($grace, $client) = ($opt{grace} // 10, $opt{next_by} // \@HERE);
    login($old, 'quentin', idle => 9000, absolute => 9000);
    set_session($old, "rotated_at = now() - interval '1 h'");
    sql("select secsession.offer_token(session_id, token_hash, sha256('$next'), 900, $grace)
        from secsession.token where token_hash = sha256('$old')");
    is presented($next, @$client), 'live', 'the next token is presented';
    age_retired($old, $seconds);
    return ($old, $next);
}

sub age_retired {
    my ($token, $seconds) = @_;
    return sql(
        "update secsession.other_token set retired_at = retired_at - interval '$seconds s',
            grace_until = grace_until - interval '$seconds s'
        where token_hash = sha256('$token')"
    );
}

subtest 'requests that waited in the browser' => sub {
    for my $case (
        [ 9, '203.0.113.9', 'Other', 'live', 'in its grace a token is served to anybody' ],
        [ 20, @HERE, 'live', 'after it, to the browser that has the next one' ],
        [ 280, @HERE, 'live', 'for minutes' ],
        [ 280, '192.0.2.200', 'Browser', 'live', 'whose address may be another of its network' ],
        [ 280, '2001:db8::1', 'Browser', 'live', 'or one of IPv6' ],
        [ 301, @HERE, 'ended/reuse', 'not for ever' ],
        [ 20, '192.0.2.1', 'Other', 'ended/reuse', 'to no other browser' ],
        [ 20, '192.0.2.1', undef, 'ended/reuse', 'to none without a name' ],
        [ 20, '203.0.113.9', 'Browser', 'ended/reuse', 'nor from another network' ],
        )
    {
        my ($seconds, $addr, $agent, $state, $name) = @$case;
        my ($old, $next) = retired_for($seconds);
        is presented($old, $addr, $agent), $state, $name;
        is presented($next, @HERE), $state, 'and the session goes on, or does not';
    }
    my @six = ('2001:db8:0:1::1', 'Browser');
    my ($old) = retired_for(20, next_by => \@six);
    is presented($old, '2001:db8:0:1:9::9', 'Browser'), 'live', 'a network of IPv6 has 64 bits';
    is presented($old, '2001:db8:0:2::1', 'Browser'), 'ended/reuse', 'and no fewer';
    ($old) = retired_for(20, next_by => [ '192.0.2.1', undef ]);
    is presented($old, '192.0.2.1', undef), 'live', 'a browser without a name is the same, too';
    ($old) = retired_for(20, grace => 0);
    is presented($old, @HERE), 'retired', 'without a grace they are refused, and that is all';
    ($old) = retired_for(-600);
    is presented($old, @HERE), 'retired', 'nor does a clock that was set back lengthen it';
};

subtest 'who has the next token, not who logged in, is believed' => sub {
    my @elsewhere = ('203.0.113.9', 'Thief');
    my ($old, $next) = retired_for(20, next_by => \@elsewhere);
    is presented($old, @HERE), 'ended/reuse', 'the owner comes with the token of before';
    is presented($next, @elsewhere), 'ended/reuse', 'and the thief is out';
};

subtest 'requests that waited while their user logged in again' => sub {
    my ($old, $next) = retired_for(20);
    is login("again $number", 'quentin', old => $old)->{session_id}, look($next)->{session_id},
        'a login with such a token goes on with the session';
    is presented("again $number", @HERE), 'live', 'under a new one';
    is presented($_, @HERE), 'retired', 'no token of before outlives it' for $old, $next;
    age_retired($next, 60);
    is presented($next, @HERE), 'retired', 'a request that waited is refused, without harm';
    is presented("again $number", @HERE), 'live', 'to the session';
    is presented($next, '203.0.113.9', 'Other'), 'ended/reuse', 'somebody else is a thief';
    is presented("again $number", @HERE), 'ended/reuse', 'who ends it';
};

subtest 'tokens and their sessions, changed by hand' => sub {
    login('hand', 'alice');
    retire_by_hand('hand');
    sql(
        "update secsession.other_token set retired_at = now() - interval '1 m',
            grace_until = now() + interval '1 m'
        where token_hash = sha256('hand')"
    );
    is stored('hand', 's.token_hash is null'), 't',
        'a token that is retired is its session\'s current one no more';
    is state_of('hand'), 'live', 'and is served in its grace';
    sql("update secsession.other_token set grace_until = retired_at where token_hash = sha256('hand')");
    is_ended('hand', 'reuse', 'but no longer');
    login('gone', 'alice');
    sql("update secsession.session set token_hash = null where token_hash = sha256('gone')");
    is state_of('gone'), '', 'a token that is deleted is unknown at once';
    login('gone', 'alice');
    sql(
        "delete from secsession.session where session_id = (select session_id from "
            . "secsession.token where token_hash = sha256('gone'))"
    );
    is state_of('gone'), '', 'and one whose session is deleted';
};

subtest 'last-seen times' => sub {
    my $seen = sub { return stored($_[0], "now() - last_seen_at < interval '4 s'") };
    my $age = sub { set_session($_[0], "last_seen_at = now() - interval '$_[1] s'") };
    login('seen', 'alice', idle => 100, absolute => 3600);
    set_session('seen', 'idle_timeout = 1000');
    $age->('seen', 6);
    look('seen');
    is $seen->('seen'), 'f', 'not written before a hundredth of the idle timeout has gone by';
    $age->('seen', 10.1);
    look('seen');
    is $seen->('seen'), 't', 'written after it';
    set_session('seen', 'idle_timeout = 100');
    $age->('seen', 5);
    sql("select secsession.touch(array[session_id], array[now()]) from secsession.token where "
            . "token_hash = sha256('seen')");
    is $seen->('seen'), 'f', 'of a web server that remembers it, a tenth';
    sql(
        "update secsession.session set idle_timeout = 2,
            last_seen_at = clock_timestamp() - interval '0.4 s'
        where session_id = (select session_id from secsession.token
        where token_hash = sha256('seen'));
        select state from secsession.lookup(sha256('seen'), 'r', 0, 0)"
    );
    is stored('seen', "extract(epoch from now() - last_seen_at) > 0.4"), 't',
        'never more than once a second';
    set_session('seen', 'idle_timeout = 100');
    $age->('seen', 50);
    is look('seen', 'r', 20, 0)->{state}, 'live',
        'a request outside the location\'s idle limit is answered';
    look('seen', 'r', 0, 10);
    is $seen->('seen'), 't', 'and one within a limit counts';
    $age->('seen', 50);
    set_session('seen', "authenticated_at = now() - interval '60 s'");
    look('seen', 'r', 20, 0);
    look('seen', 'r', 0, 10);
    is $seen->('seen'), 'f', 'one outside the location\'s limits does not keep the session alive';
    look('seen', 'r', 60, 100);
    is $seen->('seen'), 't', 'one inside does';

    set_session('seen', "last_seen_at = now() + interval '1 h'");
    my $before = stored('seen', 'last_seen_at');
    is state_of('seen'), 'live', 'a clock that was set back logs nobody out';
    sql(
        "select secsession.touch(array[session_id], array[now()]) from secsession.token where "
            . "token_hash = sha256('seen')"
    );
    is stored('seen', 'last_seen_at'), $before, 'and last_seen_at never goes back';
    $age->('seen', 5);
    $before = stored('seen', 'last_seen_at');
    sql(
        "select secsession.touch(array[session_id], array[now()]) from secsession.token where "
            . "token_hash = sha256('seen')"
    );
    is stored('seen', 'last_seen_at'), $before,
        'nor is it written by a request that another has overtaken';

    $age->('seen', 50);
    my $lookup = "select state from secsession.lookup(sha256('seen'), 'r', 0, 0)";
    is sql(
        "begin; $lookup; show synchronous_commit; select secsession.logout(sha256('none'), 'r');
        select n_tup_hot_upd from pg_stat_xact_user_tables where relname = 'session'; rollback",
        db => 'app'
        ),
        "live\noff\n0\n1",
        'the write is one heap-only update that waits for no disk';
    is sql(
        "begin; $lookup; select secsession.logout(sha256('seen'), 'r'); show synchronous_commit; "
            . "rollback"
        ), "live\n1\non",
        'but a logout in the same transaction does wait';

    $age->('seen', 50);
    my $read_only = 'begin transaction read only;';
    is sql("$read_only $lookup", user => 'httpd_web'), 'live',
        'a database that cannot write still serves a live session';
    set_session('seen', 'expires_at = now()');
    is sql("$read_only select state, end_reason from secsession.lookup(sha256('seen'), 'r', 0, 0)",
        user => 'httpd_web'), 'ended|absolute',
        'and refuses one past its end';

    login('steady', 'alice');
    $lookup =~ s/seen/steady/;
    my $counter = 'select pg_snapshot_xmax(pg_current_snapshot())';
    my $steady = "select state from secsession.lookup(sha256('steady'), 'r', 0, 0);" x 100;
    is sql(
        "begin; $lookup; select pg_stat_get_xact_function_calls('secsession.touch'::regproc); "
            . "rollback"
        ), "live\n",
        'a request that is not due asks for no write';
    is sql("$counter; $steady $counter") =~ /\A(\d+)\n(?:live\n){100}(\d+)\z/ && $2 - $1, 0,
        'a hundred requests in a row write nothing';
};

subtest 'logging in' => sub {
    my %wrong = (
        'token_hash must be 32 bytes' => "'\\x00', null, 'r', 'a', 'form', null, null, null, 1, 1",
        'realm must not be empty' => "sha256('w'), null, '', 'a', 'form', null, null, null, 1, 1",
        'user_name must have' =>
            "sha256('w'), null, 'r', repeat('a', 256), 'form', null, null, null, 1, 1",
        'user_name must have 1' => "sha256('w'), null, 'r', '', 'form', null, null, null, 1, 1",
        'user_name must have 1 to 255' =>
            "sha256('w'), null, 'r', null, 'form', null, null, null, 1, 1",
        'control characters' => "sha256('w'), null, 'r', e'a\\nb', 'form', null, null, null, 1, 1",
        'auth_method' => "sha256('w'), null, 'r', 'a', '', null, null, null, 1, 1",
        'idle_timeout and' => "sha256('w'), null, 'r', 'a', 'form', null, null, null, 0, 1",
        'absolute_timeout must' => "sha256('w'), null, 'r', 'a', 'form', null, null, null, 1, -1",
    );
    like $postgres->psql_fails(
        "\\set VERBOSITY verbose\n"
            . "select secsession.authenticate(row($wrong{$_})::secsession.login)",
        user => 'httpd_web'), qr/22023: .*$_/, "refused: $_"
        for sort keys %wrong;

    my $first = login('a1', 'anna', idle => 100, absolute => 200);
    my $second = login('a2', 'anna', old => 'a1', idle => 300, absolute => 400);
    is $second->{session_id}, $first->{session_id},
        'a user who authenticates again keeps the session';
    is_deeply [ @$second{qw(idle_timeout absolute_timeout)} ], [ 300, 400 ], 'with the new limits';
    is state_of('a1'), 'retired', 'the old token is refused at once';
    is state_of('a2'), 'live', 'the new one is good';
    is events('a2'), 'created authenticated rotated authenticated', 'the trail says so';
    my $third = login('a3', 'anna', old => 'a1');
    isnt $third->{session_id}, $first->{session_id}, 'a retired token carries no session over';
    is state_of('a2'), 'live', 'and harms none';

    my $bob = login('b1', 'bob', old => 'a2');
    isnt $bob->{session_id}, $first->{session_id}, 'another user gets another session';
    is_ended('a2', 'logout', 'and the first user\'s ends');
    is sql("select reason from secsession.event where event = 'logout' and user_name = 'anna'"),
        'another user logged in',
        'for that reason';
    isnt login('b2', 'bob', old => 'a2')->{session_id}, $first->{session_id},
        'an ended session is not taken up again';
    isnt login('b3', 'bob', old => 'never')->{session_id}, undef,
        'nor is an unknown token a hindrance';
    is state_of('never'), '', 'which stays unknown';

    my $rows =
        'select (select count(*) from secsession.session), (select count(*) from '
            . 'secsession.token), (select count(*) from secsession.event_log)';
    my $before = sql($rows);
    is login('b3', 'bob', old => 'never')->{session_id}, look('b3')->{session_id},
        'the same call again gives the same session';
    login('a4', 'anna', old => 'a3');
    my $after = sql($rows);
    is login('a4', 'anna', old => 'a3')->{session_id}, $third->{session_id},
        'also when it replaced a token';
    is sql($rows), $after, 'and writes nothing';
    like $postgres->psql_fails('select secsession.' . authenticate('a4', 'bob'),
        user => 'httpd_web'), qr/token_hash is in use/,
        'nobody gets a token of another user';

    my $grace = login('g1', 'gus');
    retire_by_hand('g1');
    sql(
        "update secsession.other_token set retired_at = now(), "
            . "grace_until = now() + interval '1 h' where token_hash = sha256('g1')"
    );
    is login('g2', 'gus', old => 'g1')->{session_id}, $grace->{session_id},
        'a token in its grace is good for the login form too';
    is state_of('g1'), 'retired', 'but its grace ends there';

    my $counts =
        'select (select count(*) from secsession.session), (select count(*) from secsession.token)';
    my $moment = moment();
    sql("select secsession.revoke_user('anna', 'test')", user => 'admin_role');
    my $none = sql($counts);
    my $refused = login('late', 'anna', moment => $moment);
    is "$refused->{state}/$refused->{end_reason}", 'ended/revoked',
        'a login that began before a revocation is refused';
    is sql($counts), $none, 'and leaves nothing';
    is sql("select user_name from secsession.event where reason = 'revoked meanwhile'"), 'anna',
        'but an event';
    is call(authenticate('ua', 'anna') =~ s/'Browser'/repeat('B', 300)/r)->{state}, 'live',
        'a browser with a long name can log in';
    is stored('ua', 'length(user_agent)'), 255, 'and is remembered by the beginning of it';
};

done_testing;
