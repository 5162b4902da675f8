# Where cookies are kept on the server, an application's session id does not get in or out by URLs
# either: a stranger with such an address has no session, and nobody can plant one by a link.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Programs 'answering';

# Takes a session id from the URL, and writes it into links.
my $PHP = <<'PHP';
<?php
session_start();
if (isset($_GET['user'])) $_SESSION['user'] = $_GET['user'];
header('Content-Type: text/plain');
if (isset($_GET['on'])) header('Location: /php/app.php?a=1&PHPSESSID=' . session_id());
echo 'user=', $_SESSION['user'] ?? '', "\nid=", session_id(), "\n";
PHP
my %values = ('session.use_only_cookies' => 0, 'session.use_trans_sid' => 1, 'session.use_strict_mode' => 0,
    'session.cookie_httponly' => 1);
my $fpm = Secsession::Fpm->start(children => 4, values => \%values);
my $backend = Secsession::Httpd->start(module => 0,
    config => 'ScriptAliasMatch "^/back/(headers|show).*$" "@FOLDER@/cgi-bin/$1"');
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => [qw(proxy proxy_http proxy_fcgi)],
    files => { 'php/app.php' => $PHP, 'open/app.php' => $PHP }, config => <<"CONFIG");
<Location "/php/">
    SecSessionVault httponly
</Location>
<Location "/back/">
    SecSessionVault JSESSIONID app.id *pattern*
</Location>
<Location "/off/">
    SecSessionVault JSESSIONID
    SecSessionHarden Off
</Location>
<Location "/refuse/">
    SecSessionVault JSESSIONID
    SecSessionHarden urls=refuse
</Location>
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
ProxyPass "/back/" "http://127.0.0.1:@{[ $backend->port ]}/back/"
ProxyPass "/off/" "http://127.0.0.1:@{[ $backend->port ]}/back/"
ProxyPass "/refuse/" "http://127.0.0.1:@{[ $backend->port ]}/back/"
ProxyPass "/plain/" "http://127.0.0.1:@{[ $backend->port ]}/back/"
CONFIG

sub said { return { $_[0]->body =~ /^(\w+)=(.*)$/mg } }
sub asked { return environment_of($_[0])->{REQUEST_URI} }

subtest 'PHP-FPM' => sub {
    my $victim = $httpd->client;
    my $id = said($victim->get('/php/app.php?user=erika'))->{id};
    is said($victim->get('/php/app.php'))->{user}, 'erika', 'a visitor has a session of the application';
    is said($httpd->client->get("/open/app.php?PHPSESSID=$id"))->{user}, 'erika',
        'where there is no vault, an id in a URL is taken up';
    is said($httpd->client->get("/php/app.php?PHPSESSID=$id"))->{user}, '', 'where there is one, a stranger has none by it';
    isnt said($httpd->client->get('/php/app.php?PHPSESSID=planted'))->{id}, 'planted', 'and none can be planted';
    isnt said($httpd->client->get('/php/app.php?x=1&%50hpsessid[]=planted'))->{id}, 'planted', 'in no spelling';
    is $victim->get('/php/app.php?on=1')->header('Location'), '/php/app.php?a=1', 'no redirect tells it';
    like $httpd->error_log, qr/SS222: .*session\.use_trans_sid=0/, 'the log names the switch of PHP';
};

subtest 'a proxied application' => sub {
    my $client = $httpd->client;
    my %clean = (
        '/back/show;jsessionid=A1' => '/back/show', '/back/show;JSESSIONID=A1?x=1' => '/back/show?x=1',
        '/back/show?x=1&app.id=2&y=3' => '/back/show?x=1&y=3', '/back/show?app_id=2' => '/back/show',
        '/back/show?JSESSIONID=1' => '/back/show', '/back/show?PHPSESSID=1&z' => '/back/show?z',
        '/back/show?pattern=1&sid=2' => '/back/show?pattern=1&sid=2',
        '/back/show;v=1' => '/back/show;v=1',
        '/plain/show;jsessionid=A1' => '/back/show;jsessionid=A1', '/off/show;jsessionid=A1' => '/back/show;jsessionid=A1',
    );
    is asked($client->get($_)), $clean{$_}, "$_ is asked for as $clean{$_}" for sort keys %clean;
    is $client->get('/refuse/show;jsessionid=A1')->status, 403, 'SecSessionHarden urls=refuse refuses';
    is $client->get('/back/..;jsessionid=1/show')->status, 403, 'what would be another path is refused';
};

subtest 'what responses link to' => sub {
    my %fields = (
        Location => [ '/x;jsessionid=S3CR3T?a=1#f', '/x?a=1#f' ],
        'Content-Location' => [ 'y;jsessionid=S3CR3T', 'y' ],
        Refresh => [ '3; url=/z?JSESSIONID=S3CR3T', '3; url=/z' ],
        Link => [ '</a;jsessionid=S3CR3T>; rel=next; title="<b;jsessionid=1>", <c?x=1&app.id=S3CR3T>',
            '</a>; rel=next; title="<b;jsessionid=1>", <c?x=1>' ],
    );
    for my $name (sort keys %fields) {
        my ($sent, $got) = @{ $fields{$name} };
        my @status = $name eq 'Location' ? ('Status: 302 Found') : ();
        my $response = $httpd->client->get(answering('back', @status, "$name: $sent"));
        is $response->header($name), $got, "$name has none";
        is $httpd->client->get(answering('plain', @status, "$name: $sent"))->header($name), $sent,
            "$name is as it was where there is no vault";
    }
};

done_testing;
