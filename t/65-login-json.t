# Logins that no form shows: a script of the page sends the name as JSON, or the application has one
# user and asks for a password alone.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;

my $API = <<'PHP';
<?php
session_start();
$body = json_decode(file_get_contents('php://input'), true);
header('Content-Type: application/json');
if (($body['user']['password'] ?? '') === 'right' || ($body['password'] ?? '') === 'right') {
    session_regenerate_id(true);
    $_SESSION['user'] = $body['user']['name'] ?? 'the one';
    http_response_code(201);
}
if (($_GET['token'] ?? '') === 'right') {
    $_SESSION['user'] = 'the one';
    http_response_code(302);
    header('Location: /php/lab.php');
}
echo json_encode(['user' => $_SESSION['user'] ?? null]);
PHP
my $fpm = Secsession::Fpm->start;
my ($postgres, $httpd) = start_servers(
    modules => [qw(proxy proxy_fcgi)],
    files => { map { +"php/$_.php" => $API } qw(api box lab) },
    cgi => {
        switch => <<'PERL',
read STDIN, my $body, $ENV{CONTENT_LENGTH} || 0;
print "X-Switch: open\n" if $body =~ /"pin":"1234"/;
print "Content-Type: text/plain\n\n$body\n";
PERL
    },
    config => <<"CONFIG" . <<'CONFIG');
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
CONFIG
<Location "/php/">
    SecSessionVault PHPSESSID
</Location>
<Location "/php/api.php">
    SecSessionLoginWhen "%{REQUEST_STATUS} == 201" field=user.name
</Location>
<Location "/php/box.php">
    SecSessionLoginWhen "%{REQUEST_STATUS} == 201" user=box-admin
</Location>
<Location "/php/lab.php">
    SecSessionLoginWhen "%{REQUEST_STATUS} == 302 && %{QUERY_STRING} =~ /\btoken=/" "user=the lab"
</Location>
<Location "/switch">
    SecSessionLoginWhen "resp('X-Switch') == 'open'" field=person
</Location>
ScriptAlias "/switch" "@FOLDER@/cgi-bin/switch"
CONFIG

sub user_of { return environment_of($_[0]->clone->get('/app/show'))->{REMOTE_USER} // '' }

sub post {
    my ($client, $path, $body) = @_;
    return $client->post($path, $body, headers => [ [ 'Content-Type' => 'application/json' ] ]);
}

subtest 'PHP that reads JSON' => sub {
    my $client = $httpd->client;
    is post($client, '/php/api.php', '{"user":{"name":"erika","password":"wrong"}}')->status, 200,
        'a wrong password';
    is user_of($client), '', 'logs nobody in';
    my $anonymous = $client->token;
    is post($client, '/php/api.php', '{"user":{"name":"erika","password":"right"}}')->status, 201,
        'a right one';
    is user_of($client), 'erika', 'logs in';
    isnt $client->token, $anonymous, 'under another token';
    is $client->get('/php/api.php')->body, '{"user":"erika"}', 'the application knows her again';
    post($client, '/php/api.php', '{"user":{"name":"otto","password":"right"}}');
    is user_of($client), 'otto', 'so does somebody else in this browser';
    is post($httpd->client, '/php/api.php',
        '{"user":{"name":"erika","Name":"otto","password":"right"}}')->status, 502,
        'two names are none';
};

subtest 'a CGI program that reads JSON' => sub {
    my $client = $httpd->client;
    my $body = '{"pin":"1234","person":"J\\u00fcrgen \\ud83d\\ude00"}';
    is post($client, '/switch', $body)->body, "$body\n", 'it reads what was sent';
    is user_of($client), "J\xc3\xbcrgen \xf0\x9f\x98\x80", 'and who it is is known here';
};

subtest 'an application with one user' => sub {
    my $client = $httpd->client;
    post($client, '/php/box.php', '{"password":"wrong"}');
    is user_of($client), '', 'a wrong password logs nobody in';
    my $anonymous = $client->token;
    post($client, '/php/box.php', '{"password":"right"}');
    is user_of($client), 'box-admin', 'a right one logs in whom the configuration names';
    my $token = $client->token;
    isnt $token, $anonymous, 'under another token';
    post($client, '/php/box.php', '{"password":"right"}');
    is $client->token, $token, 'once more is no other login';
    $postgres->psql("select secsession.revoke_user('box-admin', 'test')");
    has_heard($postgres);
    is user_of($client), '', 'and this is a user who can be revoked';
    $client = $httpd->client;
    is $client->get('/php/lab.php?token=right')->status, 302, 'a link that is a password';
    is user_of($client), 'the lab', 'logs in, too';
};

done_testing;
