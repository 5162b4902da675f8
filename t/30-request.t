# What a browser, a script and an application get for a request with a session, and for one without.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Programs 'answering';

my %PAGES = (
          'static/page.shtml' => '<!--#echo var="REMOTE_USER" -->/<!--#echo var="SECSESSION_ID" -->'
        . "\n",
    'static/page.php' =>
        "<?php foreach (\$_SERVER as \$k => \$v) if (is_string(\$v)) echo \"\$k=\$v\\n\";\n",
    'off/page.html' => "<p>private</p>\n",
    'denied/page.html' => "<p>nobody sees it</p>\n",
    'pub/list/a.txt' => "a\n",
    'broken/page.html' => "x\n",
);

my $php = Secsession::Fpm->start_if_there(children => 2);
my $php_handler =
    $php ? qq{<FilesMatch "\\.php\$">\nSetHandler "@{[ $php->handler ]}"\n</FilesMatch>} : '';
my $backend =
    Secsession::Httpd->start(module => 0, config => 'ScriptAlias "/app/" "@FOLDER@/cgi-bin/"');
my $backend_url = 'http://127.0.0.1:' . $backend->port;
my ($postgres, $httpd) = start_servers(
    modules => [qw(include proxy proxy_http proxy_fcgi)], files => \%PAGES,
    cgi => { 'oops' => "print qq{this is no header\\n};\n", 'notfound' => <<'CGI' },
print "Content-Type: text/plain\nCache-Control: public, max-age=60\nSet-Cookie: own=1\n";
print "Set-Cookie: __Host-secsession=forged; Path=/; Secure\n\nno such page\n";
CGI
    config => <<"CONFIG");
<Directory "\@FOLDER\@/htdocs">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    $php_handler
</Directory>
ProxyPass "/static/backend/" "$backend_url/app/"
ProxyPass "/pub/gone/" "http://127.0.0.1:1/"
Alias "/pub/broken" "\@FOLDER\@/cgi-bin/oops"
<Directory "\@FOLDER\@/cgi-bin">
    <Files "oops">
        SetHandler cgi-script
        Options +ExecCGI
    </Files>
</Directory>
<Location "/denied/">
    Require all denied
</Location>
<Location "/off/">
    AuthType SecSession
    Require valid-user
    SecSessionCacheControl Off
</Location>
<LocationMatch "^/pub/cgierror">
    ErrorDocument 404 /app/notfound
</LocationMatch>
<LocationMatch "^/pub/fileerror">
    ErrorDocument 404 /pub/page.html
</LocationMatch>
<Location "/app/notfound">
    AuthType none
    Require all granted
</Location>
CONFIG

my @HTML = ([ Accept => 'text/html,application/xhtml+xml,*/*;q=0.8' ]);
my $NAME = '__Host-secsession';
my $ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax';
my $UNKNOWN = 'A' x 43;

sub ours { return grep { /\A\Q$NAME\E\s*=/ } $_[0]->all_headers('Set-Cookie') }
sub decoded { return $_[0] =~ s/%([0-9a-f]{2})/chr hex $1/gier }

sub session_update {
    my ($client, $change) = @_;
    $postgres->psql("update secsession.session set $change where session_id = :'id'",
        vars => { id => id_of($client) });
    return;
}

subtest
    'who has no session is sent to the login page where a person waits, and told 401 elsewhere' =>
    sub {
    my $page = '/app/show?a=1&b=x%20y';
    my @cases = (
        [ 'a page', 303, 'GET', @HTML ],
        [ 'the head of a page', 303, 'HEAD', @HTML ],
        [ 'a page, says the browser', 303, 'GET', @HTML, [ 'Sec-Fetch-Mode' => 'navigate' ] ],
        [ 'a script that accepts anything', 401, 'GET', [ Accept => '*/*' ] ],
        [ 'no Accept', 401, 'GET' ],
        [ 'JSON', 401, 'GET', [ Accept => 'application/json' ] ],
        [ 'fetch()', 401, 'GET', @HTML, [ 'Sec-Fetch-Mode' => 'cors' ] ],
        [ 'an image', 401, 'GET', @HTML, [ 'Sec-Fetch-Mode' => 'no-cors' ] ],
        [ 'an old script', 401, 'GET', @HTML, [ 'X-Requested-With' => 'XMLHttpRequest' ] ],
        [ 'another', 401, 'GET', @HTML, [ 'X-Requested-With' => 'xmlhttprequest' ] ],
        [ 'a page in an application for Android', 303, 'GET', @HTML,
            [ 'X-Requested-With' => 'org.example.app' ] ],
        [ 'the same, says the browser', 303, 'GET', @HTML, [ 'X-Requested-With' => 'org.example.app' ],
            [ 'Sec-Fetch-Mode' => 'navigate' ] ],
        [ 'a page, whatever marks it', 303, 'GET', @HTML, [ 'X-Requested-With' => 'XMLHttpRequest' ],
            [ 'Sec-Fetch-Mode' => 'navigate' ] ],
        [ 'a script in such an application', 401, 'GET', @HTML,
            [ 'X-Requested-With' => 'org.example.app' ], [ 'Sec-Fetch-Mode' => 'cors' ] ],
        (map { [ $_, 401, $_, @HTML ] } qw(POST PUT DELETE OPTIONS)),
    );
    for my $case (@cases) {
        my ($name, $status, $method, @headers) = @$case;
        my $response = $httpd->request($method, $page, headers => \@headers);
        is $response->status, $status, "$name: $status";
        is $response->header('Cache-Control'), 'no-store', "$name: nobody keeps the answer";
        is scalar(ours($response)), 0, "$name: no cookie";
        is $response->header('WWW-Authenticate'),
            $status == 401 ? 'SecSession realm="localhost"' : undef, "$name: the challenge";
        next if $status == 401;
        my ($target, $return) = $response->header('Location') =~ /^(.*?)\?return=([^&]*)$/;
        like $target, qr{^(?:http://localhost:\d+)?/login$}, "$name: the login page";
        is decoded($return), $page, "$name: with the way back, and no more";
    }
};

sub ends_as_reuse {
    my ($client) = @_;
    my $old = $client->token;
    $client->login('alice', password_of('alice'));
    $postgres->psql(<<'SQL');
update secsession.other_token set retired_at = now() - interval '1 hour', grace_until = now() - interval '1 hour'
where retired_at is not null
SQL
    return $client->set_token($old);
}

subtest 'a user whose session has just ended is told why' => sub {
    my %ending = (
        idle => sub { session_update($_[0], "last_seen_at = now() - interval '31 minutes'") },
        absolute => sub { session_update($_[0], "expires_at = now() - interval '1 second'") },
        revoked => sub { $postgres->psql("select secsession.revoke_user('alice', 'test')") },
        reuse => \&ends_as_reuse,
        logout => sub { $_[0]->clone->logout },
        'a token that nobody knows' => sub { $_[0]->set_token($UNKNOWN) },
    );
    for my $why (sort keys %ending) {
        my $alice = browser($httpd, 'alice');
        $ending{$why}->($alice);
        has_heard($postgres);
        my ($page, $script) =
            map { my $copy = $alice->clone; $copy->get('/app/show', headers => $_) } \@HTML, [];
        is $page->status, 303, "$why: the login page";
        my ($said) = $page->header('Location') =~ /&why=(\w+)$/;
        is $said, $why =~ /^(?:idle|absolute|revoked|reuse)$/ ? $why : undef,
            "$why: the reason is given where one is known";
        is $script->status, 401, "$why: a script gets 401";
        my $is_known = $why !~ /nobody knows/;
        is_deeply [ map { ours($_) } $page, $script ],
            [ $is_known ? ("$NAME=; $ATTRIBUTES; Max-Age=0") x 2 : () ],
            "$why: the cookie is deleted if it was ours";
    }
};

sub expected_environment {
    my ($id) = @_;
    my @values = split /\|/, $postgres->psql(<<'SQL', vars => { id => $id });
select session_id, floor(extract(epoch from created_at)), floor(extract(epoch from authenticated_at)),
    floor(extract(epoch from expires_at)), 1800
from secsession.active_session where session_id = :'id' and user_name = 'alice'
SQL
    my %expected = (REMOTE_USER => 'alice', AUTH_TYPE => 'SecSession');
    @expected{ map { "SECSESSION_$_" } qw(ID CREATED AUTHENTICATED EXPIRES IDLE) } = @values;
    return \%expected;
}

sub seen {
    my ($response) = @_;
    my %all = %{ environment_of($response) };
    my @identity = grep { /^(?:REMOTE_USER|AUTH_TYPE|SECSESSION_.*)$/ } keys %all;
    return { map { $_ => $all{$_} } @identity };
}

subtest 'applications learn who is there, and which session it is' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my $expected = expected_environment($id);
    is_deeply seen($alice->get('/app/show')), $expected, 'CGI';
    is $alice->get('/static/page.shtml')->body, "alice/$id\n", 'server-side includes';
    is seen($alice->get('/pub/show'))->{REMOTE_USER}, undef,
        'nobody is announced where AuthType does not ask';
    is_deeply seen($httpd->get('/pub/show')), {}, 'nothing is set for who is not logged in';
    my $cookies = "$NAME=" . $alice->token . '; other=1';
    my $backend = environment_of(
        $alice->get('/static/backend/show', jar => 0, headers => [ [ Cookie => $cookies ] ]));
    is $backend->{REQUEST_URI}, '/app/show', 'a backend behind a proxy is reached';
    is $backend->{HTTP_COOKIE} // '', 'other=1', 'and sees no cookie of ours';
    SKIP: {
        skip 'no php-fpm on this machine', 1 unless $php;
        is_deeply seen($alice->get('/static/page.php')), $expected, 'PHP-FPM';
    }
};

subtest 'nobody can announce another user to an application' => sub {
    my $alice = browser($httpd, 'alice');
    my @names =
        qw(SecSession-User SECSESSION-ID secsession_id SecSession.Id secsession-id sEcSeSsIoN-X
            SecSession-
        SecSession_Authenticated SecSession!User);
    my @headers = map { ([ $_ => 'mallory' ], [ $_ => 'again' ]) } @names;
    for my $where (qw(/pub/show /app/show /static/backend/show)) {
        my $response =
            $alice->get($where, headers => [ @headers, [ 'X-SecSession-User' => 'kept' ] ]);
        is $response->status, 200, "$where: served";
        is_deeply [ grep { /^HTTP_SECSESSION/ } keys %{ environment_of($response) } ], [],
            "$where: none arrives";
        is environment_of($response)->{HTTP_X_SECSESSION_USER}, 'kept',
            "$where: other header fields do";
        unlike $response->body, qr/mallory/, "$where: nor its value";
    }
};

subtest 'an application cannot set our cookie or our header fields' => sub {
    my $alice = browser($httpd, 'alice');
    my @own = ('own=1; Path=/;  HttpOnly', '__Host-secsessionx=2', 'a="x y"; Max-Age=5',
        'x__Host-secsession=3');
    my @forged = map { "Set-Cookie: $_" } "$NAME=forged; Path=/", "$NAME = spaced", " $NAME=",
        "$NAME", "=$NAME", "=$NAME=nameless", " = $NAME=nameless";
    my @fields = (
        @forged, (map { "Set-Cookie: $_" } @own), 'SecSession-Login: mallory',
        'secsession-logout: 1',
        'SecSession_Revoke: all', 'X-Kept: yes'
    );
    for my $status ('200 OK', '404 Not Found', '500 Oops', '302 Found', '303 See Other',
        '401 Unauthorized', '503 Later')
    {
        for my $where (qw(app pub static/backend)) {
            my $more = $status =~ /^30/ ? 'Location: http://localhost/x' : 'X-More: 1';
            my $response = $alice->get(answering($where, "Status: $status", $more, @fields));
            my ($code) = split ' ', $status;
            is $response->status, $code, "$where, $code: as the application says";
            is_deeply [ $response->all_headers('Set-Cookie') ], \@own,
                "$where, $code: only its own cookies, byte for byte";
            is_deeply [ grep { /^secsession/i } map { $_->[0] } @{ $response->headers } ], [],
                "$where, $code: no header field of ours";
            is $response->header('X-Kept'), 'yes', "$where, $code: the others are kept";
        }
    }
    is $alice->get('/app/show')->status, 200, 'alice is still logged in';
};

sub statuses {
    my $file = '/pub/page.html';
    my $etag = $httpd->get($file)->header('ETag');
    return (
        [ 200, $file ], [ 200, '/pub/show' ], [ 200, '/pub/list/a.txt' ],
        [ 301, '/pub/list' ],
        [ 302, answering('pub', 'Status: 302 Found', 'Location: http://localhost/x') ],
        [ 200, answering('pub', 'Location: /pub/page.html') ],
        [ 304, $file, [ 'If-None-Match' => $etag ] ], [ 206, $file, [ Range => 'bytes=0-3' ] ],
        [ 416, $file, [ Range => 'bytes=1000-' ] ],
        [ 401, answering('pub', 'Status: 401 Unauthorized') ], [ 403, '/denied/page.html' ],
        [ 404, '/pub/nothing' ], [ 404, '/pub/fileerror/nothing' ],
        [ 404, '/pub/cgierror/nothing' ],
        [ 500, '/pub/broken' ], [ 500, answering('pub', 'Status: 500 Oops') ],
        [ 503, '/pub/gone/x' ],
        [ 503, answering('pub', 'Status: 503 Later') ],
    );
}

subtest 'a useless cookie is deleted once in every answer, others are left alone' => sub {
    my $alice = browser($httpd, 'alice');
    my $revoked = browser($httpd, 'bob');
    $postgres->psql("select secsession.revoke_user('bob', 'test')");
    has_heard($postgres);
    my %dead = (unknown => $UNKNOWN, revoked => $revoked->token, malformed => 'x');
    for my $case (statuses(), [ 401, '/app/show' ]) {
        my ($status, $path, @headers) = @$case;
        my $name = "$status of " . substr $path, 0, 20;
        for my $kind (sort keys %dead) {
            my $response =
                $httpd->client->set_token($dead{$kind})->get($path, headers => \@headers);
            is $response->status, $status, "$name, $kind";
            is_deeply [ ours($response) ],
                [ $kind eq 'unknown' ? () : "$NAME=; $ATTRIBUTES; Max-Age=0" ],
                "$name, $kind: one deletion, or none of what is not known to be ours";
            next if $kind eq 'unknown';
            like $response->header('Cache-Control'), qr/^no-store$/,
                "$name, $kind: nobody keeps it";
        }
        next if $path eq '/app/show';
        my $response = $alice->get($path, headers => \@headers);
        is $response->status, $status, "$name, logged in";
        is scalar(ours($response)), 0, "$name, logged in: no Set-Cookie";
        is $response->header('Cache-Control'), $path =~ /a\.txt$/ ? 'private' : 'no-store',
            "$name, logged in: nobody but a browser keeps it";
        is scalar(ours($httpd->get($path, headers => \@headers))), 0,
            "$name, without a cookie: no Set-Cookie";
    }
    is $alice->get('/app/show')->status, 200, 'alice is still logged in';
};

subtest 'no cache keeps what was for one user' => sub {
    my $alice = browser($httpd, 'alice');
    my @cases = (
        [ undef, 'no-store' ], [ 'private', 'private' ],
        [ 'private, max-age=60', 'private, max-age=60' ],
        [ 'no-store', 'no-store' ], [ 'no-cache, no-store', 'no-cache, no-store' ],
        [ 'public', 'private' ],
        [ 'max-age=60', 'private, max-age=60' ], [ 'public, max-age=60', 'private, max-age=60' ],
        [ 'no-cache', 'no-store' ],
        [ 'public, private', 'no-store' ], [ 's-maxage=5', 'no-store' ], [ 'Private', 'Private' ],
    );
    for my $case (@cases) {
        my ($own, $expected) = @$case;
        my @fields = defined $own ? "Cache-Control: $own" : ();
        for my $method (qw(GET HEAD)) {
            my $response = $alice->request($method, answering('app', @fields));
            is $response->header('Cache-Control'), $expected,
                "$method, the application says " . ($own // 'nothing');
        }
        is $httpd->get(answering('pub', @fields))->header('Cache-Control'), $own,
            'without a session: as it was';
    }
    my $file = $alice->get('/static/page.html');
    is $file->header('Cache-Control'), 'no-store', 'a file';
    my $again = $alice->get('/static/page.html',
        headers => [ [ 'If-None-Match' => $file->header('ETag') ] ]);
    is_deeply [ $again->status, $again->header('Cache-Control') ], [ 304, 'no-store' ],
        'a file that has not changed';
    is $alice->get('/off/page.html')->header('Cache-Control'), undef,
        'SecSessionCacheControl Off leaves it alone';
    my $dead = $httpd->client->set_token($UNKNOWN)->get('/off/page.html');
    is $dead->header('Cache-Control'), 'no-store', 'but not where the cookie is deleted';
};

done_testing;
