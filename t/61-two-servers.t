# Two httpds with one database: what happens to a session on one of them takes effect on the other
# within the lease, and its use on one counts on the other, even if the other has the session in
# its cache.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process 'await';
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $LEASE = 1;
my $SOON = 10;    # seconds, for what must happen but has no bound that a test could assert
my $CONFIG = <<'CONFIG';
SecSessionRealm shared
<Location "/login-short">
    SetHandler secsession-login
    AuthUserFile "@FOLDER@/users"
    SecSessionIdleTimeout 5s
    SecSessionAbsoluteTimeout 12s
    Require all granted
</Location>
CONFIG

sub config_of { my ($text) = @_; return Secsession::Test::standard_config(config => $text) }

sub another {
    my ($postgres, $text) = @_;
    my $httpd = Secsession::Httpd->new(
        postgres => $postgres, config => config_of($text), children => 2,
        files => { 'static/page.html' => "<p>private</p>\n", 'pub/page.html' => "<p>public</p>\n" }
    );
    users_file($httpd->folder);
    return $httpd->launch;
}

my $postgres = Secsession::Postgres->start->install;
my ($first, $second) = map { another($postgres, $CONFIG) } 1 .. 2;

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub sql { return $postgres->psql(@_) }
sub revoke {
    return $postgres->psql("select secsession.revoke_user('$_[0]', 'test')", user => 'admin_role');
}
sub with_token { my ($httpd, $token) = @_; return $httpd->client->set_token($token) }
sub status {
    my ($httpd, $token, $path) = @_;
    return with_token($httpd, $token)->get($path // '/static/page.html')->status;
}
sub seen {
    my ($httpd, $token) = @_;
    return environment_of(with_token($httpd, $token)->get('/app/show'));
}

sub logged_in {
    my ($httpd, $user, %opt) = @_;
    my $client = $httpd->client;
    my $status = $client->login($user, password_of($user), %opt)->status;
    die "$user cannot log in: $status\n" if $status != 303;
    return $client;
}

# Asked often enough that every child of the server has it in its cache, if there is one.
sub is_served_by {
    my ($httpd, $token, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %seen;
    $seen{ status($httpd, $token) }++ for 1 .. 12;
    return is join(' ', sort keys %seen), '200', $name;
}

# From the lease on no child may serve it; each request is of a browser that has not heard of the
# end.
sub is_refused_by {
    my ($httpd, $token, $since, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($late, $refused) = (0, 0);
    await {
        my $start = now();
        my $is_refused = status($httpd, $token) == 401;
        $late++ if !$is_refused && $start > $since + $LEASE;
        $refused = $is_refused ? $refused + 1 : 0;
        return $refused >= 12;
    } $SOON;
    ok $refused >= 12, $name;
    return is $late, 0, "$name: by every request that starts later than the lease";
}

subtest 'who logs in on one server is known on the other' => sub {
    my $alice = logged_in($first, 'alice');
    my ($here, $there) = map { seen($_, $alice->token) } $first, $second;
    is $there->{REMOTE_USER}, 'alice', 'by her name';
    is_deeply [ map { $there->{"SECSESSION_$_"} } qw(ID CREATED AUTHENTICATED EXPIRES IDLE) ],
        [ map { $here->{"SECSESSION_$_"} } qw(ID CREATED AUTHENTICATED EXPIRES IDLE) ],
        'as the same session, with the same times';
    is_served_by($second, $alice->token, 'on every connection');
};

subtest 'who logs out on one server is logged out on the other' => sub {
    for my $pair ([ $first, $second ], [ $second, $first ]) {
        my ($here, $there) = @$pair;
        my $alice = logged_in($here, 'alice');
        is_served_by($_, $alice->token, 'both serve her') for $here, $there;
        my $token = $alice->token;
        is $alice->logout->status, 303, 'she logs out';
        is_refused_by($_, $token, now(), 'and is refused') for $here, $there;
    }
};

my %revocations = (
    'revoke_session' =>
        "select secsession.revoke_session(session_id, 'test') from secsession.active_session where "
            . "user_name = 'bob'",
    'revoke_user' => "select secsession.revoke_user('bob', 'test')",
    'revoke_address' => "select secsession.revoke_address('127.0.0.0/8', 'test')",
    'revoke_before' => "select secsession.revoke_before(clock_timestamp(), 'test', 'shared')",
    'revoke_all' => "select secsession.revoke_all('test')",
    'an update by hand' =>
        "update secsession.session set ended_at = now(), end_reason = 'revoked' where user_name = "
            . "'bob'",
    'a delete by hand' => "delete from secsession.session where user_name = 'bob'",
    'an expiry by hand' =>
        "update secsession.session set expires_at = now() where user_name = 'bob'",
    'a token retired by hand' =>
        "insert into secsession.other_token (session_id, token_hash, retired_at, grace_until)
        select session_id, token_hash, now(), now() from secsession.session
        where user_name = 'bob' and token_hash is not null;
        update secsession.session set token_hash = null where user_name = 'bob'",
    'a token taken away by hand' =>
        "update secsession.session set token_hash = null where user_name = 'bob'",
    'everything truncated' => 'truncate secsession.session cascade',
);

subtest 'who is revoked in psql is refused by both servers' => sub {
    for my $how (sort keys %revocations) {
        my $bob = logged_in($first, 'bob');
        is_served_by($_, $bob->token, "both serve him before $how") for $first, $second;
        sql($revocations{$how});
        my $since = now();
        is_refused_by($_, $bob->token, $since, "$how: refused") for $first, $second;
    }
};

subtest 'a revocation that is rolled back, or is of somebody else, ends nothing' => sub {
    my ($alice, $bob) = map { logged_in($first, $_) } qw(alice bob);
    is_served_by($_, $bob->token, 'both serve him') for $first, $second;
    sql("begin; $revocations{$_}; rollback") for sort keys %revocations;
    is_served_by($_, $bob->token, 'and after all these revocations were rolled back')
        for $first, $second;
    revoke('alice');
    is_served_by($_, $bob->token, 'and after somebody else was revoked') for $first, $second;
    is_refused_by($_, $alice->token, now(), 'who is refused') for $first, $second;
};

subtest 'a second login on one server makes the old token worthless on the other' => sub {
    my $alice = logged_in($first, 'alice');
    my ($old, $id) = ($alice->token, seen($second, $alice->token)->{SECSESSION_ID});
    is_served_by($_, $old, 'both serve her') for $first, $second;
    is $alice->login('alice', password_of('alice'))->status, 303, 'she logs in again';
    my $since = now();
    is_refused_by($_, $old, $since, 'her old token is refused') for $second, $first;
    is_served_by($_, $alice->token, 'the new one is good') for $first, $second;
    is seen($second, $alice->token)->{SECSESSION_ID}, $id, 'for the same session';
    my $bob = $alice->clone;
    $bob->login('bob', password_of('bob'));
    is_refused_by($second, $alice->token, now(),
        'somebody else logs in with her browser: she is out');
    is seen($second, $bob->token)->{REMOTE_USER}, 'bob', 'and it is his';
};

subtest 'a session that only the other server has ever seen' => sub {
    my $alice = logged_in($second, 'alice');
    is_served_by($second, $alice->token, 'the second server has it');
    is with_token($first, $alice->token)->logout->status, 303,
        'the first, which never saw it, ends it';
    is_refused_by($second, $alice->token, now(), 'the second refuses it');
};

# --- timeouts ------------------------------------------------------------------------------------

sub log_in_for_short {
    my ($user) = @_;
    return logged_in($first, $user, path => '/login-short')->token;
}

# Used on the first server, twice a second, until so much time has passed by the database's clock.
sub busy_on_first {
    my ($token, $seconds) = @_;
    my ($end, $refused) = (now() + $seconds, 0);
    await { $refused++ if status($first, $token) != 200; return $refused || now() > $end }
    $seconds + 5;
    return !$refused;
}

sub reason {
    my ($httpd, $token) = @_;
    my $answer =
        with_token($httpd, $token)->get('/app/show', headers => [ [ Accept => 'text/html' ] ]);
    return $answer->status == 303
        && $answer->header('Location') =~ /&why=(\w+)/ ? $1 : $answer->status;
}

subtest 'a session that is busy on one server is not idle on the other' => sub {
    my $token = log_in_for_short('alice');
    is status($second, $token), 200, 'the second server has seen it once';
    ok busy_on_first($token, 6.5),
        'then it is used on the first, for longer than its idle timeout of 5 s';
    is reason($second, $token), 200, 'the second server serves it';
    is reason($first, $token), 200, 'so does the first';
};

subtest 'a session that is used nowhere is idle on both' => sub {
    my $token = log_in_for_short('alice');
    my $start = now();
    is status($_, $token), 200, 'both have seen it' for $first, $second;
    my $last = now();
    my $is_idle = sub {
        $postgres->value(
            "select not exists (select from secsession.active_session where session_id = :'id')",
            vars => { id => $_[0] }
        ) eq 't';
    };
    my $id = $postgres->value(
        "select session_id from secsession.token where token_hash = sha256(decode(:'t', 'base64'))",
        vars => { t => $token =~ tr{-_}{+/}r . '=' }
    );
    ok await(sub { $is_idle->($id) && now() > $last + 5 }), 'the database says when it is idle';
    is reason($_, $token), 'idle', 'both refuse it as idle' for $second, $first;
    cmp_ok now() - $start, '>=', 5, 'not before its time';
};

subtest 'the absolute end is the same on both, also where it is asked late' => sub {
    my $before = now();
    my $token = log_in_for_short('alice');
    my $after = now();
    is status($second, $token), 200, 'the second server has seen it once';
    my ($served, $refused) = (now(), 0);
    my $ask = sub {
        my $start = now();
        return $refused = now() if status($first, $token) != 200;
        $served = $start;
        return 0;
    };
    ok await(sub { $ask->() }), 'it is used on the first until that refuses it';
    my $reason = reason($second, $token);
    is $reason, 'absolute', 'the second, asked only now, refuses it for the same reason';
    is reason($first, $token), 'absolute', 'as the first does';
    cmp_ok $served, '<', $after + 12 + $LEASE, 'no request that starts behind it is served';
    cmp_ok $refused, '>=', $before + 12, 'and none before it was refused';
};

# --- trouble -------------------------------------------------------------------------------------

subtest 'the database is stopped' => sub {
    my $alice = logged_in($first, 'alice');
    is_served_by($_, $alice->token, 'both serve her') for $first, $second;
    $postgres->stop('fast');
    my $since = now();
    for my $httpd ($first, $second) {
        my ($late, %seen) = (0);
        await {
            my $start = now();
            my $status = eval { status($httpd, $alice->token) } or return 0;    # cut as the lease ended
            $seen{$status}++;
            $late++ if $status == 200 && $start > $since + $LEASE;
            return $status == 503 && $start > $since + $LEASE;
        } $SOON;
        ok $seen{503}, 'she is answered with 503';
        is $late, 0, 'by every request behind the lease';
        is_deeply [ grep { !/^(?:200|503)$/ } keys %seen ], [], 'and never sent to log in';
    }
    $postgres->start_again;
    is status($_, $alice->token), 200, 'the first request after its return works'
        for $first, $second;
    revoke('alice');
    is_refused_by($_, $alice->token, now(), 'and revocations are obeyed as before')
        for $first, $second;
};

subtest 'one server is restarted, the other goes on' => sub {
    my $alice = logged_in($first, 'alice');
    is_served_by($_, $alice->token, 'both serve her') for $first, $second;
    $second->restart;
    is_served_by($_, $alice->token, 'and after the restart of one') for $first, $second;
    $second->stop;
    is_served_by($first, $alice->token, 'and while it is stopped');
    revoke('alice');
    my $since = now();
    is_refused_by($first, $alice->token, $since, 'she is revoked meanwhile');
    $second->launch;
    is_refused_by($second, $alice->token, $since,
        'the server that was away refuses her from its first request');
};

subtest 'servers of different realms stay apart' => sub {
    my $other = another($postgres, $CONFIG =~ s/shared/other/r);
    my ($alice, $there) = (logged_in($first, 'alice'), logged_in($other, 'alice'));
    is_served_by($first, $alice->token, 'she is logged in to one realm');
    is_served_by($other, $there->token, 'and to the other');
    is status($other, $alice->token), 401, 'the token of one is unknown in the other';
    is status($_, $there->token), 401, 'and the other way round' for $first, $second;
    with_token($other, $alice->token)->logout;
    is_served_by($_, $alice->token, 'a logout there with a token of here ends nothing')
        for $first, $second;
    sql("select secsession.revoke_user('alice', 'test', 'shared')");
    my $since = now();
    is_refused_by($_, $alice->token, $since, 'she is revoked in one realm') for $first, $second;
    is_served_by($other, $there->token, 'not in the other');
    sql("select secsession.revoke_all('test', 'other')");
    is_refused_by($other, $there->token, now(), 'until that is revoked too');
    $other->stop;
};

done_testing;
