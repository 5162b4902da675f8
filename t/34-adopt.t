# SecSessionAdopt: whom Basic, Digest, a form or OpenID Connect has authenticated has a session,
# with an end, and must authenticate again when it has ended.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp spew);
use Secsession::Provider;
use Secsession::Psql;
use Digest::MD5 'md5_hex';
use Digest::SHA 'sha256_hex';
use MIME::Base64 qw(encode_base64 encode_base64url);

my $USERS = users_file(scratch('adopt'));
my $DIGEST = spew(scratch('digest') . '/users', join '',
    map { "$_:secret:" . md5_hex("$_:secret:" . password_of($_)) . "\n" } qw(alice bob));
my $has_openidc = -e Secsession::Httpd::installation()->{modules} . '/mod_auth_openidc.so';
my $provider = $has_openidc ? Secsession::Provider::start : undef;
my $OPENIDC = $has_openidc ? Secsession::Provider::config($provider) . <<'CONFIG' : '';
OIDCCacheType shm
OIDCRemoteUserClaim sub
<Location "/in/">
    AuthType openid-connect
    Require valid-user
    SecSessionAdopt On
    SecSessionLoginPage /login
</Location>
CONFIG

my $PROGRAMS = '(show|slow|headers)(.*)$" "@FOLDER@/cgi-bin/$1$2"';
my ($postgres, $httpd) = start_servers(
    modules => [
        qw(auth_digest authn_dbd authn_anon session auth_form request),
        $has_openidc ? 'auth_openidc' : ()
    ],
    database => { log_statements => 1 },
    config => <<"CONFIG");
ScriptAliasMatch "^/(?:basic|short|plain|off|digest|form|in|slow|anon)/$PROGRAMS
<LocationMatch "^/(basic|short|plain|off|slow|anon)/">
    AuthType Basic
    AuthName staff
    AuthUserFile "$USERS"
    SecSessionAdopt On
    Require valid-user
</LocationMatch>
<Location "/short/">
    SecSessionIdleTimeout 5m
</Location>
<Location "/plain/">
    SecSessionAdopt Off
</Location>
<Location "/off/">
    SecSession Off
</Location>
<Location "/slow/">
    AuthBasicProvider dbd
    AuthDBDUserPWQuery "select password from app_user where name = %s"
</Location>
<Location "/anon/">
    AuthBasicProvider anon
    Anonymous *
    Anonymous_MustGiveEmail Off
    Anonymous_VerifyEmail Off
</Location>
<Location "/basic/gone/">
    ErrorDocument 401 /basic/show
</Location>
<Location "/digest/">
    AuthType Digest
    AuthName secret
    AuthDigestProvider file
    AuthUserFile "$DIGEST"
    SecSessionAdopt On
    Require valid-user
</Location>
<Location "/form/">
    AuthType Form
    AuthName staff
    AuthFormProvider file
    AuthUserFile "$USERS"
    Session On
    SecSessionAdopt On
    Require valid-user
</Location>
$OPENIDC
CONFIG

my $NAME = '__Host-secsession';

sub count { return $postgres->count(@_) }
sub hash_of { my ($token) = @_; return sha256_hex(MIME::Base64::decode_base64url($token)) }
sub of_token { return $postgres->of_token(@_) }
sub revoke { return $postgres->psql("select secsession.revoke_user('$_[0]', 'test')") }

# A token of a session that nobody has authenticated in.
sub anonymous_token {
    my $token = encode_base64url(join '', map { chr int rand 256 } 1 .. 32);
    $postgres->psql("select secsession.begin_session('\\x"
            . hash_of($token)
            . "', 'localhost', null, null, 1800, 28800, '[]')");
    return $token;
}

# --- how each way of authenticating asks for a page ---------------------------------------------

sub basic_header {
    my ($user, $password) = @_;
    return [ Authorization => 'Basic '
            . encode_base64("$user:" . ($password // password_of($user)), '') ];
}
sub basic {
    my ($client, $path, $user) = @_;
    return $client->get($path, headers => [ basic_header($user // 'alice') ]);
}

sub digest {
    my ($client, $path, $user) = @_;
    $user //= 'alice';
    my ($nonce) = $httpd->get($path)->header('WWW-Authenticate') =~ /nonce="([^"]+)"/;
    my $response =
        md5_hex(join ':', md5_hex("$user:secret:" . password_of($user)), $nonce, '00000001', 'c',
        'auth', md5_hex("GET:$path"));
    return $client->get(
        $path,
        headers => [
            [
                Authorization => qq{Digest username="$user", realm="secret", nonce="$nonce", }
                    . qq{uri="$path", qop=auth, nc=00000001, cnonce="c", response="$response", }
                    . qq{algorithm=MD5}
            ]
        ]
    );
}

# A page, as it is asked for, and the user and method that it must give.
my %WAY = (
    basic => {
        ask => sub { return basic($_[0], '/basic/show', $_[1]) }, method => 'basic',
        challenge => qr/^Basic realm="staff"/
    },
    digest => {
        ask => sub { return digest($_[0], '/digest/show', $_[1]) }, method => 'digest',
        challenge => qr/^Digest realm="secret", nonce=/
    },
    openidc => {
        ask => sub { return $_[0]->get('/in/show') }, method => 'openid-connect',
        challenge => qr/^SecSession realm="localhost"/,
        prepare => sub {
            my ($client) = @_;
            Secsession::Provider::log_in($client, $provider, '/in/show');
            return $client;
        }
    },
);
my @WAYS = grep { $_ ne 'openidc' || $has_openidc } sort keys %WAY;

# A client that can authenticate but has no cookie of ours.
sub prepared {
    my ($way) = @_;
    my $client = browser($httpd);
    return $WAY{$way}{prepare} ? without($WAY{$way}{prepare}->($client)) : $client;
}
sub without { my ($client) = @_; delete $client->{jar}{$NAME}; return $client }
sub ask { my ($way, $client, @more) = @_; return $WAY{$way}{ask}->($client, @more) }

sub adopted {
    my ($way) = @_;
    my $client = prepared($way);
    my $response = ask($way, $client);
    die "$way: " . $response->status unless $response->status == 200 && $client->token;
    return $client;
}

sub is_refused_once {
    my ($way, $client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = count('session');
    my $response = ask($way, $client);
    is $response->status, 401, "$name: refused";
    like $response->header('WWW-Authenticate') // '', $WAY{$way}{challenge},
        "$name: with the challenge";
    unlike $response->body, qr/REMOTE_USER/, "$name: the page is not shown";
    like $response->cookie($NAME), qr/\A$NAME=; .*Max-Age=0/, "$name: the cookie is deleted";
    is $response->header('Cache-Control'), 'no-store', "$name: nobody keeps the answer";
    is count('session'), $before, "$name: no session is made";
    is ask($way, $client)->status, 200, "$name: who authenticates again is in";
    is count('session'), $before + 1, "$name: with a session of its own";
    return;
}

# --- tests ---------------------------------------------------------------------------------------

for my $way (@WAYS) {
    subtest "$way: a session is made, and used" => sub {
        my $client = prepared($way);
        my $response = ask($way, $client);
        is $response->status, 200, 'the page is shown';
        is scalar(() = grep { /\A\Q$NAME\E=[\w-]{43};/ } $response->all_headers('Set-Cookie')), 1,
            'with a cookie of ours';
        my $seen = environment_of($response);
        is $seen->{REMOTE_USER}, 'alice', 'the user is known';
        is $seen->{SECSESSION_ID}, of_token('session_id', $client->token),
            'and the session, in the same request';
        is of_token('user_name', $client->token), 'alice', 'it is hers';
        is of_token('auth_method', $client->token), $WAY{$way}{method},
            'and says how she authenticated';
        is $postgres->value(
            "select detail ->> 'method' from secsession.event where event = 'authenticated' and "
                . "session_id = '$seen->{SECSESSION_ID}'"
            ),
            $WAY{$way}{method}, 'so does the audit trail';
        my $rows = count('session');
        my $again = ask($way, $client);
        is environment_of($again)->{SECSESSION_ID}, $seen->{SECSESSION_ID},
            'the next request has the same session';
        is scalar(() = grep { /\A\Q$NAME\E=/ } $again->all_headers('Set-Cookie')), 0,
            'and sets no cookie';
        is count('session'), $rows, 'no other is made';
        is $client->get('/app/show')->status, 200, 'it is a session like any other';
    };

    subtest "$way: planted tokens are worth nothing" => sub {
        my %planted = ('unknown' => 'A' x 43, 'malformed' => 'x', 'of nobody' => anonymous_token(),
            'of bob' => browser($httpd, 'bob')->token);
        for my $kind (sort keys %planted) {
            my $client = prepared($way)->set_token($planted{$kind});
            my $response = ask($way, $client);
            is $response->status, 200, "$kind: served";
            is environment_of($response)->{SECSESSION_ID}, of_token('session_id', $client->token),
                "$kind: with a session";
            isnt $client->token, $planted{$kind}, "$kind: under a new token";
            is of_token('user_name', $client->token), 'alice', "$kind: of alice";
            isnt $httpd->client->set_token($planted{$kind})->get('/app/show')->status, 200,
                "$kind: the planted one lets nobody in";
        }
        is of_token('end_reason', $planted{'of bob'}), 'logout', 'bob\'s session has ended';
    };

    # ASVS 5.0 7.1.3 7.6.1
    subtest "$way: who had a session that has ended must authenticate again" => sub {
        my %ending = (
            'the idle timeout' =>
                "update secsession.session set last_seen_at = now() - interval '1 h'",
            'the absolute timeout' =>
                "update secsession.session set expires_at = now() - interval '1 s'",
            'a revocation' => "select secsession.revoke_user('alice', 'test')",
        );
        for my $end (sort keys %ending) {
            my $client = adopted($way);
            $postgres->psql($ending{$end});
            has_heard($postgres, $httpd);
            is_refused_once($way, $client, $end);
        }
        my $client = adopted($way);
        my $token = $client->token;
        is $client->logout->status, 303, 'our logout';
        is_refused_once($way, $client->set_token($token), 'a logout');
    };
}

subtest 'a person who waits for a page is sent to the login page, where there is one' => sub {
    plan skip_all => 'no mod_auth_openidc on this machine' unless $has_openidc;
    my $client = adopted('openidc');
    revoke('alice');
    has_heard($postgres, $httpd);
    my $response = $client->get('/in/show', headers => [ [ Accept => 'text/html' ] ]);
    is $response->status, 303, 'sent on';
    like $response->header('Location'), qr{/login\?return=%2fin%2fshow&why=revoked$},
        'to the login page, with the reason';
    is $client->token, undef, 'without a cookie';
};

subtest 'mod_auth_form' => sub {
    my %alice = (httpd_username => 'alice', httpd_password => password_of('alice'));
    my $alice = browser($httpd)->set_token(my $planted = anonymous_token());
    is environment_of($alice->post_form('/form/show', \%alice))->{REMOTE_USER}, 'alice',
        'alice logs in';
    is of_token('auth_method', $alice->token), 'form', 'with a session';
    isnt $alice->token, $planted, 'under a new token';
    my $token = $alice->token;
    is environment_of($alice->get('/form/show'))->{SECSESSION_ID}, of_token('session_id', $token),
        'which the next request has';
    is $alice->token, $token, 'and that is all';
    revoke('alice');
    has_heard($postgres, $httpd);
    is $alice->get('/form/show')->status, 401, 'when it is revoked she must log in again';
};

# --- what may go wrong ---------------------------------------------------------------------------

subtest 'nobody is adopted where it is not wanted' => sub {
    my $rows = count('session');
    for my $path (qw(/plain/show /off/show)) {
        my $response = basic(browser($httpd), $path);
        is $response->status, 200, "$path: served";
        is $response->cookie($NAME), undef, "$path: no cookie";
    }
    is basic(browser($httpd), '/pub/show')->cookie($NAME), undef,
        'nor where nobody asked for a user';
    is count('session'), $rows, 'no session was made';
};

subtest 'a wrong password makes no session, and no password costs no SQL' => sub {
    my $rows = count('session');
    my $response = $httpd->get('/basic/show', headers => [ basic_header('alice', 'guess') ]);
    is $response->status, 401, 'refused';
    is $response->cookie($NAME), undef, 'no cookie';
    is count('session'), $rows, 'no session';
    my $asked = $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/);
    is $httpd->get('/basic/show')->status, 401, 'nobody' for 1 .. 3;
    is $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/), $asked, 'no SQL';
    my $alice = adopted('basic');
    ask('basic', $alice);
    $asked = $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/);
    is ask('basic', $alice)->status, 200, 'alice' for 1 .. 3;
    is $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/), $asked,
        'nor does a session that goes on';
};

subtest 'a location with a shorter timeout has its user authenticate again' => sub {
    my $alice = adopted('basic');
    my $old = $alice->token;
    is basic($alice, '/short/show')->status, 200, 'in time';
    $postgres->psql(
        "update secsession.session set last_seen_at = now() - interval '10 minutes' where ended_at "
            . "is null"
    );
    has_heard($postgres, $httpd);
    my $response = basic($alice, '/short/show');
    is $response->status, 401, 'too late';
    like $response->cookie($NAME), qr/Max-Age=0/, 'the cookie is deleted';
    is of_token('end_reason', $old), 'logout',
        'and the session has ended, since nobody has its token';
    is basic($alice, '/short/show')->status, 200, 'then she is in again';
};

subtest 'the same user by another method is a new authentication' => sub {
    my $alice = browser($httpd, 'alice');
    my ($old, $id) = ($alice->token, of_token('session_id', $alice->token));
    is environment_of(ask('basic', $alice))->{SECSESSION_ID}, $id, 'the session goes on';
    isnt $alice->token, $old, 'under a new token';
    is of_token('auth_method', $alice->token), 'basic', 'by the new method';
    is ask('digest', $alice, 'bob')->status, 200, 'and another user by yet another';
    is of_token('user_name', $alice->token), 'bob', 'has a session';
    is of_token('end_reason', $old), 'logout', 'in place of hers';
};

subtest 'requests at once are all served' => sub {
    for my $kind ('without a cookie', 'with an anonymous session') {
        my $client = browser($httpd);
        $client->set_token(anonymous_token()) if $kind =~ /anonymous/;
        my @running = map {
            $client->start_request('GET', '/basic/show', headers => [ basic_header('alice') ])
        } 1 .. 20;
        my @seen = map { $_->finish } @running;
        is_deeply [ grep { $_->status != 200 } @seen ], [], "$kind: none is refused";
        is_deeply [ grep { environment_of($_)->{REMOTE_USER} ne 'alice' } @seen ], [],
            "$kind: each is alice's";
        is ask('basic', $client)->status, 200, "$kind: so is the next one";
    }
};

subtest 'requests that were under way when the token changed are served, without a session' => sub {
    my $alice = browser($httpd)->set_token(anonymous_token());
    my $late = $alice->clone;
    ask('basic', $alice);
    my $rows = count('session');
    my $response = ask('basic', $late);
    is $response->status, 200, 'served';
    is environment_of($response)->{SECSESSION_ID}, undef, 'without a session';
    is $response->cookie($NAME), undef, 'the cookie is left alone';
    is count('session'), $rows, 'and no other session is made';
    is ask('basic', $alice)->status, 200, 'the session goes on';
};

subtest 'the page of an error shows itself to nobody' => sub {
    my $alice = adopted('basic');
    revoke('alice');
    has_heard($postgres, $httpd);
    my $response = basic($alice, '/basic/gone/x');
    is $response->status, 401, 'refused';
    unlike $response->body, qr/^REMOTE_USER=/m, 'the ErrorDocument knows no user';
};

subtest 'who cannot have a session does not get in' => sub {
    my $response = $httpd->get('/anon/show', headers => [ basic_header('x' x 300, 'x') ]);
    is $response->status, 403, 'a name that is too long';
    like $httpd->error_log, qr/SS231: /, 'the log says why';
    is environment_of($httpd->get('/anon/show', headers => [ basic_header('x' x 255, 'x') ]))
        ->{REMOTE_USER}, 'x' x 255, 'the longest';
};

# The password is being looked for in a table that we hold.
sub is_waiting {
    return $postgres->value(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ~ "
            . "'app_user'"
    );
}

subtest 'a revocation while the password is checked refuses the request' => sub {
    my ($hash) = slurp($USERS) =~ /^alice:(.*)$/m;
    $postgres->psql(<<'SQL', vars => { hash => $hash });
create table app_user (name text primary key, password text not null);
insert into app_user values ('alice', :'hash');
grant select on app_user to httpd_web;
SQL
    my %cookie = ('without a cookie' => undef, 'with a token of nobody' => anonymous_token());
    for my $kind (sort keys %cookie) {
        my $alice = browser($httpd);
        $alice->set_token($cookie{$kind}) if $cookie{$kind};
        my $psql = Secsession::Psql->new($postgres);
        $psql->run('begin; lock table app_user in access exclusive mode;');
        my $request =
            $alice->start_request('GET', '/slow/show', headers => [ basic_header('alice') ]);
        wait_until { is_waiting() } 10, "$kind: the password is being checked";
        revoke('alice');
        $psql->run('commit;');
        $psql->close;
        my $response = $request->finish;
        is $response->status, 401, "$kind: refused";
        like $response->header('WWW-Authenticate'), qr/^Basic/, "$kind: with the challenge";
        unlike $response->body, qr/REMOTE_USER/, "$kind: nothing is shown";
        is basic($alice, '/slow/show')->status, 200, "$kind: who tries again is in";
    }
};

subtest 'the database is away' => sub {
    my $alice = adopted('basic');
    my $rows = count('session');
    $postgres->stop('fast');
    wait_until { my $response = ask('basic', $alice); $response->status == 503 } 4,
        'the lease ends';
    my %client = ('with a session' => $alice, 'without one' => browser($httpd),
        'with an unknown token' => browser($httpd)->set_token('A' x 43));
    for my $kind (sort keys %client) {
        my $response = ask('basic', $client{$kind});
        is $response->status, 503, "$kind: 503";
        ok $response->header('Retry-After'), "$kind: try again later";
        unlike $response->body, qr/REMOTE_USER/, "$kind: nothing is shown";
        is $response->cookie($NAME), undef, "$kind: the cookie stays";
    }
    is $httpd->get('/basic/show')->status, 401, 'who shows no password is asked for it';
    $postgres->start_again;
    is ask('basic', $alice)->status, 200, 'when it is back, the session goes on';
    is count('session'), $rows, 'and no other was made';
};

done_testing;
