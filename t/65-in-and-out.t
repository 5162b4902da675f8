# An application that is recognised by its cookies sets and removes them in one answer: it ends what
# was before it lets somebody in, or gives whoever has logged out a new cookie. What counts is what
# the browser has afterwards; and the answer to a form that logs somebody in is a login.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Programs qw(answering);

# Like a mail program: each login removes its cookie first, and sets it again.
my $MAIL = <<'PHP';
<?php
ini_set('session.name', 'mailid');
session_start();
$past = time() - 60;
if (($_POST['_pass'] ?? '') === 'right') {
    setcookie('mailauth', '-del-', $past, '/php/');
    session_regenerate_id(true);
    $_SESSION['user'] = $_POST['_user'];
    setcookie('mailauth', 'S' . session_id(), 0, '/php/');
    http_response_code(302);
    header('Location: mail.php?in');
} elseif (isset($_GET['logout'])) {
    $_SESSION = [];
    setcookie('mailauth', '-del-', $past, '/php/');
}
echo 'user=', $_SESSION['user'] ?? '', "\n";
PHP

# Like an administration of databases: its form logs out, and the answer has a new cookie.
my $ADMIN = <<'PHP';
<?php
ini_set('session.name', 'adminid');
session_start();
if (($_POST['pma_password'] ?? '') === 'right') {
    session_regenerate_id(true);
    $_SESSION['user'] = $_POST['pma_username'];
    setcookie('adminauth', 'x', 0, '/');
    http_response_code(302);
    header('Location: admin.php?in');
} elseif (isset($_GET['logout'])) {
    session_regenerate_id(true);
    $_SESSION = [];
    setcookie('adminauth', 'deleted', 1, '/');
    http_response_code(302);
    header('Location: admin.php');
}
echo 'user=', $_SESSION['user'] ?? '', "\n";
PHP

my $fpm = Secsession::Fpm->start;
my ($postgres, $httpd) = start_servers(
    modules => [qw(proxy proxy_fcgi)],
    files => { 'php/mail.php' => $MAIL, 'php/admin.php' => $ADMIN },
    config => <<"CONFIG" . <<'CONFIG');
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
CONFIG
<Location "/php/mail.php">
    SecSessionVault mailid mailauth
    SecSessionLoginWhen  "%{REQUEST_STATUS} == 302 && %{resp:Set-Cookie} =~ /\bmailauth=/" field=_user
    SecSessionLogoutWhen "-n reqenv('SECSESSION_AUTHENTICATED') && %{resp:Set-Cookie} =~ /\bmailauth=-del-;/"
</Location>
<Location "/php/admin.php">
    SecSessionVault adminid adminauth
    SecSessionLoginWhen  "%{REQUEST_STATUS} == 302 && %{resp:Set-Cookie} =~ /\badminid=/" field=pma_username
    SecSessionLogoutWhen "%{QUERY_STRING} =~ /logout/"
</Location>
<Location "/named/">
    SecSessionLoginWhen  "%{resp:Set-Cookie} =~ /\bNAME=([^;]+)/ && unescape($1) =~ /^(.+)$/" user=$1
    SecSessionLogoutWhen "%{resp:Set-Cookie} =~ /\bID=;/"
</Location>
<Location "/words/">
    SecSessionAppLogin On
</Location>
ScriptAliasMatch "^/(?:named|words)/(headers)(.*)$" "@FOLDER@/cgi-bin/$1$2"
CONFIG

sub user_of { return environment_of($_[0]->clone->get('/app/show'))->{REMOTE_USER} // '' }

sub post {
    my ($client, $path, $body) = @_;
    return $client->post($path, $body,
        headers => [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ]);
}

my @FORMS = (
    [ 'the mail program', '/php/mail.php', '_user=%s&_pass=%s' ],
    [ 'the administration', '/php/admin.php', 'pma_username=%s&pma_password=%s' ]
);
for my $form (@FORMS) {
    my ($name, $path, $fields) = @$form;
    subtest $name => sub {
        my $client = $httpd->client;
        $client->get($path);
        post($client, $path, sprintf $fields, 'erika', 'wrong');
        is user_of($client), '', 'a wrong password logs nobody in';
        is post($client, $path, sprintf $fields, 'erika', 'right')->status, 302,
            'a right one is answered as the application does';
        is user_of($client), 'erika', 'and logs in';
        is $client->get($path)->body, "user=erika\n", 'here and there';
        is post($client, $path, sprintf $fields, 'otto', 'right')->status, 302,
            'somebody else logs in in this browser';
        is user_of($client), 'otto', 'and is in';
        my $token = $client->token;
        my $out = post($client, "$path?logout", 'token=1');
        cmp_ok $out->status, '<', 400, 'a form logs out';
        is user_of($client), '', 'and nobody is in';
        is user_of($httpd->client->set_token($token)), '', 'also not with the token of before';
        post($client, $path, sprintf $fields, 'erika', 'right');
        $client->get("$path?logout");
        is user_of($client), '', 'a link logs out, too';
    };
}

subtest 'a cookie is what it is at the end' => sub {
    my $client = $httpd->client;
    my $set = sub { return $client->get(answering('named', map { "Set-Cookie: $_" } @_)) };
    $set->('NAME=mallory', 'NAME=erika');
    is user_of($client), 'erika', 'of two of one name the last one counts';
    $set->('ID=; Max-Age=0', 'ID=2');
    is user_of($client), 'erika', 'what is set after it was removed is there';
    $set->('ID=2', 'ID=; Max-Age=0; Path=/old');
    $set->('ID=2', 'ID=; Max-Age=0; Domain=example.org');
    is user_of($client), 'erika', 'also if it is removed elsewhere';
    is $set->('NAME=otto; Max-Age=0')->status, 200, 'a name that is removed';
    is $set->('NAME=deleted; Expires=Thu, 01 Jan 1970 00:00:01 GMT')->status, 200, 'however';
    is user_of($client), 'erika', 'is nobody\'s';
    $set->('ID=1', 'ID=; Max-Age=0');
    is user_of($client), '', 'what is removed after it was set is gone';
};

subtest 'in and out at once' => sub {
    my %both = (
        named => [ 'Set-Cookie: NAME=erika', 'Set-Cookie: ID=; Max-Age=0' ],
        words => [ 'SecSession-Logout: 1', 'SecSession-Login: erika' ],
    );
    for my $place (sort keys %both) {
        my $path = answering($place, @{ $both{$place} });
        my $client = $httpd->client;
        is post($client, $path, 'password=1')->status, 200, "$place: the answer to a form is sent";
        is user_of($client), 'erika', "$place: and is a login";
        is $httpd->client->get($path)->status, 502, "$place: any other is refused";
    }
    like $httpd->error_log, qr/SS212: .* logs a user in and out at once/, 'the log says why';
    my @two = ('SecSession-Login: erika', 'SecSession-Login: otto', 'SecSession-Logout: 1');
    is post($httpd->client, answering('words', @two), 'a=1')->status, 502,
        'two users in the answer to a form are refused, too';
};

done_testing;
