# A proxied application learns the user from a request header (SecSessionForward), which a client
# can never set.
# mpm: all

use lib 't/lib';
use Secsession::Test;

my $backend = Secsession::Httpd->start(module => 0, files => {},
    config => qq(ScriptAlias "/" "\@FOLDER\@/cgi-bin/"\n));
my $to = 'http://127.0.0.1:' . $backend->port;
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => [qw(proxy proxy_http http2 include)],
    files => {
        'ssi/page.shtml' =>
            '<!--#include virtual="/cgi/show" -->|<!--#include virtual="/pub/show" -->'
    },
    config => <<"CONFIG");
Protocols h2c http/1.1
ProxyPass "/told/"   "$to/"
ProxyPass "/open/"   "$to/"
ProxyPass "/silent/" "$to/"
ProxyPass "/off/"    "$to/"
<Location "/told/">
    AuthType SecSession
    Require valid-user
    SecSessionForward X-Remote-User
</Location>
<Location "/told/not/">
    SecSessionForward none
</Location>
<Location "/open/">
    SecSessionForward X-Remote-User
</Location>
<Location "/off/">
    SecSession Off
    SecSessionForward X-Remote-User
</Location>
ScriptAliasMatch "^/cgi/(show)" "\@FOLDER\@/cgi-bin/\$1"
<Location "/cgi/">
    SecSessionForward Front-User
</Location>
<Location "/ssi/">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
</Location>
RewriteEngine On
RewriteRule "^/old/show\$" "/open/show" [PT]
ErrorDocument 404 /open/show
CONFIG

sub told {
    my ($client, $path, %opt) = @_;
    return environment_of($client->get($path, %opt))->{HTTP_X_REMOTE_USER};
}
my @FORGED = map { [ $_ => 'mallory' ] }
    qw(X-Remote-User x-remote-user X_Remote_User X.Remote-User Front-User front_user);

subtest 'the application is told who it is' => sub {
    my $alice = browser($httpd, 'alice');
    is told($alice, '/told/show'), 'alice', 'who is logged in';
    is told($alice, '/open/show'), 'alice', 'also where nothing is required';
    is told($httpd->client, '/open/show'), undef, 'nobody, where nobody is';
    is told($alice, '/told/not/../show'), 'alice', 'a path is what it means';
    is told($alice, '/told/not/show'), undef, 'where it is switched off';
    is told($alice, '/silent/show'), undef, 'where it is not said';
    is told($alice, '/off/show'), undef, 'where there are no sessions';
    is environment_of($alice->get('/cgi/show'))->{HTTP_FRONT_USER}, 'alice', 'CGI, too';
    is told($alice, '/old/show'), 'alice', 'through a rewritten path';
    is told($alice, '/nowhere'), 'alice', 'an ErrorDocument';
    my $page = $alice->get('/ssi/page.shtml')->body;
    my ($cgi, $pub) = split /\|/, $page;
    like $cgi, qr/^HTTP_FRONT_USER=alice$/m, 'a subrequest that is told';
    unlike $pub, qr/alice/, 'does not tell its neighbour';
    my $bob = browser($httpd, 'bob');
    is
        join(' ', map { told($_, '/open/show', keep_alive => 1) // 'nobody' } $alice, $bob,
        $httpd->client, $bob, $alice),
        'alice bob nobody bob alice', 'each his own';
    my $one = $httpd->client;
    my @seen =
        map { told($one->set_token($_), '/open/show', keep_alive => 1) // 'nobody' } $alice->token,
        'x' x 43, $bob->token;
    is "@seen", 'alice nobody bob', 'on one connection, too';
};

subtest 'and the client cannot set the user' => sub {
    my $alice = browser($httpd, 'alice');
    for my $forged (@FORGED) {
        for my $path (
            qw(/told/show /open/show /silent/show /off/show /cgi/show /pub/show /old/show
                /told/not/show /nowhere)
            )
        {
            unlike $alice->get($path, headers => [$forged])->body, qr/mallory/,
                "$forged->[0] at $path";
            unlike $httpd->client->get($path, headers => [$forged])->body, qr/mallory/,
                "$forged->[0] at $path, without a session";
        }
    }
    unlike $alice->get('/told/show', headers => \@FORGED)->body, qr/mallory/, 'all of them at once';
    is told($alice, '/told/show',
        headers => [ [ 'X-Remote-User' => 'a' ], [ 'X-Remote-User' => 'b' ] ]), 'alice',
        'and one twice';
};

subtest 'over HTTP/2' => sub {
    my $alice = browser($httpd, 'alice');
    my $body = sub {
        my (@h) = @_;
        my $url = 'http://localhost:' . $httpd->port . '/open/show';
        return scalar qx{curl -s --http2-prior-knowledge @{[ map { "-H '$_'" } @h ]} $url};
    };
    my $cookie = 'Cookie: __Host-secsession=' . $alice->token;
    like $body->($cookie), qr/^HTTP_X_REMOTE_USER=alice$/m, 'who is logged in';
    unlike $body->('X-Remote-User: mallory', 'x_remote_user: mallory'), qr/mallory/,
        'never by the client';
};

subtest 'a session that ends' => sub {
    my $alice = browser($httpd, 'alice');
    is told($alice, '/open/show'), 'alice', 'first she is known';
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    is told($alice->clone, '/open/show'), undef, 'then she is not';
    my $slow = $httpd->client->set_token('A' x 43);
    is told($slow, '/open/show'), undef, 'nor is whoever guesses';
};

subtest 'a backend that is away' => sub {
    my $alice = browser($httpd, 'alice');
    $backend->stop;
    my $response = $alice->get('/told/show');
    is $response->status, 503, '503';
    is $response->header('Set-Cookie'), undef, 'and the session stays';
    is $alice->get('/app/show')->status, 200, 'as good as before';
};

done_testing;
