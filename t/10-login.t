# Logging in: who knows the password gets a session with a new token, and nobody else does;
# neither the database nor a log learns the token or the password (I5, I7; ASVS 5.0 7.2.4). The
# page itself is tested in t/15-login-page.t, passwords that cannot be checked in
# t/51-password-unavailable.t.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run scratch slurp spew);
use Digest::SHA 'sha256_hex';
use List::Util qw(sum0 uniq);
use MIME::Base64 'decode_base64url';

my $NAME = '__Host-secsession';
my $GUESSED = 'G' x 42 . 'A';
my %HASH = (
    'third time' => '$2y$04$zWy1neROnC5557HVAQLFuuI9H8iMEUc4jWtwSwAWEXGMhNygZcMKy',
    'elsewhere' => '$2y$04$km5DQiszEkmlUVAauPvaJeHJPAJ/Zf0jefuvsJDmBCvdlcBqdlVxe',
    # cost 11: 128 times as slow
    'slow and steady' => '$2y$11$mVeISbMFSdFv9lsvH9UWfeaXQ8sUnh68.9buS0/ME6dtWKcxPLw9S',
);
my $SLOW_USERS = spew(scratch('slow') . '/users', "carol:$HASH{'slow and steady'}\n");

sub location {
    my ($path, @lines) = @_;
    return join "\n", qq{<Location "$path">}, @lines, '</Location>', '';
}

sub login_at {
    my ($path, @lines) = @_;
    return location($path, 'SetHandler secsession-login', 'Require all granted', @lines);
}

# The same users file that start_servers gives to /login.
my $FILE = 'AuthUserFile "' . Secsession::Test::users_file(scratch('staff')) . '"';
my $DBD = 'AuthDBDUserPWQuery "select password from app_user where name = %s"';
my @LOCATIONS = (
    login_at('/login-dbd', $DBD, 'SecSessionAuthProvider dbd'),
    login_at('/login-both', $DBD, $FILE, 'SecSessionAuthProvider file dbd'),
    login_at('/login-reverse', $DBD, $FILE, 'SecSessionAuthProvider dbd staff'),
    login_at('/login-alias', 'SecSessionAuthProvider staff'),
    login_at('/login-slow', qq{AuthUserFile "$SLOW_USERS"}),
    login_at('/login-short', $FILE, 'SecSessionIdleTimeout 5m', 'SecSessionAbsoluteTimeout 1h'),
    login_at('/login-home', $FILE, 'SecSessionLoginHome /static/page.html'),
);

my ($postgres, $httpd) = start_servers(
    modules => ['authn_dbd'], database => { log_statements => 1 },
    log_level => 'info secsession:trace8 authn_dbd:trace8 authn_file:trace8 dbd:trace8',
    config => join "\n",
    '<AuthnProviderAlias file staff>', $FILE, '</AuthnProviderAlias>', @LOCATIONS);
$postgres->psql(<<'SQL', vars => { elsewhere => $HASH{elsewhere}, carol => $HASH{'third time'} });
create table app_user (name text primary key, password text not null);
grant select on app_user to httpd_web;
insert into app_user values ('alice', :'elsewhere'), ('carol', :'carol');
SQL
my @tokens;    # every token that was given out: no log and no table may hold one
my @passwords = ('correct horse', 'battery staple', keys %HASH, 'Wr0ngPassw0rd');

sub ours { return grep { /\A\Q$NAME\E\s*=/ } $_[0]->all_headers('Set-Cookie') }

sub who {
    my ($client, $path) = @_;
    my $page = $client->get($path // '/app/show');
    return environment_of($page)->{REMOTE_USER} // $page->status;
}

sub with_token { return $httpd->client->set_token($_[0]) }
sub count { return $postgres->count(@_) }

sub logged_in {
    my ($user) = @_;
    my $client = browser($httpd, $user // 'alice');
    push @tokens, $client->token;
    return $client;
}

sub session_of {
    my ($client, $columns) = @_;
    return $postgres->psql("select $columns from secsession.session where session_id = :'id'",
        vars => { id => id_of($client) });
}

sub events {
    my ($client) = @_;
    return $postgres->psql(<<'SQL', vars => { id => id_of($client) });
select event, realm, user_name, client_addr, detail ->> 'method' from secsession.event
where session_id = :'id' order by at
SQL
}

subtest 'who knows the password is logged in, whichever provider knows the user' => sub {
    my @cases = (
        [ 'file, bcrypt', '/login', 'alice', 'correct horse' ],
        [ 'dbd', '/login-dbd', 'carol', 'third time' ],
        [ 'dbd, its own password', '/login-dbd', 'alice', 'elsewhere' ],
        [ 'the first of two', '/login-both', 'alice', 'correct horse' ],
        [ 'the second, where the first knows no such user', '/login-both', 'carol', 'third time' ],
        [ 'the other way round', '/login-reverse', 'alice', 'elsewhere' ],
        [ 'the other way round, the second', '/login-reverse', 'bob', 'battery staple' ],
        [ 'an alias', '/login-alias', 'bob', 'battery staple' ],
        [ 'slow bcrypt', '/login-slow', 'carol', 'slow and steady' ],
    );
    for my $case (@cases) {
        my ($name, $path, $user, $password) = @$case;
        my $client = $httpd->client;
        my $response = $client->login($user, $password, path => $path);
        is_deeply [ $response->status, $response->header('Location') ], [ 303, '/' ],
            "$name: goes on";
        like join('|', $response->all_headers('Set-Cookie')),
            qr{\A\Q$NAME\E=[A-Za-z0-9_-]{43}; Path=/; Secure; HttpOnly; SameSite=Lax\z},
            "$name: one cookie, as it must be";
        is $response->header('Cache-Control'), 'no-store', "$name: nobody keeps the answer";
        is who($client), $user, "$name: is $user to the application";
        unlike $response->body, qr/\Q$NAME\E|\Q@{[ $client->token ]}\E/,
            "$name: the token is in no text";
        push @tokens, $client->token;
    }
    is scalar(uniq(@tokens)), scalar(@tokens), 'each has another token';
    my $home = $httpd->client->login('alice', 'correct horse', path => '/login-home');
    is $home->header('Location'), '/static/page.html', 'SecSessionLoginHome is where one arrives';
};

my @REFUSED = (
    [ 'a wrong password', '/login', 'alice', 'Wr0ngPassw0rd' ],
    [ 'no such user', '/login', 'nobod', 'Wr0ngPassw0rd' ],
    [ 'a user of another provider', '/login', 'carol', 'third time' ],
    [ 'another user\'s', '/login', 'bob', 'correct horse' ],
    [ 'no password', '/login', 'alice', '' ],
    [ 'no user', '/login', '', 'correct horse' ], [ 'nothing', '/login', '', '' ],
    [ 'the hash', '/login-dbd', 'carol', $HASH{'third time'} ],
    [ 'in capitals', '/login', 'ALICE', 'correct horse' ],
    [ 'dbd, no such user', '/login-dbd', 'nobod', 'third time' ],
    [ 'dbd, wrong', '/login-dbd', 'carol', 'Wr0ngPassw0rd' ],
    [ 'SQL', '/login-dbd', q{x' or '1'='1}, 'third time' ],
    [ 'SQL union', '/login-dbd', q{x' union select '' --}, '' ],
    [ 'a longer password', '/login', 'alice', 'correct horses' ],
    [ 'a shorter one', '/login', 'alice', 'correct hors' ],
    [ 'the second would let in, the first does not', '/login-both', 'alice', 'elsewhere' ],
    [ 'the other way round', '/login-reverse', 'alice', 'correct horse' ],
);

subtest 'nobody else is, and a user who is already logged in stays logged in' => sub {
    my $alice = logged_in();
    my $before = count('session');
    for my $case (@REFUSED) {
        my ($name, $path, $user, $password) = @$case;
        my $client = $httpd->client;
        my $response = $client->login($user, $password, path => $path);
        is_deeply [ $response->status, map { $response->all_headers($_) } qw(Set-Cookie Location) ],
            [401], "$name: 401, no cookie";
        is $alice->login($user, $password, path => $path)->status, 401,
            "$name: nor for who has a session";
    }
    is count('session'), $before, 'no session came of it';
    is who($alice), 'alice', 'and hers is as it was';
};

sub fields_of { return [ map { "@$_" } grep { $_->[0] ne 'Date' } @{ $_[0]->headers } ] }

subtest 'the answer does not tell whether there is such a user' => sub {    # ASVS 5.0 6.3.8
    for my $path (qw(/login /login-dbd /login-both /login-reverse /login-alias)) {
        for my $old (undef, $GUESSED, logged_in('bob')->token) {
            my ($known, $unknown) = map {
                my $client = $httpd->client;
                $client->set_token($old) if $old;
                $client->login($_, 'Wr0ngPassw0rd', path => $path, return => '/app/show');
            } qw(alice nobod);
            my $name = "$path, "
                . (!$old ? 'no cookie' : $old eq $GUESSED ? 'a useless one' : 'a good one');
            is $unknown->status, $known->status, "$name: status";
            is_deeply fields_of($unknown), fields_of($known), "$name: header fields";
            is $unknown->body =~ s/nobod/alice/gr, $known->body, "$name: page";
        }
    }
    like $httpd->client->login('alice', 'Wr0ngPassw0rd')->body,
        qr/user name or the password is wrong/, 'it says what is wrong';
};

subtest 'a token that was known before the login is worthless after it' => sub {
    my %planted = (
        'a guess' => sub { $GUESSED },
        'the attacker\'s own session' => sub { logged_in('bob')->token },
        'an open session of the same user' => sub { logged_in()->token },
        'one that was logged out' =>
            sub { my $client = logged_in(); $client->clone->logout; $client->token },
        'one that was revoked' => sub {
            my $client = logged_in('bob');
            $postgres->psql("select secsession.revoke_user('bob', 'test')");
            has_heard($postgres);
            $client->token;
        },
        'no token at all' => sub { 'x' },
    );
    for my $name (sort keys %planted) {
        my $token = $planted{$name}->();
        my $victim = with_token($token);
        my @running = map { with_token($token)->start_request('GET', '/app/show') } 1 .. 3;
        my $response = $victim->login('alice', password_of('alice'));
        push @running, map { with_token($token)->start_request('GET', '/app/show') } 1 .. 3;
        is_deeply [ $response->status, scalar ours($response) ], [ 303, 1 ],
            "$name: the login works, with one cookie";
        isnt $victim->token, $token, "$name: under another token";
        my @seen = map { environment_of($_->finish)->{REMOTE_USER} // 'nobody' } @running;
        is_deeply [ grep { $_ eq 'alice' && $name !~ /same user/ } @seen ], [],
            "$name: nor is it during the login";
        is_deeply [ who(with_token($token)), id_of(with_token($token)) ], [ 401, undef ],
            "$name: it opens nothing afterwards";
        is who($victim), 'alice', "$name: trying it does the victim no harm";
        push @tokens, $victim->token;
    }
    my @two = map { logged_in('bob')->token } 1 .. 2;
    my $body = 'username=alice&password=correct+horse';
    my $response = $httpd->post('/login', $body, headers => [
        [ Cookie => join '; ', map { "$NAME=$_" } @two ],
        [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ]);
    my ($new) = (ours($response))[0] =~ /=([^;]*)/;
    is who(with_token($new)), 'alice', 'two planted ones: the login works';
    is_deeply [ map { who(with_token($_)) } @two ], [ 'bob', 'bob' ],
        'two planted ones: they are whose they were';
    push @tokens, $new;
};

subtest 'logging in again gives a new token, and the old one is worthless at once' => sub {
    my $alice = logged_in();
    my ($old, $id) = ($alice->token, id_of($alice));
    my $earlier = "set expires_at = expires_at - interval '1 hour' where session_id = :'id'";
    $postgres->psql("update secsession.session $earlier", vars => { id => $id });
    my $keep_alive = $alice->clone;
    is $keep_alive->get('/app/show', keep_alive => 1)->status, 200, 'a connection is open';
    is $alice->login('alice', password_of('alice'))->status, 303, 'the same user';
    push @tokens, $alice->token;
    is $keep_alive->get('/app/show', keep_alive => 1, jar => 0,
        headers => [ [ Cookie => "$NAME=$old" ] ])->status, 401,
        'the old token is refused there, too';
    is_deeply [ map { who(with_token($old)) } 1 .. 8 ], [ (401) x 8 ], 'and in every child';
    is id_of($alice), $id, 'it is the same session';
    is session_of($alice, "expires_at > now() + interval '7 hours 59 minutes'"), 't',
        'with a new absolute end';
    is $alice->login('bob', password_of('bob'))->status, 303, 'another user';
    push @tokens, $alice->token;
    isnt id_of($alice), $id, 'has a session of his own';
    is $postgres->psql("select end_reason from secsession.session where session_id = :'id'",
        vars => { id => $id }),
        'logout', 'hers has ended';
};

# ASVS 5.0 16.3.1
subtest 'sessions and the audit trail say who logged in, when, where, how and for how long' => sub {
    my $client = $httpd->client;
    $client->login('alice', password_of('alice'), path => '/login-short',
        headers => [ [ 'User-Agent' => 'Lynx/2 (test)' ] ]);
    push @tokens, $client->token;
    my %session = (
        realm => 'localhost', user_name => 'alice', auth_method => 'form',
        client_addr => '127.0.0.1', user_agent => 'Lynx/2 (test)',
        idle_timeout => 300, absolute_timeout => 3600, persistent => 'f',
        'expires_at - authenticated_at' => '01:00:00',
        "authenticated_at > now() - interval '20 seconds'" => 't',
    );
    is session_of($client, join ', ', sort keys %session),
        join('|', @session{ sort keys %session }), 'the session, with the limits of its login page';
    my @login =
        ('created|localhost|alice|127.0.0.1|', 'authenticated|localhost|alice|127.0.0.1|form');
    is events($client), join("\n", @login), 'the events of a login';
    $client->login('alice', password_of('alice'));
    push @tokens, $client->token;
    is events($client), join("\n", @login, 'rotated|localhost|alice|127.0.0.1|', $login[1]),
        'and of another';
    is session_of($client, 'idle_timeout, absolute_timeout'), '1800|28800',
        'which brings its own limits';
    for my $user (qw(alice nobody), "J\xc3\xb6rg", q{<b>'"\\}) {
        $client->login($user, 'Wr0ngPassw0rd', path => '/login-both');
        my $said = $postgres->psql(<<'SQL');
select event, session_id, realm, user_name, client_addr, actor, reason = 'wrong user name or password'
from secsession.event order by at desc limit 1
SQL
        is $said, "login_failed||localhost|$user|127.0.0.1|httpd_web|t", "a failed login of $user";
    }
    like $httpd->error_log, qr/SS204: login failed in realm localhost for user nobody/,
        'failures are in the log, for fail2ban';
};

subtest 'many logins at once all work' => sub {
    my @browsers = map { $httpd->client } 1 .. 10;
    my $before = count('session');
    my %form = (headers => [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ],
        body => 'username=alice&password=correct+horse');
    my @running = map { $_->start_request('POST', '/login', %form) } @browsers;
    is_deeply [ map { $_->finish->status } @running ], [ (303) x 10 ], 'ten of one user';
    is_deeply [ map { who($_) } @browsers ], [ ('alice') x 10 ], 'and each has a session';
    is count('session') - $before, 10, 'of its own';
    push @tokens, map { $_->token } @browsers;
    my %old = ('no cookie' => undef, 'a good cookie' => logged_in()->token,
        'another user\'s' => logged_in('bob')->token, 'a useless cookie' => $GUESSED);
    for my $name (sort keys %old) {
        for my $round (1 .. 3) {
            my @twice = map { $old{$name} ? with_token($old{$name}) : $httpd->client } 1 .. 2;
            my @submitted = map { $_->start_request('POST', '/login', %form) } @twice;
            is_deeply [ map { $_->finish->status } @submitted ], [ 303, 303 ],
                "a form sent twice, $name: both are accepted";
            is_deeply [ map { who($_) } @twice ], [ 'alice', 'alice' ],
                "a form sent twice, $name: whichever cookie stays is good";
            push @tokens, map { $_->token } @twice;
            $old{$name} = $twice[0]->token if $name eq 'a good cookie';
        }
    }
};

# User and system time of the children.
sub cpu_ticks {
    my @stats = map { [ split ' ', slurp("/proc/$_/stat") =~ s/.*\)//sr ] } $httpd->child_pids;
    return sum0(map { @$_[11, 12] } @stats);
}

sub work_of {
    my ($path, $user) = @_;
    my $before = cpu_ticks();
    $httpd->client->login($user, 'Wr0ngPassw0rd', path => $path) for 1 .. 3;
    return cpu_ticks() - $before;
}

# The hashes of some users are quick, those of others slow.
subtest 'a user who does not exist is as much work as one who does' => sub {    # ASVS 5.0 6.3.8
    my $known = work_of('/login-slow', 'carol');
    cmp_ok $known, '>=', 12, 'checking a password against these hashes is work';
    my %users = ('/login-slow' => [ 'nobody', "not\ta\tname", 'x' x 300 ], '/login' => [qw(alice nobody)]);
    for my $path (sort keys %users) {
        for my $user (@{ $users{$path} }) {
            my $work = work_of($path, $user);
            ok $work * 4 > $known && $work < $known * 4,
                "$path: as for the costliest ($known ticks, $work)";
        }
    }
};

subtest 'neither the database nor a log holds a token or a password' => sub {
    my $alice = logged_in();
    my ($exit, $dump) =
        run([ $postgres->program('pg_dump'), '-h', $postgres->host, qw(-U postgres --inserts app) ]);
    is $exit, 0, 'the database can be dumped';
    my $logs = $httpd->error_log . $httpd->access_log . $postgres->log;
    my $bytes = decode_base64url($alice->token);
    like $dump, qr/@{[ sha256_hex($bytes) ]}/, 'the token\'s hash is there';
    my @given = grep { length == 43 } uniq(@tokens);
    my @forms =
        map { ($_, tr{-_}{+/}r, unpack('H*', $_), unpack('H*', decode_base64url($_))) } @given;
    cmp_ok @forms, '>', 100, 'many tokens were given out';
    is_deeply [ grep { index($dump, $_) >= 0 } @forms ], [], 'no token is in the database';
    is_deeply [ grep { index($logs, $_) >= 0 } @forms ], [], 'no token is in a log';
    my @typed = map { ($_, s/ /+/gr, s/ /%20/gr) } @passwords;
    is_deeply [ grep { index($dump, $_) >= 0 } @typed ], [], 'no password is in the database';
    is_deeply [ grep { index($logs, $_) >= 0 } @typed ], [], 'no password is in a log';
    like $logs, qr/SS205: user alice logged in/, 'though the logins are';
};

done_testing;
