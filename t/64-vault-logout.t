# What the very answer of a logout sets begins the next anonymous session: its login form works.
# Nothing of it gets into the session that has ended, and nothing of that one is taken along.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Process qw(run scratch spew);
use Secsession::Programs 'answering';

# A login form that is good for the session in which it was sent only, and is shown by a logout and
# after a wrong password, too. As phpMyAdmin does it.
my $PHP = <<'PHP';
<?php
session_start();
header('Content-Type: text/plain');
$do = $_GET['do'] ?? '';
if ($do === 'login') {
    if (($_POST['form'] ?? '') !== ($_SESSION['form'] ?? 'none')) { http_response_code(403); exit("no such form\n"); }
    if ($_POST['password'] === 'right') { session_regenerate_id(true); $_SESSION = ['user' => 'erika']; header('X-Login: erika'); }
}
if ($do === 'logout' || ($do === 'login' && !isset($_SESSION['user']))) {
    setcookie('OLD', '', 1, '/');
    session_regenerate_id(true);
    $_SESSION = [];
    header('X-Logout: 1');
}
if (!isset($_SESSION['user'])) $_SESSION['form'] ??= bin2hex(random_bytes(8));
echo 'user=', $_SESSION['user'] ?? '', "\nform=", $_SESSION['form'] ?? '', "\ncookies=", $_SERVER['HTTP_COOKIE'] ?? '', "\n";
PHP
my $fpm = Secsession::Fpm->start(children => 4);
my $CONFIG = <<"CONFIG";
SecSessionRotateInterval 1h
<LocationMatch "^/(php|proxied|cgi)/">
    SecSessionVault PHPSESSID OLD APPID
    SecSessionLoginWhen "%{resp:X-Login} =~ /^(.+)\$/" user=\$1
    SecSessionLogoutWhen "%{resp:X-Logout} == '1'"
    SecSessionAppLogin On
</LocationMatch>
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
<LocationMatch "^/(told|forwarded)/">
    SecSessionVault APPID
    SecSessionLogoutWhen "%{resp:X-Logout} == '1'"
</LocationMatch>
<LocationMatch "^/told/">
    AuthType SecSession
    Require all granted
</LocationMatch>
<LocationMatch "^/forwarded/">
    SecSessionForward X-User
</LocationMatch>
ScriptAliasMatch "^/(?:cgi|told|forwarded)/(headers|show)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
CONFIG
my $backend = Secsession::Httpd->start(module => 0, files => { 'proxied/app.php' => $PHP },
    modules => [qw(proxy proxy_fcgi)], config => $CONFIG =~ s/^ *SecSession.*\n//gmr);
$CONFIG .= qq(ProxyPass "/proxied/" "http://127.0.0.1:@{[ $backend->port ]}/proxied/"\n);
my %opt = (modules => [qw(proxy proxy_http proxy_fcgi)], files => { 'php/app.php' => $PHP });
my ($postgres, $httpd) = start_servers(children => 2, threads => 8, %opt, config => $CONFIG);
my $keys = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
my $sealed = Secsession::Httpd->start(%opt, postgres => $postgres,
    config => Secsession::Test::standard_config(config => "SecSessionKeys $keys\n$CONFIG"));

sub said { return { map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $_[0]->body } }
sub gives_nothing_away {
    my ($response, $name) = @_;
    return is_deeply [ grep { /PHPSESSID|OLD|APPID/ } $response->all_headers('Set-Cookie') ], [], $name;
}
sub tries {
    my ($client, $path, $form, $password) = @_;
    return $client->post_form("$path?do=login", { form => $form->{form}, password => $password });
}
sub cookies_seen { return environment_of($_[0]->clone->get('/cgi/show'))->{HTTP_COOKIE} // '' }
sub is_over {
    my ($token, $server, $name) = @_;
    is cookies_seen($server->client->set_token($token)), '', "$name: the token of before opens no vault";
    return isnt environment_of($server->client->set_token($token)->get('/cgi/show'))->{REMOTE_USER},
        'erika', "$name: and is nobody's";
}

for my $case (['PHP-FPM', $httpd, '/php/app.php'], ['a proxied application', $httpd, '/proxied/app.php'],
    ['with keys', $sealed, '/php/app.php']) {
    my ($kind, $server, $path) = @$case;
    subtest $kind => sub {
        my $client = $server->client;
        my $form = said($client->get($path));
        my $first = $client->token;
        my $wrong = tries($client, $path, $form, 'wrong');
        is $wrong->status, 200, 'a wrong password is answered with another form';
        gives_nothing_away($wrong, 'and with no cookie');
        isnt $client->token, $first, 'but with another of ours';
        is_over($first, $server, 'a wrong password');
        is said(tries($client, $path, said($wrong), 'right'))->{user}, 'erika', 'which works';
        is said($client->get($path))->{user}, 'erika', 'who is logged in';
        $client->get(answering('cgi', 'Set-Cookie: OLD=1; path=/', 'Set-Cookie: APPID=hers; path=/'));

        my $token = $client->token;
        my $bye = $client->get("$path?do=logout");
        is $bye->status, 200, 'a logout is answered with a form';
        gives_nothing_away($bye, 'and with no cookie');
        isnt $client->token, $token, 'but with another of ours';
        is_over($token, $server, 'a logout');
        like said($client->get($path))->{cookies}, qr/^PHPSESSID=\w+$/, 'nothing else is taken along';
        is said($client->get($path))->{form}, said($bye)->{form}, 'the application knows the form';
        is said(tries($client, $path, said($bye), 'right'))->{user}, 'erika', 'which works';
        is $postgres->value("select count(*) from secsession.active_session where user_name = 'erika'"), 1,
            'in a session of its own';
        $postgres->psql("select secsession.revoke_user('erika', 'test')");
        has_heard($postgres);
    };
}

subtest 'what an application says by header fields' => sub {
    for my $word ('SecSession-Logout: 1', 'SecSession-Revoke: all') {
        my $client = $httpd->client;
        $client->get(answering('cgi', 'SecSession-Login: erika', 'Set-Cookie: OLD=1; path=/',
            'Set-Cookie: APPID=same; path=/'));
        my $token = $client->token;
        my $bye = $client->get(answering('cgi', $word, 'Set-Cookie: OLD=; Max-Age=0; path=/',
            'Set-Cookie: APPID=same; path=/'));
        gives_nothing_away($bye, "$word: no cookie");
        is scalar($bye->all_headers('Set-Cookie')), 1, "$word: but one of ours";
        is_over($token, $httpd, $word);
        is cookies_seen($client), 'APPID=same', "$word: a cookie that is set once more stays";
        is $client->clone->get('/app/show')->status, 401, "$word: nobody is logged in";
        my $last = $client->get(answering('cgi', 'SecSession-Logout: 1', 'Set-Cookie: APPID=; Max-Age=0; path=/'));
        like $last->header('Set-Cookie'), qr/^__Host-secsession=;.*Max-Age=0/, "$word: without another, ours is deleted";
        is cookies_seen($client), '', "$word: and there is nothing left";
    }
    my $client = $httpd->client;
    $client->get(answering('cgi', 'SecSession-Login: erika', 'Set-Cookie: APPID=1; path=/'));
    $client->get(answering('cgi', 'SecSession-Login: otto', 'Set-Cookie: APPID=1; path=/'));
    is cookies_seen($client), 'APPID=1', 'somebody else logs in: the same cookie is set for him';
};

subtest 'an application that is told who asks' => sub {
    my @bye = ('X-Logout: 1', 'Set-Cookie: APPID=alices; path=/');
    for my $place ('told', 'forwarded') {
        my $client = browser($httpd, 'alice');
        gives_nothing_away($client->get(answering($place, @bye)), "$place: no browser gets what it sets");
        is $client->token, undef, "$place: nor is it for whoever comes next";
        $client->login('bob', password_of('bob'));
        is cookies_seen($client), '', "$place: bob in the same browser has nothing of it";
    }
};

subtest 'without the database' => sub {
    my $client = $httpd->client;
    $client->get(answering('cgi', 'SecSession-Login: erika', 'Set-Cookie: APPID=1; path=/'));
    $postgres->psql('revoke execute on function secsession.begin_session from secsession_httpd');
    my $response = $client->clone->get(answering('cgi', 'SecSession-Logout: 1',
        'Set-Cookie: APPID=') . 'x' x 4000);
    $postgres->psql('grant execute on function secsession.begin_session to secsession_httpd');
    is $response->status, 503, 'a session that cannot begin, for a cookie that is too large to be carried: 503';
    gives_nothing_away($response, 'and no cookie is given away');
    is cookies_seen($client), '', 'but the old one has ended';
};

done_testing;
