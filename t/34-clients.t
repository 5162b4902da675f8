# SecSessionAdopt with SecSessionKeys: clients that send their credentials with each request, such as
# those of WebDAV, have one session, whether they keep cookies or not; and whom an administrator has
# revoked is refused until the credentials change or are allowed again.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run scratch slurp spew);
use Digest::MD5 'md5_hex';

my $NAME = '__Host-secsession';
my $USERS = users_file(scratch('clients'));
my $DIGEST = spew(scratch('digest') . '/users', 'alice:secret:' . md5_hex('alice:secret:one') . "\n");
my $KEYS = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);

my $PROGRAMS = '(show|slow|headers)(.*)$" "@FOLDER@/cgi-bin/$1$2"';
my ($postgres, $httpd) = start_servers(
    database => { log_statements => 1 }, modules => ['auth_digest'], config => <<"CONFIG");
SecSessionKeys "$KEYS"
SecSessionMaxPerUser 3
ScriptAliasMatch "^/(?:basic|short|digest)/$PROGRAMS
<LocationMatch "^/(basic|short)/">
    AuthType Basic
    AuthName staff
    AuthUserFile "$USERS"
    SecSessionAdopt On
    SecSessionVault app*
    Require valid-user
</LocationMatch>
<Location "/short/">
    SecSessionIdleTimeout 5m
</Location>
<Location "/digest/">
    AuthType Digest
    AuthName secret
    AuthDigestProvider file
    AuthUserFile "$DIGEST"
    SecSessionAdopt On
    Require valid-user
</Location>
CONFIG

sub count { return $postgres->count(@_) }
sub value { return $postgres->value($_[0]) }
sub events { return value("select count(*) from secsession.event where event = '$_[0]'") }
sub live { return value('select count(*) from secsession.active_session') }

sub change {
    my ($sql) = @_;
    my $said = $postgres->psql($sql);
    has_heard($postgres);
    return $said;
}

sub starts_anew {
    $postgres->psql(
        q(delete from secsession.session; delete from secsession.credential;
        delete from secsession.refused_credential; delete from secsession.revocation)
    );
    has_heard($postgres);
    users_file($USERS =~ s{/users\z}{}r);
    return;
}

# A request of a client that calls itself so and keeps no cookie.
sub ask {
    my ($user, %opt) = @_;
    return $httpd->request($opt{method} // 'PROPFIND', $opt{path} // '/basic/show',
        headers => [
            basic_header($user, $opt{password}), [ 'User-Agent' => $opt{agent} // 'dav' ],
            @{ $opt{headers} // [] }
        ],
        defined $opt{body} ? (body => $opt{body}) : ());
}
sub session_of { return environment_of($_[0])->{SECSESSION_ID} }

sub sets_password {
    my ($password) = @_;
    my ($exit, undef, $error) = run([ qw(htpasswd -bB -C 4), $USERS, 'alice', $password ]);
    die $error if $exit;
    return;
}

sub digest {
    my ($password) = @_;
    my $path = '/digest/show';
    my ($nonce) = $httpd->get($path)->header('WWW-Authenticate') =~ /nonce="([^"]+)"/;
    my $response = md5_hex(join ':', md5_hex("alice:secret:$password"), $nonce, '00000001', 'c',
        'auth', md5_hex("GET:$path"));
    return $httpd->get($path, headers => [ [ Authorization =>
        qq{Digest username="alice", realm="secret", nonce="$nonce", uri="$path", }
        . qq{qop=auth, nc=00000001, cnonce="c", response="$response", algorithm=MD5} ] ]);
}

subtest 'a client without cookies has one session' => sub {
    my $created = events('created');
    my $first = ask('alice');
    is $first->status, 200, 'served';
    is environment_of($first)->{REMOTE_USER}, 'alice', 'as alice';
    my %seen = map { (session_of(ask('alice')) => 1) } 1 .. 50;
    is_deeply [ keys %seen ], [ session_of($first) ], '50 requests more have the same session';
    is live(), 1, 'there is no other';
    is events('created') - $created, 1, 'nor another event';
    my $before = $postgres->asked_by_requests;
    is ask('alice')->cookie($NAME), undef, 'its cookie is set once' for 1 .. 5;
    is $postgres->asked_by_requests, $before, 'a request costs no SQL';
    is value("select concat_ws(' ', user_name, auth_method) from secsession.active_session"),
        'alice basic', 'and it is a session like any other';
};

subtest 'a wrong password, or none, costs no SQL' => sub {
    my $before = $postgres->asked_by_requests;
    is ask('alice', password => 'guess')->status, 401, 'a wrong one';
    is $httpd->get('/basic/show')->status, 401, 'none';
    is $postgres->asked_by_requests, $before, 'no SQL';
};

subtest 'one session for each user, client and method' => sub {
    starts_anew();
    my %id = (
        alice => session_of(ask('alice')), bob => session_of(ask('bob')),
        'another program' => session_of(ask('alice', agent => 'git')),
        'another method' => session_of(digest('one')),
    );
    my %different = reverse %id;
    is scalar keys %different, 4, 'which are four';
    is live(), 4, 'and no more';
    is session_of(ask('alice')), $id{alice}, 'each is found again: alice';
    is session_of(ask('bob')), $id{bob}, 'bob';
    is session_of(digest('one')), $id{'another method'}, 'alice by Digest';
};

subtest 'SecSessionMaxPerUser counts clients' => sub {
    starts_anew();
    for my $round (1 .. 5) {
        ask('alice', agent => $_) for qw(dav git svn);
    }
    is live(), 3, 'three of them have a session each';
    my $before = events('evicted');
    is ask('alice', agent => 'a fourth')->status, 200, 'a fourth is let in';
    is live(), 3, 'in place of one';
    is events('evicted') - $before, 1, 'of the three';
};

subtest 'a client that keeps cookies has the same session' => sub {
    starts_anew();
    my $client = $httpd->client;
    my @as_dav = (headers => [ basic_header('alice'), [ 'User-Agent' => 'dav' ] ]);
    my $id = session_of($client->get('/basic/show', @as_dav));
    ok $client->token, 'it has a cookie';
    is session_of($client->get('/basic/show', @as_dav)), $id, 'by which it goes on';
    is session_of(ask('alice')), $id, 'and without it';
    is $client->get('/app/show')->status, 200, 'the cookie opens other places of the realm';
    is $httpd->get('/app/show', @as_dav)->status, 401, 'which credentials do not';
    is live(), 1, 'one session';
};

subtest 'requests at once begin one session' => sub {
    for (1 .. 3) {
        starts_anew();
        my $created = events('created');
        my @running = map {
            $httpd->client->start_request('GET', '/basic/show', headers => [ basic_header('alice') ])
        } 1 .. 20;
        my @answers = map { $_->finish } @running;
        is_deeply [ map { $_->status } @answers ], [ (200) x 20 ], 'all are served';
        my %seen = map { (session_of($_) => 1) } @answers;
        is scalar keys %seen, 1, 'in one session';
        is live(), 1, 'of which there is one';
        is events('created') - $created, 1, 'that began once';
    }
};

my %OVER = (
    'the idle timeout' => "update secsession.session set last_seen_at = now() - interval '1 h'",
    'the absolute timeout' => "update secsession.session set expires_at = now() - interval '1 s'",
);
for my $end (sort keys %OVER) {
    subtest "after $end another session begins" => sub {
        starts_anew();
        my $cookies = $httpd->client;
        my @post = ('/basic/show', 'x' x 20_000,
            headers => [ basic_header('alice'), [ 'User-Agent' => 'dav' ] ]);
        for my $round (1 .. 3) {
            is $cookies->post(@post)->status, 200, "with a cookie: a POST with its body, $round";
            change($OVER{$end});
        }
        my %seen = map { change($OVER{$end}); (session_of(ask('alice')) => 1) } 1 .. 3;
        is scalar keys %seen, 3, 'without one: three times';
        is live(), 1, 'of which one is left';
    };
}

subtest 'a location with a shorter timeout asks nobody who sends a password' => sub {
    starts_anew();
    my $id = session_of(ask('alice'));
    my $at = value('select authenticated_at from secsession.session');
    change("update secsession.session set last_seen_at = now() - interval '10 minutes'");
    is session_of(ask('alice', path => '/short/show')), $id, 'the session goes on';
    isnt value('select authenticated_at from secsession.session'), $at, 'by a new login';
    is session_of(ask('alice', path => '/short/show')), $id, 'and is found';
    is live(), 1, 'there is one';
};

subtest 'who was revoked is refused' => sub {
    starts_anew();
    my $cookies = $httpd->client;
    my @as_svn = (headers => [ basic_header('alice'), [ 'User-Agent' => 'svn' ] ]);
    is $cookies->get('/basic/show', @as_svn)->status, 200, 'alice with a cookie';
    is ask('alice')->status, 200, 'and without one';
    is ask('bob')->status, 200, 'bob';
    change("select secsession.revoke_user('alice', 'test')");
    for (1 .. 3) {
        my $response = ask('alice');
        is $response->status, 401, 'she is refused';
        like $response->header('WWW-Authenticate'), qr/^Basic/, 'with the challenge';
        is $response->header('Cache-Control'), 'no-store', 'which nobody keeps';
        is $response->cookie($NAME), undef, 'no cookie';
        unlike $response->body, qr/REMOTE_USER/, 'nothing is shown';
        is $cookies->get('/basic/show', @as_svn)->status, 401, 'with the cookie as well';
    }
    is ask('alice', agent => 'another program')->status, 401, 'so is every other program';
    is ask('bob')->status, 200, 'bob is not';
    is live(), 1, 'and has the only session';
    is value("select count(*) from secsession.event where event = 'login_failed'"), 1,
        'the trail has one event of it';
    like $httpd->error_log, qr/SS294: user alice/, 'the log says why';
    is $httpd->client->login('alice', password_of('alice'))->status, 303,
        'the login form lets her in';
    change('select secsession.sweep()') for 1 .. 3;
    is value('select count(*) from secsession.revocation where swept_at is null'), 0, 'closed';
    change(q(delete from secsession.revocation; update secsession.session set expires_at = now()));
    change('select secsession.purge()');
    is ask('alice')->status, 401, 'nothing is forgotten';
    is $postgres->psql(q(select secsession.allow_user('alice', 'it was the wrong alice')),
        user => 'admin_role'), 1, 'until an administrator allows it';
    is ask('alice')->status, 200, 'then she is in';
    is value(q(select concat_ws(' ', user_name, reason) from secsession.event
        where event = 'allowed')), 'alice it was the wrong alice', 'which the trail tells';
    change("select secsession.revoke_user('alice', 'test')");
    is ask('alice')->status, 401, 'the next revocation refuses her again';
    change(q(select secsession.allow_user('alice', 'sorry')));
    is ask('alice')->status, 200, 'also before it is swept she may be allowed';
};

subtest 'a revocation finds credentials whose session was over' => sub {
    starts_anew();
    is ask('alice')->status, 200, 'a session';
    change('delete from secsession.session');
    change("select secsession.revoke_user('alice', 'test')");
    is ask('alice')->status, 401, 'refused';
};

subtest 'who has another password is let in' => sub {
    starts_anew();
    is ask('alice')->status, 200, 'the first';
    change("select secsession.revoke_user('alice', 'test')");
    is ask('alice')->status, 401, 'is refused';
    sets_password('the second');
    is ask('alice')->status, 401, 'and wrong by now';
    is ask('alice', password => 'the second')->status, 200, 'the second is not';
    change("select secsession.revoke_user('alice', 'test')");
    is ask('alice', password => 'the second')->status, 401, 'it is by the next revocation';
    sets_password('the third');
    is ask('alice', password => 'the third')->status, 200, 'and so on';
    is session_of(ask('alice', password => 'the third')),
        session_of(ask('alice', password => 'the third')), 'in one session';
};

subtest 'one session that was revoked' => sub {
    starts_anew();
    my $id = session_of(ask('alice'));
    is $postgres->psql("select secsession.revoke_session('$id', 'test')", user => 'admin_role'), 1,
        'ended';
    has_heard($postgres);
    is ask('alice')->status, 401, 'its credentials are refused';
    is $postgres->psql(q(select secsession.allow_user('alice', 'test', 'elsewhere'))), 0,
        'to allow them in another realm is nothing';
    is ask('alice')->status, 401, 'still refused';
    is $postgres->psql(q(select secsession.allow_user(' alice ', 'test', 'localhost'))), 1,
        'in this one';
    is ask('alice')->status, 200, 'she is in';
};

subtest 'other ends refuse no credentials' => sub {
    my %end = (
        'all sessions were revoked' => "select secsession.revoke_all('test')",
        'those of an address' => "select secsession.revoke_address('127.0.0.1', 'test')",
        'those from before a moment' => "select secsession.revoke_before(now(), 'test')",
        'the record has changed' =>
            "select secsession.revoke_name('alice', 'test', null, true)",
        'she revoked her others' =>
            "select secsession.revoke_own(session_id, false, 'test') from secsession.session",
    );
    for my $name (sort keys %end) {
        starts_anew();
        my $id = session_of(ask('alice'));
        change($end{$name});
        my $response = ask('alice');
        is $response->status, 200, "$name: let in";
        isnt session_of($response), $id, "$name: in another session";
        change('select secsession.sweep()');
        is session_of(ask('alice')), session_of($response), "$name: of which there is one";
    }
};

subtest 'Digest' => sub {
    starts_anew();
    is digest('one')->status, 200, 'a session';
    change("select secsession.revoke_user('alice', 'test')");
    is digest('one')->status, 401, 'refused';
    spew($DIGEST, 'alice:secret:' . md5_hex('alice:secret:two') . "\n");
    is digest('two')->status, 200, 'another password is not';
};

subtest 'what another site makes a browser send is refused' => sub {
    starts_anew();
    my @foreign = (method => 'POST', body => 'x', headers => [ [ 'Sec-Fetch-Site' => 'cross-site' ] ]);
    is ask('alice', @foreign)->status, 403, 'without a session';
    is ask('alice')->status, 200, 'a session';
    is ask('alice', @foreign)->status, 403, 'with one';
};

subtest 'planted and old cookies' => sub {
    starts_anew();
    my $id = session_of(ask('alice'));
    my $client = $httpd->client->set_token('A' x 64);
    is session_of($client->get('/basic/show',
        headers => [ basic_header('alice'), [ 'User-Agent' => 'dav' ] ])), $id,
        'an unknown one: the session is found';
    my $bob = browser($httpd, 'bob');
    is environment_of($bob->get('/basic/show', headers => [ basic_header('alice') ]))->{REMOTE_USER},
        'alice', 'one of somebody else';
    is $postgres->of_token('user_name', substr $bob->token, 0, 43), 'alice', 'is replaced';
};

subtest 'the hash by which a session is found is no token' => sub {
    starts_anew();
    ask('alice');
    is value(q(select count(*) from secsession.other_token where credential_hash is not null
        and mac is not null)), 1, 'it is there, and signed';
    change(q(update secsession.other_token set mac = substr(mac, 1, 16) || '\x00'));
    is ask('alice')->status, 503, 'one that somebody has changed lets nobody in';
    like $httpd->error_log, qr/SS12\d: /, 'as the log tells';
};

subtest 'the vault' => sub {
    starts_anew();
    my $agent = [ 'User-Agent' => 'dav' ];
    my $set = $httpd->get('/basic/headers?Set-Cookie:%20app=secret;%20Path=/',
        headers => [ basic_header('alice'), $agent ]);
    is environment_of(ask('alice'))->{HTTP_COOKIE} // '', 'app=secret',
        'the application has its cookie with the next request';
};

done_testing;
