# SecSessionVault httponly: whatever an application keeps from scripts it does not get from anybody's
# browser either; what scripts set and read goes on as before. Applications that believe REMOTE_USER
# and keep a cookie, too, know nobody by it after a logout.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Fpm;
use Secsession::Process 'spew';
use Secsession::Programs 'answering';

# Takes up any session id that it is given, and believes REMOTE_USER only once.
my $PHP = <<'PHP';
<?php
ini_set('session.use_strict_mode', 0);
ini_set('session.cookie_httponly', 1);
session_start();
if (!isset($_SESSION['user'])) $_SESSION['user'] = $_SERVER['REMOTE_USER'] ?? '';
if (($_GET['do'] ?? '') === 'logout') { session_destroy(); setcookie(session_name(), '', 1, '/'); header('X-Logout: 1'); }
header('Content-Type: text/html');
echo "<!DOCTYPE html><title>t</title><pre>user=$_SESSION[user]\nid=", session_id(), "\ncookies=", $_SERVER['HTTP_COOKIE'] ?? '', "\n</pre>";
PHP
my $fpm = Secsession::Fpm->start(children => 4);
my $PHP_HANDLER = qq(<FilesMatch "\\.php\$">\n    SetHandler "@{[ $fpm->handler ]}"\n</FilesMatch>\n);
my $backend = Secsession::Httpd->start(module => 0, files => { 'proxied/app.php' => $PHP =~ s/REMOTE_USER/HTTP_X_USER/r },
    modules => [qw(proxy proxy_fcgi)], config => $PHP_HANDLER);
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => [qw(proxy proxy_http proxy_fcgi)],
    files => { 'php/app.php' => $PHP, 'own/app.php' => $PHP, 'logout.html' => 'bye' },
    config => <<"CONFIG" . $PHP_HANDLER);
<LocationMatch "^/php/">
    SecSessionVault httponly
    SecSessionLogoutWhen "%{resp:X-Logout} == '1'" home
    SecSessionLogoutHome /logout.html
    AuthType SecSession
    Require valid-user
</LocationMatch>
<LocationMatch "^/proxied/">
    SecSessionVault httponly
    SecSessionForward X-User
    SecSessionLogoutWhen "%{resp:X-Logout} == '1'"
    AuthType SecSession
    Require valid-user
</LocationMatch>
<LocationMatch "^/own/">
    SecSessionVault httponly
</LocationMatch>
<LocationMatch "^/cgi/">
    SecSessionVault httponly OPEN_ID
</LocationMatch>
<LocationMatch "^/bare/">
    SecSessionVault httponly
</LocationMatch>
ScriptAliasMatch "^/(?:cgi|bare)/(headers|show)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
ProxyPass "/proxied/" "http://127.0.0.1:@{[ $backend->port ]}/proxied/"
CONFIG
my %APP = ('PHP-FPM' => '/php/app.php', 'a proxied application' => '/proxied/app.php');

sub said { return { map { /(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $_[0]->body } }
sub with { return (headers => [ [ Cookie => join '; ', @_ ] ], jar => 0) }
sub cookies_seen {
    my ($client, @cookies) = @_;
    unshift @cookies, '__Host-secsession=' . $client->token if $client->token;
    return environment_of($client->get('/cgi/show', with(@cookies)))->{HTTP_COOKIE} // '';
}
sub sets { my ($client, @cookies) = @_; return $client->get(answering('cgi', map { "Set-Cookie: $_" } @cookies)) }
sub given { return grep { !/^__Host-secsession=/ } $_[0]->all_headers('Set-Cookie') }

subtest 'before anything is known of an application' => sub {
    for my $start ('started', 'started again') {
        $httpd->graceful if $start =~ /again/;
        is cookies_seen($httpd->client, 'SID=planted', 'theme=dark'), '',
            "$start: it gets nothing that it has not set";
        my $visitor = $httpd->client;
        is_deeply [ given(sets($visitor, 'test_cookie=1; path=/')) ], ['test_cookie=1; path=/'],
            "$start: what scripts may read goes to the browser";
        is cookies_seen($httpd->client, 'SID=planted', 'test_cookie=1'), 'test_cookie=1',
            "$start: and comes back";
        is cookies_seen($httpd->client, 'test_cookie=1 SID=planted'), '', "$start: with nothing in its value";
        my $planted = said($httpd->client->get('/own/app.php', with('PHPSESSID=planted')));
        isnt $planted->{id}, 'planted', "$start: no session id is taken up";
    }
};

subtest 'what an application keeps from scripts' => sub {
    my $client = $httpd->client;
    my $response = sets($client, 'SID=1; path=/; HttpOnly', 'theme=light; path=/', 'my.sid=2; path=/; httponly=1');
    is_deeply [ given($response) ], ['theme=light; path=/'], 'stays here, in every spelling';
    is cookies_seen($client, 'theme=dark', 'zone=CET'), 'SID=1; my.sid=2; theme=dark; zone=CET',
        'what a script sets, too, is passed on';
    is cookies_seen($client, 'SID=planted', 'sid=planted', '%53ID=planted', 'my_sid=planted', 'my[sid=planted',
        'a=1 SID=planted', 'zone=CET'), 'SID=1; my.sid=2; zone=CET', 'what somebody plants is not';
    is cookies_seen($httpd->client, 'SID=planted', 'zone=CET'), 'zone=CET', 'nor if there is no session';
    is_deeply [ given(sets($client, 'SID=; path=/; Max-Age=0')) ], [], 'it is removed without the property';
    is cookies_seen($client), 'my.sid=2', 'and is gone';
    is_deeply [ given(sets($client, 'zone=; path=/; Max-Age=0; HttpOnly')) ], ['zone=; path=/; Max-Age=0; HttpOnly'],
        'one that a script has set is removed in the browser';
    is cookies_seen($client, 'zone=CET'), 'my.sid=2; zone=CET', 'which teaches nothing';
};

subtest 'an application that changes its mind' => sub {
    my $client = $httpd->client;
    is scalar(given(sets($client, 'turn=open; path=/'))), 1, 'a cookie for scripts';
    is cookies_seen($client, 'turn=open'), 'turn=open', 'comes back';
    is_deeply [ given(sets($client, 'turn=hidden; path=/; HttpOnly')) ], [], 'and is hidden then';
    is cookies_seen($client, 'turn=open'), 'turn=hidden', 'the one in the browser counts no more';
    is_deeply [ given(sets($client, 'turn=again; path=/')) ], [], 'once hidden, it stays here';
    is cookies_seen($client, 'turn=open'), 'turn=again', 'for good';
    is_deeply [ given(sets($client, 'OPEN_ID=1; path=/')) ], [], 'a name that is given stays here, too';
    is cookies_seen($httpd->client, 'OPEN_ID=planted'), '', 'and is accepted from nobody';
};

for my $kind (sort keys %APP) {
    subtest "$kind that believes REMOTE_USER once" => sub {
        my $client = browser($httpd, 'alice');
        my $first = said($client->get($APP{$kind}, with('__Host-secsession=' . $client->token, 'PHPSESSID=planted')));
        isnt $first->{id}, 'planted', 'it makes a session of its own';
        is said($client->get($APP{$kind}))->{user}, 'alice', 'for alice';
        is said($client->get($APP{$kind}))->{id}, $first->{id}, 'which it finds again';
        is_deeply [ keys %{ $client->jar } ], ['__Host-secsession'], 'the browser has none of it';
        $client->logout;
        $client->login('bob', password_of('bob'));
        is said($client->get($APP{$kind}))->{user}, 'bob', 'bob in the same browser is bob inside';

        my $token = $client->token;
        my $bye = $client->get("$APP{$kind}?do=logout");
        if ($kind eq 'PHP-FPM') {
            is $bye->status, 303, "the application's own logout ends our session, and we answer";
            is $bye->header('Location'), '/logout.html', 'as our logout page does';
            is $bye->body =~ /user=/, '', 'with nothing of the application';
        }
        else { is $bye->status, 200, "the application's own logout ends our session" }
        is $bye->header('Clear-Site-Data'), '"cache", "storage"', 'the browser is told to forget';
        is $client->token, undef, 'the cookie is deleted';
        is $httpd->client->set_token($token)->get($APP{$kind})->status, 401, 'and worthless';
        $client->login('alice', password_of('alice'));
        is said($client->get($APP{$kind}))->{user}, 'alice', 'alice is alice then';
    };
}

subtest 'a real browser' => sub {
    plan skip_all => 'no chromium-driver on this machine' unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start;
    my $here = 'http://localhost:' . $httpd->port;
    my $sees = sub {
        $browser->open("$here/own/app.php");
        return ($browser->run('return document.body.textContent') // '') =~ /^cookies=(.*)$/m ? $1 : '';
    };
    $sees->();
    is $browser->run('return document.cookie'), '', 'a script reads none of it';
    $browser->run("document.cookie = 'theme=dark; path=/'; document.cookie = 'PHPSESSID=planted; path=/'");
    my $sent = $sees->();
    like $sent, qr/\btheme=dark\b/, 'the application sees what a script has set';
    unlike $sent, qr/planted/, 'but not in the place of its own';
    like $sent, qr/\bPHPSESSID=\w/, 'which it has still';
};

done_testing;
