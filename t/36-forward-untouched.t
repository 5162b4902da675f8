# What httpd tells an application about its user and its cookies: a client can neither take it away
# (Connection), nor add to it (trailers), nor read it (TRACE), and no name arrives as another one.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Http2;
use Secsession::Programs 'answering';

my $backend = Secsession::Httpd->start(module => 0, files => {},
    config => qq(TraceEnable extended\nScriptAlias "/" "\@FOLDER\@/cgi-bin/"\n));
my $to = 'http://127.0.0.1:' . $backend->port;
my $php = Secsession::Fpm->start_if_there(children => 2);
my $handler = $php ? 'SetHandler "' . $php->handler . '"' : '';
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => [qw(proxy proxy_http proxy_fcgi http2)],
    files => {
        'php/show.php' => '<?php foreach ($_SERVER as $k => $v) if (is_string($v)) echo "$k=$v\n";'
            . 'foreach ($_COOKIE as $k => $v) echo "cookie $k\n";'
    },
    config => <<"CONFIG");
Protocols h2c http/1.1
TraceEnable On
MergeTrailers On
ProxyPass "/told/" "$to/"
<LocationMatch "^/(told|php)/">
    AuthType SecSession
    Require valid-user
    SecSessionForward X-Remote-User
    SecSessionVault APPID
</LocationMatch>
<Location "/told/">
    RequestHeader set X-By-Httpd "yes"
</Location>
<Location "/told/open/">
    Require all granted
</Location>
<Location "/php/">
    $handler
</Location>
CONFIG

sub with_cookie {
    my ($user) = @_;
    my $client = browser($httpd, $user);
    $client->get(answering('told', 'Set-Cookie: APPID=kept; path=/'));
    return $client;
}

sub told { return environment_of($_[0]->get('/told/show', headers => $_[1])) }

subtest 'a field that the client calls its own connection\'s is told nevertheless' => sub {
    my $alice = with_cookie('alice');
    my @connections = (
        'close, X-Remote-User', 'X-Remote-User', 'x-remote-user, close, cookie', 'close;X-Remote-User',
        'close X-Remote-User,Cookie', "\tCookie ,,X-REMOTE-USER", 'Cookie', 'close, X_Remote_User'
    );
    for my $connection (@connections) {
        my $seen = told($alice, [ [ Connection => $connection ] ]);
        is $seen->{HTTP_X_REMOTE_USER}, 'alice', "$connection: the user";
        is $seen->{HTTP_COOKIE}, 'APPID=kept', "$connection: the cookies of the vault";
    }
    is told($alice, [ [ Connection => 'close, X-By-Httpd' ] ])->{HTTP_X_BY_HTTPD}, 'yes',
        'what another module adds';
    my $seen = told($alice, [ [ Connection => 'close, X-Hop, X-Remote-User' ], [ 'X-Hop' => 1 ] ]);
    is $seen->{HTTP_X_HOP}, undef, 'a field that is the connection\'s goes no further';
    is $seen->{HTTP_X_REMOTE_USER}, 'alice', 'but the user does';
    is $alice->get('/told/show', keep_alive => 1, headers => [ [ Connection => 'X-Remote-User' ] ])
        ->header('Connection'), undef, 'the connection stays open';
    is $alice->get('/told/show', headers => [ [ Connection => 'close, X-Remote-User' ] ])
        ->header('Connection'), 'close', 'or is closed, as the client says';
};

my @TRAILERS = (
    [ 'X-Remote-User' => 'mallory' ], [ 'x_remote_user' => 'mallory' ], [ 'x-ok' => 'yes' ],
    [ 'SecSession-Login' => 'mallory' ], [ 'cookie' => 'APPID=planted; __Host-secsession=planted' ]
);

SKIP: {
    skip 'no php-fpm here', 3 unless $php;
    my $alice = with_cookie('alice');
    my $check = sub {
        my ($what, $text) = @_;
        like $text, qr/^HTTP_X_REMOTE_USER=alice$/m, "$what: the user is told";
        like $text, qr/^HTTP_COOKIE=APPID=kept$/m, "$what: and the cookies of the vault";
        unlike $text, qr/mallory|planted/, "$what: trailers add nothing to them";
        like $text, qr/^HTTP_X_OK=yes$/m, "$what: other trailers are merged, as httpd is told";
    };
    my $chunked = sub {
        my ($method, @trailers) = @_;
        my @given = map { "$_->[0]: $_->[1]\r\n" } @trailers;
        return $alice->request($method, '/php/show.php',
            headers => [ [ 'Transfer-Encoding' => 'chunked' ] ],
            body => "4\r\nbody\r\n0\r\n" . join('', @given) . "\r\n")->body;
    };
    subtest 'the trailers of a request' => sub {
        $check->('over HTTP/1.1', $chunked->('POST', @TRAILERS));
        $check->('by another method', $chunked->('PUT', reverse @TRAILERS));
        unlike $chunked->('POST', [ Cookie => 'APPID=planted' ]), qr/planted/, 'one alone';
        unlike $chunked->('POST', [ Connection => 'X-Remote-User' ]), qr/^HTTP_CONNECTION=X/m,
            'nor what a proxy takes away';
    };
    subtest 'the trailers of a request over HTTP/2' => sub {
        my @cookie = ([ cookie => '__Host-secsession=' . $alice->token ]);
        my @lower = map { [ lc $_->[0] => $_->[1] ] } @TRAILERS;
        $check->('without a length', Secsession::Http2::ask($httpd->port, '/php/show.php',
            fields => \@cookie, body => 'body', trailers => \@lower));
        $check->('with one', Secsession::Http2::ask($httpd->port, '/php/show.php',
            fields => [ @cookie, [ 'content-length' => 4 ] ], body => 'body', trailers => \@lower));
    };
    subtest 'who has no session' => sub {
        my $text = Secsession::Http2::ask($httpd->port, '/php/show.php', body => 'body',
            trailers => [ [ 'x-remote-user' => 'mallory' ] ]);
        unlike $text, qr/mallory/, 'gets in by no trailer';
    };
}

subtest 'TRACE' => sub {
    my $alice = with_cookie('alice');
    for my $path ('/told/show', '/told/open/show', '/app/show', '/pub/page.html') {
        for my $headers ([], [ [ 'Max-Forwards' => 0 ] ], [ [ 'Max-Forwards' => 1 ] ]) {
            my $response = $alice->request('TRACE', $path, headers => $headers);
            my $how = join ' ', $path, map { "with Max-Forwards: $_->[1]" } @$headers;
            like $response->body, qr/TRACE|^\z|not allowed/i, "$how: is answered";
            unlike $response->raw, qr/alice|kept|secsession=\w/i, "$how: and tells nothing";
        }
    }
};

subtest 'a name that would arrive as another one' => sub {
    for my $name ('bob ', ' bob', "bob  ") {
        my $client = browser($httpd, 'bob');
        $postgres->psql("update secsession.session set user_name = :'name'
            where user_name = 'bob' and ended_at is null", vars => { name => $name });
        has_heard($postgres);
        my $response = $client->get('/told/show');
        is $response->status, 403, "'$name' is not told";
        unlike $response->body, qr/HTTP_X_REMOTE_USER/, 'nor is the application asked';
        is environment_of($client->get('/app/show'))->{REMOTE_USER}, $name,
            'where a name arrives as it is, it may be told';
    }
    like $httpd->error_log, qr/SS267: /, 'the log says so';
    is told(browser($httpd, 'bob'))->{HTTP_X_REMOTE_USER}, 'bob', 'others are told';
};

done_testing;
