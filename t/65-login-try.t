# A login in two steps: the application takes a name first and asks for the password, or for a second
# factor, on another page. The name is remembered in the session until the application lets its user
# in. What an attacker tries with two names is in t/65-login-try-attacks.t.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Process qw(spew);

my $HEAD = "<?php\nsession_start();\n" . <<'PHP';
function go($to) { http_response_code(302); header("Location: $to"); exit; }
function let_in($user) { session_regenerate_id(true); $_SESSION['user'] = $user; go('home.php'); }
PHP
my %PHP = (

    # The name, then the password, by the same address.
    name => <<'PHP',
if (isset($_POST['user'])) { $_SESSION['asked'] = $_POST['user']; go('name.php?password'); }
if (($_POST['password'] ?? '') === 'right') let_in($_SESSION['asked']);
PHP

    # The name and the password, then a code by another address.
    password => <<'PHP',
if (($_POST['password'] ?? '') === 'right') { $_SESSION['asked'] = $_POST['user']; go('code.php'); }
PHP
    code => <<'PHP',
if (($_POST['code'] ?? '') === '123456') let_in($_SESSION['asked']);
PHP

    # A form whose answer says nothing: the page behind it is there, or is not.
    page => <<'PHP',
if (isset($_POST['auth'])) { $_SESSION['asked'] = $_POST['auth']; go('page.php?do=look'); }
if (($_SESSION['asked']['password'] ?? '') !== 'right') { http_response_code(403); }
PHP
    home => ''
);
my $ECHO = <<'PHP';
echo 'user=', $_SESSION['user'] ?? '', ' cookies=', implode(',', array_keys($_COOKIE)), "\n";
PHP
my $fpm = Secsession::Fpm->start;
my $config = <<"CONFIG" . <<'CONFIG';
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
CONFIG
<Location "/php/">
    SecSessionVault PHPSESSID
</Location>
<LocationMatch "^/php/(?:name|password|code)\.php">
    SecSessionLoginTry  "%{REQUEST_STATUS} == 302 && %{resp:Location} =~ /(?:\?password|code\.php)$/" field=user
    SecSessionLoginWhen "%{REQUEST_STATUS} == 302 && %{resp:Location} == 'home.php'" user=try
</LocationMatch>
<Location "/php/page.php">
    SecSessionLoginTry  "%{REQUEST_STATUS} == 302" "field=auth[user]"
    SecSessionLoginWhen "%{REQUEST_METHOD} == 'GET' && %{REQUEST_STATUS} == 200 && %{QUERY_STRING} =~ /do=/" user=try
</Location>
CONFIG
my %files = map { +"php/$_.php" => $HEAD . $PHP{$_} . $ECHO } keys %PHP;
my ($postgres, $httpd) = start_servers(
    modules => [qw(proxy proxy_fcgi)], children => 2, threads => 8,
    files => \%files, config => $config
);
my $keys = spew($httpd->folder . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
my $keyed = Secsession::Httpd->start(
    postgres => $postgres, modules => [qw(proxy proxy_fcgi)], files => \%files,
    config =>
        Secsession::Test::standard_config(config => qq(SecSessionKeys "$keys"\n$config))
);

sub user_of { return environment_of($_[0]->clone->get('/app/show'))->{REMOTE_USER} // '' }

sub post {
    my ($client, $program, $body) = @_;
    return $client->post("/php/$program.php", $body,
        headers => [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ]);
}

# What to post before the last step, and in it, for a user.
my %FLOWS = (
    'the name first' => {
        first => sub { post($_[0], 'name', "user=$_[1]") },
        wrong => sub { post($_[0], 'name', 'password=wrong') },
        last => sub { post($_[0], 'name', 'password=right') },
    },
    'a second factor' => {
        first => sub { post($_[0], 'password', "user=$_[1]&password=right") },
        wrong => sub { post($_[0], 'code', 'code=000000') },
        last => sub { post($_[0], 'code', 'code=123456') },
    },
    'a page that is there' => {
        first => sub { post($_[0], 'page', "auth[user]=$_[1]&auth[password]=right") },
        wrong => sub { $_[0]->get('/php/home.php') },
        last => sub { $_[0]->get('/php/page.php?do=look') },
    },
);

for my $server ([ 'without keys', $httpd ], [ 'with keys', $keyed ]) {
    my ($how, $at) = @$server;
    for my $flow (sort keys %FLOWS) {
        my %step = %{ $FLOWS{$flow} };
        subtest "$flow, $how" => sub {
            my $client = $at->client;
            is $step{first}->($client, 'erika')->status, 302, 'the first step';
            is user_of($client), '', 'logs nobody in';
            $step{wrong}->($client);
            is user_of($client), '', 'nor does a wrong second one';
            my $before = $client->token;
            cmp_ok $step{last}->($client)->status, '<', 400, 'the right one';
            is user_of($client), 'erika', 'logs in who was named';
            isnt $client->token, $before, 'under another token';
            is user_of($at->client->set_token($before)), '', 'and the old one is worth nothing';
            my $token = $client->token;
            $step{last}->($client) if $flow =~ /page/;
            is $client->token, $token, 'the pages after it are no other login';
            unlike $client->get('/php/home.php')->body, qr/try/,
                'the application is told nothing of it';
            $step{first}->($client, 'otto');
            is user_of($client), 'erika', 'another name in this browser changes nothing';
            $step{last}->($client);
            is user_of($client), 'otto', 'until it is confirmed';
            my $twice = $at->client;
            $step{first}->($twice, 'erkia');
            $step{first}->($twice, 'erika');
            $step{last}->($twice);
            is user_of($twice), 'erika', 'who mistypes the name types it again';
        };
    }
}

subtest 'a name has an end' => sub {
    my %ends = (
        'by its time' => sub {
            $_[0]->get('/php/home.php');    # with our cookie, which has had it until now
            $postgres->psql("update secsession.vault set expires_at = now() - interval '1 s'
                where expires_at is not null");
        },
        'with the session' => sub {
            $_[0]->post('/logout', '');
        },
        'with a name that is taken from another form' => sub {
            post($_[0], 'name', 'user=');
        },
    );
    for my $end (sort keys %ends) {
        my $client = $httpd->client;
        post($client, 'password', 'user=nina&password=right');
        $ends{$end}->($client);
        cmp_ok post($client, 'code', 'code=123456')->status, '>=', 500, "$end: nobody is logged in";
        is user_of($client), '', "$end: and nobody is in";
    }
    like $httpd->error_log, qr/SS212: .*no name, or more than one, was tried/, 'the log says why';
};

subtest 'who is revoked between the two steps is not let in' => sub {
    my $client = $httpd->client;
    post($client, 'password', 'user=paula&password=right');
    $postgres->psql("select secsession.revoke_user('paula', 'test')");
    is post($client, 'code', 'code=123456')->status, 403, 'the second step is refused';
    post($client, 'password', 'user=paula&password=right');
    post($client, 'code', 'code=123456');
    is user_of($client), 'paula', 'and both steps anew are not';
};

done_testing;
