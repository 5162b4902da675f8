# SecSessionAdopt: whom Basic, Digest, a form or OpenID Connect has authenticated has a session,
# with an end, and must authenticate again when it has ended. What may go wrong is tested in
# t/34-adopt-trouble.t.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch spew);
use Secsession::Provider;
use Digest::MD5 'md5_hex';

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
    modules =>
        [ qw(auth_digest session auth_form request), $has_openidc ? 'auth_openidc' : () ],
    config => <<"CONFIG");
ScriptAliasMatch "^/(?:basic|digest|form|in)/$PROGRAMS
<Location "/basic/">
    AuthType Basic
    AuthName staff
    AuthUserFile "$USERS"
    SecSessionAdopt On
    Require valid-user
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
sub of_token { return $postgres->of_token(@_) }
sub revoke { return $postgres->psql("select secsession.revoke_user('$_[0]', 'test')") }

# --- how each way of authenticating asks for a page ---------------------------------------------

sub basic {
    my ($client, $path, $user) = @_;
    return $client->get($path, headers => [ basic_header($user // 'alice') ]);
}

sub digest {
    my ($client, $path, $user) = @_;
    $user //= 'alice';
    my ($nonce) = $httpd->get($path)->header('WWW-Authenticate') =~ /nonce="([^"]+)"/;
    my $response = md5_hex(join ':', md5_hex("$user:secret:" . password_of($user)),
        $nonce, '00000001', 'c', 'auth', md5_hex("GET:$path"));
    my $digest = qq{Digest username="$user", realm="secret", nonce="$nonce", uri="$path", }
        . qq{qop=auth, nc=00000001, cnonce="c", response="$response", algorithm=MD5};
    return $client->get($path, headers => [ [ Authorization => $digest ] ]);
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
        is $postgres->value("select detail ->> 'method' from secsession.event
            where event = 'authenticated' and session_id = '$seen->{SECSESSION_ID}'"),
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
        my %planted = (
            'unknown' => 'A' x 43, 'malformed' => 'x', 'of nobody' => $postgres->anonymous_token,
            'of bob' => browser($httpd, 'bob')->token,
        );
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
            has_heard($postgres);
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
    has_heard($postgres);
    my $response = $client->get('/in/show', headers => [ [ Accept => 'text/html' ] ]);
    is $response->status, 303, 'sent on';
    like $response->header('Location'), qr{/login\?return=%2fin%2fshow&why=revoked$},
        'to the login page, with the reason';
    is $client->token, undef, 'without a cookie';
};

subtest 'mod_auth_form' => sub {
    my %alice = (httpd_username => 'alice', httpd_password => password_of('alice'));
    my $alice = browser($httpd)->set_token(my $planted = $postgres->anonymous_token);
    is environment_of($alice->post_form('/form/show', \%alice))->{REMOTE_USER}, 'alice',
        'alice logs in';
    is of_token('auth_method', $alice->token), 'form', 'with a session';
    isnt $alice->token, $planted, 'under a new token';
    my $token = $alice->token;
    is environment_of($alice->get('/form/show'))->{SECSESSION_ID}, of_token('session_id', $token),
        'which the next request has';
    is $alice->token, $token, 'and that is all';
    revoke('alice');
    has_heard($postgres);
    is $alice->get('/form/show')->status, 401, 'when it is revoked she must log in again';
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

done_testing;
