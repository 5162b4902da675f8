# The URLs of our pages are ours, whatever else takes the URLs of a virtual host: ProxyPass, a
# <Location "/"> with ProxyPass, RewriteRules, the .htaccess of WordPress, Laravel and Drupal. A
# password that is posted to the login page reaches no backend and no application. What is no
# mapping still counts: redirects to https, refusals, Require. A <Location "/"> that protects a
# whole virtual host leaves the login page open.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp spew);

my $PASSWORD = password_of('alice');
my $USERS = users_file(scratch('places'));

# It remembers what it is sent.
my $CATCHER = <<'PERL';
my $length = $ENV{CONTENT_LENGTH} || 0;
my $body = '';
while ($length > length $body) {
    read(STDIN, $body, $length - length $body, length $body) or last;
}
open my $caught, '>>', "$state/caught" or die "$state/caught: $!";
print $caught "$ENV{REQUEST_METHOD} $ENV{REQUEST_URI} $body\n";
close $caught;
print "Content-Type: text/html\n\n<p>the application</p>\n";
PERL

my $backend = Secsession::Httpd->start(module => 0, cgi => { catch => $CATCHER },
    config => 'ScriptAliasMatch "^/" "@FOLDER@/cgi-bin/catch"');
my $TO = 'http://127.0.0.1:' . $backend->port;

my %HTACCESS = (
    wordpress => <<'HTACCESS',
RewriteEngine On
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
HTACCESS
    laravel => <<'HTACCESS',
Options -Indexes
RewriteEngine On
RewriteCond %{HTTP:Authorization} .
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_URI} (.+)/$
RewriteRule ^ %1 [L,R=301]
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^ index.php [L]
HTACCESS
    drupal => <<'HTACCESS',
ErrorDocument 404 /index.php
RewriteEngine on
RewriteRule "/\.|^\.(?!well-known/)" - [F]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_URI} !=/favicon.ico
RewriteRule ^ index.php [L]
HTACCESS
    symfony => "FallbackResource /index.php\n",
    hungry => "RewriteEngine On\nRewriteRule ^(?!index) /index.php?all=1 [L]\n",
    fetching => "RewriteEngine On\nRewriteRule ^(.*)\$ $TO/\$1 [P]\n",
    handling => "RewriteEngine On\nRewriteRule ^ - [H=cgi-script]\n",
    secure => "RewriteEngine On\nRewriteRule ^ https://secure.example%{REQUEST_URI} [R,L]\n",
);

# Each way in which a virtual host takes all its URLs.
my %TAKES = (
    'ProxyPass' => qq{ProxyPass "/" "$TO/"},
    'ProxyPass of encoded URLs' => qq{ProxyPass "/" "$TO/" mapping=encoded},
    'ProxyPassMatch' => qq{ProxyPassMatch "^/(.*)\$" "$TO/\$1"},
    'Location with ProxyPass' => qq{<Location "/">\nProxyPass "$TO/"\n</Location>},
    'RewriteRule [P]' => qq{RewriteEngine On\nRewriteRule "^/(.*)\$" "$TO/\$1" [P]},
    'RewriteRule [P] of a Location' =>
        qq{<Location "/">\nRewriteEngine On\nRewriteRule "^" "$TO/x" [P]\n</Location>},
    'RewriteRule [PT]' => qq{RewriteEngine On\nRewriteRule "^" "/index.php" [PT]},
    'RewriteRule to a program' =>
        qq{RewriteEngine On\nRewriteRule "^" "\@FOLDER\@/cgi-bin/catch" [H=cgi-script]},
    'ScriptAlias' => qq{ScriptAliasMatch "^/" "\@FOLDER\@/cgi-bin/catch"},
    'a whole site behind the login' => <<"CONFIG",
ProxyPass "/" "$TO/"
<Location "/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require valid-user
</Location>
CONFIG
    map { ("the .htaccess of $_" => qq{DocumentRoot "\@FOLDER\@/htdocs/$_"}) }
        qw(wordpress laravel drupal symfony hungry fetching handling),
);

sub host_of { return $_[0] =~ s/\W+/-/gr . '.example' }

sub virtual_host {
    my ($name, $text) = @_;
    return <<"CONFIG";
<VirtualHost 127.0.0.1:\@PORT\@>
ServerName @{[ host_of($name) ]}
ScriptAlias "/index.php" "\@FOLDER\@/cgi-bin/catch"
$text
</VirtualHost>
CONFIG
}

my $OWN_PAGE = '<!DOCTYPE html><title>Our own</title><form method="post">{{message}}'
    . '<input name="return" value="{{return}}"></form>';
my %OTHERS = (
    main => '',
    'to https' => 'RewriteEngine On' . "\n"
        . 'RewriteRule "^" "https://secure.example%{REQUEST_URI}" [R]',
    'to https in htaccess' => 'DocumentRoot "@FOLDER@/htdocs/secure"',
    'refused' => qq{RewriteEngine On\nRewriteRule "^/login" "-" [F]},
    'by address' => <<"CONFIG",
ProxyPass "/" "$TO/"
<Location "/">
    AuthType SecSession
    SecSessionLoginPage /login
    <RequireAll>
        Require valid-user
        Require not ip 127.0.0.1
    </RequireAll>
</Location>
CONFIG
    'own page' => <<"CONFIG",
ProxyPass "/" "$TO/"
RewriteEngine On
RewriteRule "^/(.*)\$" "$TO/\$1" [P]
Alias "/login" "\@FOLDER\@/htdocs/own/page.html"
<Directory "\@FOLDER\@/htdocs/own">
    RewriteEngine On
    RewriteRule "^" "/index.php?x=1" [L]
</Directory>
CONFIG
    'error documents' => <<"CONFIG",
ProxyPass "/" "$TO/"
ErrorDocument 400 /errors/400
ErrorDocument 403 /errors/403
ErrorDocument 405 /errors/405
ErrorDocument 413 /errors/413
ErrorDocument 415 /errors/415
CONFIG
);

my ($postgres, $httpd) = start_servers(
    modules => [qw(proxy proxy_http)], cgi => { catch => $CATCHER },
    files => {
        (map { ("$_/.htaccess" => $HTACCESS{$_}, "$_/there.txt" => "there\n") } keys %HTACCESS),
        'own/page.html' => $OWN_PAGE, 'drupal/login/index.php' => "a folder of this name\n",
    },
    config => <<'CONFIG',
<Directory "@FOLDER@/htdocs">
    AllowOverride All
</Directory>
<Directory "@FOLDER@/cgi-bin">
    Options +ExecCGI
</Directory>
CONFIG
    vhosts => join '',
    map { virtual_host(@$_) } [ main => 'ServerAlias localhost' ],
    (map { [ $_ => $TAKES{$_} ] } sort keys %TAKES),
    map { [ $_ => $OTHERS{$_} ] } grep { $_ ne 'main' } sort keys %OTHERS
);

sub client_of {
    my ($name) = @_;
    return $httpd->client(host => host_of($name));
}

# What the backend and the programs of the other httpd have been sent since the last time.
sub caught {
    my $all = '';
    for my $server ($backend, $httpd) {
        my $file = $server->folder . '/state/caught';
        $all .= -e $file ? slurp($file) : '';
        unlink $file;
    }
    return $all;
}

my $FORM = qr{<form method="post">.*name="password"}s;

sub pages_are_ours {
    my ($name) = @_;
    my $client = client_of($name);
    caught();
    like $client->get('/there', headers => [ [ Accept => 'text/html' ] ])->raw,
        $name =~ /whole/ ? qr{^HTTP/1.1 303} : qr/the application|<p>the login page/i,
        'the application has the other URLs'
        unless $name =~ /handling/;
    my $page = $client->get('/login?return=/there&why=idle');
    is $page->status, 200, 'the login page';
    like $page->body, $FORM, 'is ours';
    like $page->body, qr{value="/there"}, 'knows the way back';
    my $wrong = $client->login('alice', 'wrong horse');
    is $wrong->status, 401, 'a wrong password';
    like $wrong->body, qr/The user name or the password is wrong/, 'is told by our page';
    my $right = $client->login('alice', $PASSWORD, return => '/there');
    like $right->status . ' ' . ($right->header('Location') // ''), qr{^303 /there(?:\?|$)},
        'the right one';
    is $client->logout->status, 303, 'and the logout';
    is $client->token, undef, 'are ours';
    unlike caught(), qr/login|logout|password|horse/, 'the application saw nothing of it';
    return;
}

for my $name (sort keys %TAKES) {
    subtest $name => sub { pages_are_ours($name) };
}

subtest 'the application of a whole site is there for who has logged in' => sub {
    my $client = client_of('a whole site behind the login');
    my $answer = $client->get('/there', headers => [ [ Accept => 'text/html' ] ]);
    is $answer->header('Location'), '/login?return=%2fthere', 'all else leads to the login page';
    is $client->get('/there')->status, 401, 'or is refused';
    $client->login('alice', $PASSWORD);
    like $client->get('/there')->body, qr/the application/, 'who has logged in sees it';
    unlike $httpd->error_log, qr/SS203/, 'nobody is told that the login page needs a session';
    my $link = $client->get('/logout', headers => [ [ 'Sec-Fetch-Site' => 'none' ] ]);
    is $link->status, 200, 'the question whether to log out';
    $client->clear;
    is $client->get('/logout')->status, 200, 'is there for everybody';
};

subtest 'redirects to https, refusals and Require still count' => sub {
    for my $name ('to https', 'to https in htaccess') {
        my $client = client_of($name);
        my $answer = $client->get('/login');
        is $answer->status . ' ' . ($answer->header('Location') // ''),
            '302 https://secure.example/login', $name;
        is $client->login('alice', $PASSWORD)->status, 302, "$name: nobody logs in in plain text";
        is $client->token, undef, 'there is no session';
    }
    is client_of('refused')->get('/login')->status, 403, 'a rule with [F]';
    is client_of('by address')->get('/login')->status, 403, 'Require ip';
    is client_of('by address')->login('alice', $PASSWORD)->status, 403, 'for the form, too';
};

subtest 'a page of one\'s own is found by Alias' => sub {
    my $client = client_of('own page');
    like $client->get('/login?return=/x')->body, qr{<title>Our own.*value="/x"}s, 'the page';
    like $client->login('alice', 'wrong horse')->body, qr/<title>Our own.*is wrong/s, 'its answer';
    is $client->login('alice', $PASSWORD)->status, 303, 'a login';
};

subtest 'an error page from the backend gets nothing of the form' => sub {
    my $name = 'error documents';
    my $client = client_of($name);
    caught();
    my %more = (
        403 => [ 'Sec-Fetch-Site' => 'cross-site' ], 415 => [ 'Content-Type' => 'text/plain' ],
    );
    for my $status (sort keys %more) {
        my $answer = $client->login('alice', $PASSWORD, headers => [ $more{$status} ]);
        like $answer->body, qr/the application/, "$status: a page of the backend";
    }
    my @more = (
        headers => [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ], keep_alive => 1
    );
    my $large = 'username=alice&password=horse' . '&x=' . 'y' x 90000;
    $client->post('/login', $large, @more);
    $client->post('/login', 'password=horse', @more);
    $client->request('PUT', '/login', body => 'password=horse', @more);
    like $client->get('/there', keep_alive => 1)->body, qr/the application/,
        'the connection can be used again';
    my $seen = caught();
    unlike substr($seen, 0, 500), qr/horse|username/, 'what was posted did not go there';
    like $seen, qr{GET /errors/$_ $}m, "the page for $_ was asked for" 
        for 400, 403, 405, 413, 415;
};

done_testing;
