# Our cookie never leaves the module: no program, backend, page, rewrite rule or log sees it,
# whichever way a request takes through httpd; the application's own cookies arrive unchanged; and
# each request is looked up once (I7, I10).
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Process 'slurp';

my $NAME = '__Host-secsession';
my $GUESSED = 'G' x 42 . 'A';

my $php = Secsession::Fpm->start_if_there(children => 2);
my $php_handler =
    $php ? qq{<FilesMatch "\\.php\$">\nSetHandler "@{[ $php->handler ]}"\n</FilesMatch>} : '';
my $backend =
    Secsession::Httpd->start(module => 0, config => 'ScriptAlias "/app/" "@FOLDER@/cgi-bin/"');
my $backend_url = 'http://127.0.0.1:' . $backend->port . '/app';

my $config = <<"CONFIG";
SecSessionCache Off
LogFormat "%{Cookie}i|%{$NAME}C|%{HTTP_COOKIE}e|%r" cookies
CustomLog "\@FOLDER\@/logs/cookies.log" cookies
ForensicLog "\@FOLDER\@/logs/forensic.log"
SetEnvIf Cookie "(.+)" SAW_COOKIE=\$1
RequestHeader set X-Early "expr=%{req:Cookie}" early
RequestHeader set X-Late "expr=%{req:Cookie}"
Header always set X-Seen "expr=%{req:Cookie}"
RewriteEngine On
RewriteCond %{HTTP_COOKIE}%{HTTP:Cookie} secsession [NC]
RewriteRule ^ - [F,E=SAW:%{HTTP_COOKIE}]
RewriteRule ^/pub/passed\$ /pub/show [PT]
RewriteRule ^/pub/rewritten\$ "\@FOLDER\@/cgi-bin/show" [H=cgi-script]
RewriteRule ^/pub/fetched\$ $backend_url/show [P]
RewriteCond %{LA-U:REMOTE_USER} ^alice\$
RewriteRule ^/static/ahead\$ /pub/show [PT]
ProxyPass "/pub/backend/" "$backend_url/"
ProxyPass "/off/backend/" "$backend_url/"
ScriptAlias "/off/" "\@FOLDER\@/cgi-bin/"
ScriptAlias "/pub/alias" "\@FOLDER\@/cgi-bin/show"
Action show-it /pub/show
AddHandler show-it .act
AddOutputFilter INCLUDES .shtml
AddLanguage en .en
ErrorDocument 400 /pub/show
ErrorDocument 417 /pub/show
<Directory "\@FOLDER\@/cgi-bin">
    Options +ExecCGI
</Directory>
<Directory "\@FOLDER\@/htdocs">
    Options +Includes +Indexes +MultiViews
    AddType text/html .shtml
    $php_handler
</Directory>
<Directory "\@FOLDER\@/htdocs/pub/index">
    DirectoryIndex /pub/show
</Directory>
<Directory "\@FOLDER\@/htdocs/pub/fallback">
    FallbackResource /pub/show
</Directory>
<Directory "\@FOLDER\@/htdocs/pub/rules">
    RewriteEngine On
    RewriteCond %{HTTP_COOKIE} secsession [NC]
    RewriteRule ^ - [F]
    RewriteRule ^passed\$ /pub/show [PT]
    RewriteRule ^fetched\$ $backend_url/show [P]
</Directory>
<Location "/pub/missing">
    ErrorDocument 404 /pub/show
</Location>
<Location "/pub/forbidden">
    Require all denied
    ErrorDocument 403 /pub/show
</Location>
<Location "/pub/challenged">
    AuthType Basic
    AuthName "somebody"
    Require user nobody
    ErrorDocument 401 /pub/show
</Location>
<Location "/off/">
    SecSession Off
</Location>
CONFIG

my %FILES = (
    'pub/ssi.shtml' =>
        "<!--#include virtual=\"/pub/show\" -->\n<!--#echo var=\"HTTP_COOKIE\" -->\n",
    'pub/exec.shtml' => "<!--#exec cgi=\"/pub/show\" -->\n",
    'pub/many.shtml' => join("\n", ('<!--#include virtual="/pub/show" -->') x 3)
        . "\n<!--#printenv -->\n",
    'pub/nested.shtml' =>
        "<!--#include virtual=\"/pub/ssi.shtml\" -->\n<!--#include virtual=\"/pub/missing\" -->\n",
    'pub/page.php' => '<?php foreach ($_SERVER + $_COOKIE + getallheaders() as $k => $v) '
        . 'if (is_string($v)) echo "$k=$v\n";',
    'pub/a.act' => 'x', 'pub/index/a.txt' => 'a', 'pub/fallback/a.txt' => 'a',
    'pub/rules/a.txt' => 'a',
    'pub/list/a.txt' => 'a', 'pub/list/b.txt' => 'b', 'pub/list/c.html' => 'c',
    'pub/page.html.en' => 'en',
);

# Each way: name, path, status, and the header field that it needs.
my @WAYS = (
    [ 'CGI', '/pub/show', 200 ],
    [ 'a script by its alias', '/pub/alias', 200 ],
    [ 'a proxied backend', '/pub/backend/show', 200 ],
    [ 'a local redirect of a CGI', '/pub/headers?Location:%20/pub/show', 200 ],
    [ 'a backend behind a local redirect', '/pub/headers?Location:%20/pub/backend/show', 200 ],
    [ 'RewriteRule [PT]', '/pub/passed', 200 ],
    [ 'RewriteRule [P]', '/pub/fetched', 200 ],
    [ 'RewriteRule to a file', '/pub/rewritten', 200 ],
    [ 'RewriteRule [PT] of a directory', '/pub/rules/passed', 200 ],
    [ 'RewriteRule [P] of a directory', '/pub/rules/fetched', 200 ],
    [ 'DirectoryIndex', '/pub/index/', 200 ],
    [ 'FallbackResource', '/pub/fallback/x', 200 ],
    [ 'Action', '/pub/a.act', 200 ],
    [ 'ErrorDocument 401', '/pub/challenged', 401 ],
    [ 'ErrorDocument 403', '/pub/forbidden', 403 ],
    [ 'ErrorDocument 404', '/pub/missing', 404 ],
    [ 'ErrorDocument 417', '/pub/show', 417, [ Expect => 'nonsense' ] ],
    [ 'include virtual', '/pub/ssi.shtml', 200 ],
    [ 'exec cgi', '/pub/exec.shtml', 200 ],
    [ 'three includes', '/pub/many.shtml', 200 ],
    [ 'an include in an include', '/pub/nested.shtml', 200 ],
    $php ? [ 'PHP-FPM', '/pub/page.php', 200 ] : (),
);
# autoindex, MultiViews
my @SILENT = map { [ $_, $_, 200 ] } '/pub/list/', '/pub/page', '/pub/list/a.txt';
my @OFF = map { [ $_, $_, 200 ] } '/off/show', '/off/backend/show';

my $OTHERS = 'a=1; b="x y,z"; c==%41; d; __Host-other=2';

# Each cookie: name, fields, what the application sees of them, statements.
sub cookies {
    my ($token) = @_;
    my $ours = "$NAME=$token";
    return (
        [ 'a good one', [$ours], undef, 1 ],
        [ 'before others', ["$ours; $OTHERS"], $OTHERS, 1 ],
        [ 'behind others', ["$OTHERS; $ours"], $OTHERS, 1 ],
        [ 'between others', ["a=1; $ours; $OTHERS"], "a=1; $OTHERS", 1 ],
        [ 'twice', ["$ours; $OTHERS; $ours"], $OTHERS, 1 ],
        [ 'unknown', ["$NAME=$GUESSED; $OTHERS"], $OTHERS, 1 ],
        [ 'two values', ["$ours; $OTHERS; $NAME=$GUESSED"], $OTHERS, 2 ],
        [ 'malformed', ["$NAME=\"$token\"; $OTHERS"], $OTHERS, 0 ],
        [ 'two, malformed', ["$NAME=x$token; $OTHERS; $ours"], $OTHERS, 2 ],
        [ 'blanks in it', ["$NAME = $token; $OTHERS"], $OTHERS, 0 ],
        [ 'a comma before it', ["a=1,$ours; $OTHERS"], $OTHERS, 0 ],
        [ 'commas', ["$OTHERS; a=1 , b=2 ,$NAME =$token"], $OTHERS, 0 ],
        [ 'two fields', [ $OTHERS, $ours ], 'a=1; b="x y,z"; c==%41; d', 0 ],
        [ 'two fields, ours first', [ $ours, 'a=1' ], undef, 0 ],
        [ 'three fields', [ 'a=1', $ours, "$NAME=$GUESSED; a=2" ], 'a=2', 0 ],
        [ 'none', [$OTHERS], $OTHERS, 0 ],
    );
}

our $httpd;
my ($postgres, $token);

sub statements { return $postgres->statements(undef, qr/secsession\.lookup\(/) }

# What is wrong with the answer on this way to a request with these cookies.
sub leaks {
    my ($way, $cookie, $statements, $shows) = @_;
    my ($name, $path, $status, @more) = @$way;
    my ($kind, $fields, $rest) = @$cookie;
    my @headers = ((map { [ Cookie => $_ ] } @$fields), [ 'SecSession-User' => 'mallory' ], @more);
    my $response = $httpd->get($path, headers => \@headers);
    my @seen = map { s/&quot;/"/gr } $response->body =~ /^HTTP_COOKIE=(.*)$/mg;
    my @wrong;
    push @wrong, 'status ' . $response->status if $response->status != $status;
    my $is_kept = $statements > 1;    # of several cookies, ours is set again
    push @wrong, 'a token' if $response->body =~ /\Q$token\E/ || $response->raw =~ /\Q$GUESSED\E/;
    push @wrong, $is_kept ? 'no cookie' : 'a cookie'
        if $is_kept != ($response->raw =~ /^Set-Cookie: \Q$NAME=$token\E;/m);
    push @wrong, 'its name' if $response->body =~ /\Q$NAME\E/;
    push @wrong, 'another user' if $response->raw =~ /mallory/;
    push @wrong, map { "HTTP_COOKIE=$_" } grep { $_ ne ($rest // '') } @seen;
    push @wrong, 'no cookies' if $shows && defined $rest && !@seen;
    my $is_known = $shows && $statements && $kind ne 'unknown' && $name !~ /backend|\[P\]/;
    push @wrong, $is_known ? 'no session' : 'a session'
        if $is_known != ($response->body =~ /^SECSESSION_ID=/m);
    push @wrong, 'no answer of the program' if $shows && $response->body !~ /^REQUEST_METHOD=GET$/m;
    return map { "$name: $_" } @wrong;
}

sub is_hidden {
    my ($name, $cookie, $statements, $ways, $shows) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @wrong;
    for my $way (@$ways) {
        my $before = statements();
        push @wrong, leaks($way, $cookie, $statements, $shows);
        my $asked = statements() - $before;
        push @wrong, "$way->[0]: $asked look-ups" if $asked != $statements;
    }
    return is_deeply \@wrong, [], "$name, on " . @$ways . ' ways';
}

sub everything_is_hidden {
    for my $cookie (cookies($token)) {
        my ($name, undef, undef, $statements) = @$cookie;
        is_hidden($name, $cookie, $statements, \@WAYS, 1);
        is_hidden("$name, nothing of the program", $cookie, $statements, \@SILENT, 0);
        is_hidden("$name, Off", $cookie, 0, \@OFF, 1);
    }
    return;
}

my @options = (
    modules => [qw(actions autoindex include log_forensic negotiation proxy proxy_http proxy_fcgi)],
    files => \%FILES, config => $config, database => { log_statements => 1 },
);
($postgres, $httpd) = start_servers(@options);
$token = browser($httpd, 'alice')->token;
# ASVS 5.0 3.3.4
subtest 'no application sees our cookie, each sees its own, and one look-up is enough' =>
    \&everything_is_hidden;

subtest 'a subrequest of a rewrite rule does not cause a second look-up' => sub {
    my ($cookie) = cookies($token);
    is_hidden('LA-U:REMOTE_USER', $cookie, 1, [ [ 'looking ahead', '/static/ahead', 200 ] ], 1);
    is $httpd->get('/static/ahead')->status, 401, 'nobody is there without a session';
};

subtest 'TRACE echoes everything but our cookie' => sub {
    for my $path ('/', '/app/show', '/pub/backend/show') {
        my $response =
            $httpd->request('TRACE', $path, headers => [ [ Cookie => "a=1; $NAME=$token" ] ]);
        unlike $response->raw, qr/\Q$token\E|\Q$NAME\E/, $path;
        like $response->body, qr/^Cookie: a=1\r$/m, "$path: the other cookie"
            if $response->status == 200;
    }
};

# Requests that httpd refuses while it reads them, before any module has seen them.
my %UNREADABLE = (
    'no Host' => "GET /pub/show HTTP/1.1\r\n",
    'two Hosts' => "GET /pub/show HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
    'a wrong Host' => "GET /pub/show HTTP/1.1\r\nHost: a/b\r\n",
    'a wrong address' => "GET /%zz HTTP/1.1\r\nHost: localhost\r\n",
    'a wrong field' => "GET /pub/show HTTP/1.1\r\nHost: localhost\r\nX Y: 1\r\n",
    'a wrong length' => "GET /pub/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n",
    'a wrong encoding' =>
        "POST /pub/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: nonsense\r\n",
    'a wrong expectation' => "GET /pub/show HTTP/1.1\r\nHost: localhost\r\nExpect: nonsense\r\n",
);

sub send_unreadable {
    my ($server, $name) = @_;
    my $head = $UNREADABLE{$name} =~ s/\n/\nCookie: a=1; b=2; $NAME=$token\r\n/r;
    return $server->client->raw("${head}Connection: close\r\n\r\n");
}

subtest 'a request that httpd refuses at once shows it to nobody' => sub {
    for my $name (sort keys %UNREADABLE) {
        my $response = send_unreadable($httpd, $name);
        like $response->status, qr/^(?:400|417)$/, "$name: refused";
        unlike $response->raw, qr/\Q$token\E|\Q$NAME\E/, "$name: no word of it in the answer";
    }
};

sub log_holds_none {
    my ($name, $file, $lines) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $log = '';
    wait_until {
        $log = slurp($httpd->folder . "/logs/$file.log");
        (() = $log =~ /\ba=1; (?:a=1; )?b=/g) >= $lines;
    }
    "$name: it has the other cookies";
    is_deeply [ grep { /\Q$token\E|\Q$GUESSED\E/ } split /\n/, $log ], [],
        "$name: it does not have ours";
    return;
}

subtest 'an access log that holds all cookies does not hold ours' => sub {
    log_holds_none('as loaded', 'cookies', 10 * @WAYS);
    my $bare = Secsession::Httpd->start(config => <<"CONFIG", postgres => $postgres);
SecSession On
LogFormat "%{Cookie}i|%{$NAME}C" cookies
CustomLog "\@FOLDER\@/logs/cookies.log" cookies
CONFIG
    send_unreadable($bare, $_) for sort keys %UNREADABLE;
    local $httpd = $bare;
    log_holds_none('of refused requests', 'cookies', scalar keys %UNREADABLE);
};

subtest 'the order of LoadModule lines makes no difference' => sub {
    for my $seed (1 .. 2) {
        $_->stop for $httpd, $postgres;
        ($postgres, $httpd) = start_servers(@options, shuffle => $seed);
        $token = browser($httpd, 'alice')->token;
        my ($cookie) = grep { $_->[0] eq 'between others' } cookies($token);
        is_hidden("order $seed", $cookie, 1, \@WAYS, 1);
        log_holds_none("order $seed, access log", 'cookies', scalar @WAYS);
        log_holds_none("order $seed, forensic log", 'forensic', @WAYS - 1);    # it has no 417
    }
};

done_testing;
