# Neither the order in which modules are loaded nor a proxy in front of httpd or behind it changes
# anything that a user or an application could notice.
use lib 't/lib';
use Secsession::Test;
use MIME::Base64 'encode_base64';

my $NAME = '__Host-secsession';
my $DELETION = '; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0';
my @NEIGHBOURS = qw(proxy proxy_http rewrite session auth_form request remoteip headers setenvif dir
    include info status ssl);
my $postgres = Secsession::Postgres->start->install;
my $backend =
    Secsession::Httpd->start(module => 0, config => 'ScriptAlias "/app/" "@FOLDER@/cgi-bin/"');

# The neighbours are tempted to pass on what they must not see: in variables, in header fields, in
# URLs.
sub configuration {
    my $modules = Secsession::Httpd::installation()->{modules};
    my $to = 'http://127.0.0.1:' . $backend->port;
    return Secsession::Test::standard_config(config => <<"CONFIG");
LoadModule session_cookie_module $modules/mod_session_cookie.so
<LocationMatch "^/app/">
    Session On
    SessionCookieName neighbour path=/
    SessionEnv On
</LocationMatch>
<Directory "\@FOLDER\@/htdocs">
    DirectoryIndex page.html
    Options +Includes
</Directory>
ProxyPass "/static/backend/" "$to/app/"
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
RequestHeader set X-Early "expr=%{HTTP:Cookie}|%{HTTP:SecSession-User}" early
RequestHeader set X-Late "expr=%{HTTP:Cookie}|%{HTTP:SecSession-User}"
SetEnvIf Cookie "(.+)" COOKIE_COPY=\$1
SetEnvIf SecSession-User "(.+)" SPOOFED=\$1
RewriteEngine On
RewriteCond %{HTTP_COOKIE} "$NAME"
RewriteRule "^" "-" [E=REWRITE_SAW:%{HTTP_COOKIE}]
RewriteRule "^/rewritten/(.*)" "/app/\$1" [PT]
RewriteRule "^/proxied/(.*)" "$to/app/\$1" [P]
CONFIG
}

sub start_shuffled {
    my ($seed) = @_;
    return Secsession::Httpd->start(
        postgres => $postgres, modules => \@NEIGHBOURS, shuffle => $seed,
        config => configuration(),
        files => { 'static/page.html' => "<p>private</p>\n", 'pub/page.html' => "<p>public</p>\n" }
    );
}

my @navigation = (headers => [ [ Accept => 'text/html' ] ]);
my @spoofed = map { [ $_ => 'mallory' ] } 'SecSession-User', 'SecSession_User', 'secsession.user',
    'SecSession-Id';
my $FORGED = [ Authorization => 'Basic ' . encode_base64('/CN=alice:password', '') ];
my @FROM = ([ 'X-Forwarded-For' => '192.0.2.7' ]);

sub ours { return map { /^\Q$NAME\E=(.*)/ ? $1 : () } $_[0]->all_headers('Set-Cookie') }

sub without_session {
    my ($server) = @_;
    my $nobody = $server->client;
    for my $path (qw(/app/show /static/page.html /static/ /rewritten/show /static/backend/show)) {
        my $page = $nobody->get($path, @navigation);
        is $page->status, 303, "$path without a session: the login page";
        like $page->header('Location') // '', qr{^(?:http://localhost(?::\d+)?)?/login\?return=},
            "$path: with the way back";
        is $nobody->get($path)->status, 401, "$path: a script gets 401";
    }
    is $nobody->get('/pub/page.html')->status, 200, 'a public page is served';
    my $spoofed = environment_of($nobody->get('/pub/show', headers => \@spoofed));
    is_deeply [ grep { ($spoofed->{$_} // '') =~ /mallory/ } sort keys %$spoofed ], [],
        'nobody can announce himself';
    my $bad = $server->client->set_token('x')->get('/app/show', @navigation);
    is_deeply [ $bad->status, ours($bad) ], [ 303, $DELETION ], 'a useless cookie is deleted';
}

# The environment of each program that the application or a backend sees, with what else the browser
# sends.
sub with_session {
    my ($server, $alice) = @_;
    my $token = $alice->token;
    my @sent =
        (jar => 0, headers => [ [ Cookie => "one=1; $NAME=$token; two=2" ], @spoofed, @FROM ]);
    for my $path (qw(/app/show /pub/show /rewritten/show /static/backend/show /proxied/show)) {
        my $response = $alice->get($path, @sent);
        my $seen = environment_of($response);
        is $response->status, 200, "$path with a session: served";
        is $seen->{REMOTE_USER}, $path =~ /app|rewritten/ ? 'alice' : undef,
            "$path: for whom it is to be known";
        is $seen->{HTTP_COOKIE}, 'one=1; two=2',
            "$path: with the application's own cookies, without ours";
        is_deeply [ grep { "$_=$seen->{$_}" =~ /\Q$token\E|mallory|\Q$NAME\E/ } sort keys %$seen ],
            [],
            "$path: no other module has passed on the token or the spoofed fields";
        is_deeply [ ours($response) ], [], "$path: no Set-Cookie of ours";
        like $response->header('Cache-Control'), qr/no-store|private/,
            "$path: in an answer that no cache shares";
    }
    for my $where (qw(/app /pub /static/backend /proxied)) {
        my $fields = "Set-Cookie:%20$NAME=forged%0ASet-Cookie:%20own=1%0ASecSession-Login:%20bob";
        my $response = $alice->get("$where/headers?$fields");
        is_deeply [ $response->all_headers('Set-Cookie') ], ['own=1'],
            "$where: an application cannot set our cookie";
        is $response->header('SecSession-Login'), undef, "$where: its words to us go no further";
    }
    is environment_of($alice->get('/app/show', @sent))->{HTTP_X_LATE}, 'one=1; two=2|',
        'mod_headers was there to see them';
    is $alice->get('/static/page.html', headers => [$FORGED])->status, 403,
        'the subject of a certificate, written as a password, is refused by mod_ssl';
    is $alice->get("/static/$_")->body, "<p>private</p>\n",
        "/static/$_: a file, and an index of a folder"
        for '', 'page.html';
}

sub behaves {
    my ($server) = @_;
    without_session($server);
    my $alice = $server->client;
    my $login =
        $alice->login('alice', password_of('alice'), return => '/app/show?x', headers => \@FROM);
    is $login->status, 303, 'a login';
    like $login->header('Location'), qr{^(?:http://localhost(?::\d+)?)?/app/show\?x$},
        'goes where it was meant to';
    my @set = ours($login);
    is scalar @set, 1, 'and sets our cookie once';
    like $set[0], qr/^[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/, 'correctly';
    is $login->header('Cache-Control'), 'no-store', 'in an answer that nobody keeps';
    is $postgres->value(
        "select client_addr from secsession.active_session where user_name = 'alice'"), '192.0.2.7',
        'the session knows the address of the browser, not of the proxy';
    with_session($server, $alice);
    my $logout = $alice->clone->logout;
    is_deeply [ $logout->status, ours($logout) ], [ 303, $DELETION ], 'a logout deletes it';
    is $logout->header('Clear-Site-Data'), '"cache", "storage"', 'and what the browser has kept';
    is $alice->get('/app/show', @navigation)->status, 303, 'after it there is no session';
}

for my $seed (1 .. 6) {
    subtest "modules loaded in another order ($seed)" => sub {
        my $httpd = start_shuffled($seed);
        behaves($httpd);
        $httpd->stop;
    };
}

my $behind = start_shuffled(7);
my $front =
    'ProxyPreserveHost On' . "\n" . 'ProxyPass "/" "http://127.0.0.1:' . $behind->port . '/"';

subtest 'behind a reverse proxy' => sub {
    my $proxy =
        Secsession::Httpd->start(module => 0, modules => [qw(proxy proxy_http)], config => $front);
    behaves($proxy);
};

subtest 'behind a reverse proxy that has the module too, for other places' => sub {
    my $config = <<"CONFIG";
SecSessionCookie front Insecure
<Location "/front/">
    SecSession On
    AuthType SecSession
    Require valid-user
</Location>
$front
CONFIG
    my $proxy = Secsession::Httpd->start(postgres => $postgres, modules => [qw(proxy proxy_http)],
        config => $config);
    my $alice = $proxy->client;
    is $alice->login('alice', password_of('alice'))->status, 303, 'a login through it';
    is environment_of($alice->get('/app/show'))->{REMOTE_USER}, 'alice', 'lasts';
    is $proxy->get('/front/x')->status, 401, 'and its own places are its own';
    is $alice->logout->status, 303, 'a logout';
};

done_testing;
