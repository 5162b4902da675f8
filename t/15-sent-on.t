# Who is logged in and opens the login page is sent on; a way back that cannot be kept is talked about;
# and in a frame our pages are a link that opens them in the whole window.
# mpm: all

use lib 't/lib';
use Secsession::Test;

my $HOME = '/pub/welcome';
my ($postgres, $httpd) = start_servers(
    files => {
        'folder/config.php' => '<?php $password = "secret";', 'folder/.htpasswd' => 'alice:secret',
        'folder/notes' => 'secret', 'folder/page.html' => '<p>secret page</p>',
        'own.html' => '<p id="own">{{return}}</p>'
    },
    login => "SecSessionLoginHome $HOME\n", config => <<'CONFIG');
<Location "/sessions">
    SetHandler secsession-sessions
    AuthType SecSession
    SecSessionLoginPage /login
    Require valid-user
</Location>
<Location "/static/short/">
    SecSessionIdleTimeout 1s
</Location>
<Location "/app/show/money">
    Require session-fresh 5m
</Location>
<Location "/login-at-home">
    SetHandler secsession-login
    SecSessionLoginHome /login-at-home
    Require all granted
</Location>
<LocationMatch "^/(folder|own)">
    SetHandler secsession-login
    Require all granted
</LocationMatch>
Alias "/own" "@FOLDER@/htdocs/own.html"
<Location "/closed">
    AuthType SecSession
    Require user nobody
    ErrorDocument 403 /login
</Location>
CONFIG
my @HTML = ([ Accept => 'text/html' ]);
my $OWN = $httpd->client->origin;

sub sent { return ($_[0]->header('Location') // $_[0]->status) =~ s/\A\Q$OWN\E//r }
sub frame {
    my ($site, $dest) = @_;
    return [
        [ 'Sec-Fetch-Site' => $site ], [ 'Sec-Fetch-Mode' => 'navigate' ],
        [ 'Sec-Fetch-Dest' => $dest // 'iframe' ], @HTML
    ];
}

# As if the session had last been used, or its user had logged in, so long ago.
sub age {
    my ($client, $column, $ago) = @_;
    $postgres->psql(
        "update secsession.session set $column = now() - interval '$ago' where session_id = :'id'",
        vars => { id => id_of($client) });
    has_heard($postgres);
    return $client;
}

subtest 'who is logged in and opens the login page' => sub {
    my $alice = browser($httpd, 'alice');
    my $token = $alice->token;
    is sent($alice->get('/login')), $HOME, 'is sent home';
    is sent($alice->get('/login?return=%2Fapp%2Fshow%3Fx%3D1')), '/app/show?x=1',
        'or to where the link says';
    is sent($alice->get('/login?return=//evil.example/')), $HOME, 'but to no other host';
    is $alice->get($_)->status, 200, "but not in a circle: $_"
        for '/login?return=/login', '/login?return=/login%3Freturn=/login', '/login-at-home';
    is $alice->token, $token, 'the session stays the same';
    is $alice->get('/login?why=fresh')->status, 200, 'who has to confirm the login sees the form';
    is $alice->get('/closed')->status, 403, 'and so does who is refused';
    is $httpd->get('/login')->status, 200, 'and who is not logged in';
    is sent(browser($httpd, 'bob')->request('HEAD', '/login')), $HOME, 'HEAD';
};

subtest 'no circle where the session is good enough for the login page only' => sub {
    my $alice = age(browser($httpd, 'alice'), 'last_seen_at', '10 seconds');
    my $to = sent($alice->get('/static/short/page.html', headers => \@HTML));
    like $to, qr{^/login\?return=.*&why=idle$}, 'a location with a shorter limit';
    is $alice->get($to)->status, 200, 'leads to the form';
    $alice = age(browser($httpd, 'alice'), 'authenticated_at', '6 minutes');
    $to = sent($alice->get('/login?return=/app/show/money'));
    $to = sent($alice->get($to, headers => \@HTML));
    like $to, qr{^/login\?return=.*&why=fresh$}, 'one that requires a recent login';
    is $alice->get($to)->status, 200, 'leads to it, too';
};

subtest 'a way back that cannot be kept' => sub {
    my %asked = (
        'too long, once it is encoded' => '/app/show?' . '%25' x 2000,
        'dots that a browser would resolve' => '/app/%252e%252e/show',
    );
    for my $name (sort keys %asked) {
        my $to = sent($httpd->get($asked{$name}, headers => \@HTML));
        is $to, '/login?return=', "$name: is not tried";
        like $httpd->get($to)->body, qr/role="alert">The address of the page .* cannot be kept/,
            "$name: but the page says so";
    }
    like $httpd->get('/login?return=&why=idle')->body,
        qr/You were not active for a while\..* cannot be kept/, 'beside the other reason';
    unlike $httpd->get('/login?return=/app/show')->body, qr/cannot be kept/, 'and only then';
};

subtest 'a frame whose session has ended' => sub {
    my $alice = browser($httpd, 'alice');
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    my $to = sent($alice->get('/app/show?x=1&y=%22', headers => frame('same-origin')));
    like $to, qr{^/login\?return=.*&why=revoked$}, 'is sent to the login page';
    for my $dest (qw(iframe frame object embed)) {
        my $page = $alice->get($to, headers => frame('same-origin', $dest));
        is $page->status, 200, "$dest: which is a page";
        is $page->header('X-Frame-Options'), undef, 'that a frame can show';
        unlike $page->header('Content-Security-Policy'), qr/frame-ancestors/, 'wherever that is';
        like $page->header('Content-Security-Policy'), qr/default-src 'none'.*form-action 'none'/,
            'and that can do nothing';
        like $page->body, qr/ended by an administrator/, 'it says why';
        unlike $page->body, qr/<form|<input/, 'it has no form';
        my ($link) = $page->body =~ /<a href="([^"]*)" target="_top">Log in/;
        is $link =~ s/&amp;/&/gr, $to =~ s{^/login}{}r, 'but a link to the page itself';
    }
    my $evil = $httpd->get('/login?return="><script>&why=idle', headers => frame('cross-site'));
    unlike $evil->body, qr/<script/, 'nothing else comes out of it';
    is $httpd->get('/login', headers => [ [ 'Sec-Fetch-Dest' => 'document' ] ])
        ->header('X-Frame-Options'), 'DENY', 'the login form itself is in no frame';
};

subtest 'our other pages in a frame' => sub {
    my $alice = browser($httpd, 'alice');
    for my $path ('/logout', '/sessions') {
        my $page = $alice->get($path, headers => frame('same-origin'));
        is $page->header('X-Frame-Options'), 'SAMEORIGIN', "$path: only our own pages show it";
        like $page->header('Content-Security-Policy'), qr/frame-ancestors 'self'/, 'in any browser';
        like $page->body, qr/<a href="\?" target="_top">/, 'and it is a link';
        unlike $page->body, qr/<form|127\.0\.0\.1/, 'nothing but a link';
    }
    is $alice->get('/app/show')->status, 200, 'and nobody is logged out';
};

subtest 'a folder that happens to have the URL of the login page' => sub {
    for my $path ('', '/', '/config.php', '/.htpasswd', '/notes') {
        my $page = $httpd->get("/folder$path");
        unlike $page->raw, qr/secret/, "'$path' is not sent";
        like $page->body, qr/<form/, 'but the login page' if $page->status == 200;
    }
    like $httpd->get('/own?return=/app/show')->body, qr{<p id="own">/app/show}, 'a page is';
    like $httpd->get('/own/config.php')->body, qr/<form/, 'and nothing below it';
};

done_testing;
