# SecSessionHarden: an application that sets careless cookies, takes session ids from URLs or puts
# them there is made good on the way in and out, whatever runs it; and whoever writes URLs to get
# past that, or to others, does not.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use Secsession::Process qw(at_end await scratch slurp spawn spew);

# The pool's socket, or undef where there is no php-fpm on this machine.
sub start_php {
    my ($program) =
        reverse sort grep { -x } map { glob "$_/php-fpm*" } qw(/usr/sbin /usr/local/sbin /usr/bin);
    return undef unless $program;
    my $folder = scratch('php');
    chmod 0777, $folder;
    spew("$folder/fpm.conf",
              "[global]\nerror_log = $folder/fpm.log\n[www]\nlisten = $folder/fpm.sock\n"
            . "listen.mode = 0666\npm = static\npm.max_children = 2\n");
    my $pid =
        spawn(command => [ $program, '-n', '-F', '-y', "$folder/fpm.conf" ], user => 'www-data',
        log => "$folder/out.log");
    at_end { Secsession::Process::stop($pid); return };
    await { -S "$folder/fpm.sock" } 10 or die "php-fpm does not start\n";
    return "$folder/fpm.sock";
}

my $ID = 'S3CR3T';
my $POLICY = 'strict-origin-when-cross-origin';
my $php = start_php();
my $php_config = $php ? <<"CONFIG" : '';
<FilesMatch "\\.php\$">
    SetHandler "proxy:unix:$php|fcgi://localhost"
</FilesMatch>
ProxyPassMatch "^/strip/fcgi/(.*\\.php(?:/.*)?)\$" "unix:$php|fcgi://localhost\@FOLDER\@/htdocs/strip/\$1"
CONFIG
my $show = <<'PERL';
print "Content-Type: text/plain\n\n", map { "$_=$ENV{$_}\n" } sort keys %ENV;
PERL
my $backend = Secsession::Httpd->start(module => 0,
    config => qq{AllowEncodedSlashes NoDecode\nScriptAlias "/app/" "\@FOLDER\@/cgi-bin/"});
my $to = 'http://127.0.0.1:' . $backend->port . '/app';

my $config = <<"CONFIG";
LogFormat "%r|%U%q" requests
CustomLog "\@FOLDER\@/logs/requests.log" requests
ScriptAliasMatch "^/(?:strip|refuse|names|off|cookies|referrer)/(show|headers)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
ScriptAlias "/files/" "\@FOLDER\@/cgi-bin/"
ProxyPass "/strip/back/" "$to/"
ProxyPass "/strip/raw/" "$to/" nocanon
ProxyPass "/strip/early/" "$to/" mapping=encoded
ProxyPass "/refuse/back/" "$to/"
ProxyPass "/strip/servlet/" "$to/" mapping=servlet
ProxyPass "/servlet/" "$to/" mapping=servlet
ProxyPass "/strip/broken/" "$to/"
ProxyPass "/inner/" "$to/" nocanon
RewriteEngine On
RewriteRule "^/strip/rewritten/(.*)\$" "/strip/\$1" [PT]
RewriteRule "^/strip/fetched/(.*)\$" "$to/\$1" [P]
RewriteRule "^/strip/own/(.*)\$" "/strip/show?PHPSESSID=own\$1" [PT]
$php_config
<Directory "\@FOLDER\@/htdocs">
    AddOutputFilter INCLUDES .shtml
    Options +Includes
</Directory>
<Location "/strip/">
    SecSessionHarden On
    Header add Set-Cookie "file=1" "expr=%{REQUEST_URI} =~ /page.html/"
</Location>
<Location "/strip/broken/">
    ProxyErrorOverride On
    ErrorDocument 500 /off/show
</Location>
<Location "/refuse/">
    SecSessionHarden urls=refuse
    ErrorDocument 403 /off/show
</Location>
<Location "/servlet/">
    SecSessionHarden urls
</Location>
<Location "/names/">
    SecSessionHarden urls
    SecSessionUrlIds sid
</Location>
<Location "/cookies/">
    SecSessionHarden cookies
</Location>
<Location "/referrer/">
    SecSessionHarden referrer
</Location>
<Files "stripped">
    SecSessionHarden urls
</Files>
<Files "refused">
    SecSessionHarden urls=refuse
    ErrorDocument 403 /off/show
</Files>
<Proxy "$to/">
    SecSessionHarden urls
</Proxy>
CONFIG

my ($postgres, $httpd) = start_servers(
    modules => [qw(include proxy proxy_http proxy_fcgi)], database => { log_statements => 1 },
    login => 'SecSessionHarden On', app => 'SecSessionHarden On', config => $config,
    cgi => { map { $_ => $show } qw(stripped refused) },
    files => {
        'strip/page.html' => "<p>page</p>\n",
        'strip/page.shtml' => qq{<!--#include virtual="/strip/show?PHPSESSID=$ID&a=1" -->\n},
        'strip/env.php' =>
            '<?php foreach ($_SERVER + $_GET as $k => $v) if (is_string($v)) echo "$k=$v\n";',
    },
    vhosts => <<'VHOSTS');
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
    AllowEncodedSlashes NoDecode
    RewriteEngine On
    RewriteOptions Inherit
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName plain.example
    SecSessionCookie id Insecure
</VirtualHost>
VHOSTS
calls_of($postgres);

sub encoded { return join '', map { sprintf '%%%02X', ord } split //, $_[0] }
sub answering { my ($where, @fields) = @_; return "/$where?" . encoded(join "\n", @fields) }
sub noted { return sql("select count(*) from secsession.event where event = 'session_id_in_url'") }
sub asked { return $postgres->statements(undef, qr/session_id_in_url\(/) }
sub lines { return scalar(() = $httpd->error_log =~ /$_[0]: /g) }

# --- requests -------------------------------------------------------------------------------------

# Each: what is behind the program's name, and the path information and the arguments that are left.
my @WITH_ID = (
    [ "?PHPSESSID=$ID", '', '' ],
    [ "?a=1&PHPSESSID=$ID&b=%26;c", '', 'a=1&b=%26;c' ],
    [ "?phpsessid=$ID&JSESSIONID=$ID&a=1", '', 'a=1' ],
    [ "?PHPSESSID=$ID&PHPSESSID=$ID", '', '' ],
    [ "?%50HP%53ESSID=$ID&a", '', 'a' ],
    [ "?+PHPSESSID=$ID&%20PHPSESSID[]=$ID&a", '', 'a' ],
    [ "?asp.net_sessionid=$ID&cfid=$ID&CFTOKEN=$ID&CGISESSID=$ID&a", '', 'a' ],
    [ "?a;PHPSESSID=$ID;b", '', 'a;b' ],
    [ "?PHPSESSID=$ID" . '&x=y' x 1000, '', substr '&x=y' x 1000, 1 ],
    [ ";jsessionid=$ID", '', '' ],
    [ ";JSESSIONID=$ID?a=1", '', 'a=1' ],
    [ "/info;jsessionid=$ID/more", '/info/more', '' ],
    [ "/info;x=1;jsessionid=$ID;jsessionid=$ID/;jsessionid=$ID?PHPSESSID=$ID", '/info;x=1/', '' ],
    [ "/info;%6A%73essionid=$ID", '/info', '' ],
    [ "/info%3Bjsessionid=$ID?a", '/info', 'a' ],
    [ "/info%3bjsessionid%3D$ID/x", '/info/x', '' ],
);
my @WAYS = (
    [ 'CGI', '/strip/show' ], [ 'a proxied backend', '/strip/back/show' ],
    [ 'nocanon', '/strip/raw/show' ],
    [ 'mapping=encoded', '/strip/early/show' ], [ 'RewriteRule [PT]', '/strip/rewritten/show' ],
    [ 'RewriteRule [P]', '/strip/fetched/show' ],
    $php
    ? ([ 'PHP-FPM', '/strip/env.php' ], [ 'ProxyPassMatch to PHP-FPM', '/strip/fcgi/env.php' ])
    : (),
);

subtest 'no application is given a session id by a URL, and each gets the rest of it' => sub {
    for my $way (@WAYS) {
        my ($name, $program) = @$way;
        for my $case (@WITH_ID) {
            my ($behind, $info, $arguments) = @$case;
            my $response = $httpd->get("$program$behind");
            my $seen = environment_of($response);
            my $what = "$name, " . substr $behind, 0, 60;
            is_deeply [ $response->status, $seen->{QUERY_STRING}, $seen->{PATH_INFO} // '' ],
                [ 200, $arguments, $info ], $what;
            unlike $response->raw, qr/$ID/, "$what: no word of it";
            like $seen->{REQUEST_URI},
                qr{\A/\S+/(?:show|env\.php)\Q$info\E(?:\?\Q$arguments\E)?\z}, "$what: REQUEST_URI";
        }
    }
};

subtest 'however the request is written' => sub {
    my %seen = (
        "http://localhost/strip/show;jsessionid=$ID?PHPSESSID=$ID&a" =>
            'http://localhost/strip/show?a',
        "//strip//show;jsessionid=$ID" => '//strip//show',
        "/x/../strip/./show?PHPSESSID=$ID" => '/x/../strip/./show',
        "/strip;jsessionid=$ID/show" => undef,
        "/strip/servlet;jsessionid=$ID/show;jsessionid=$ID" => '/app/show',
        "/%73trip/show?PHPSESSID=$ID" => '/%73trip/show',
        "/servlet/show;jsessionid=$ID" => '/app/show',
    );
    for my $target (sort keys %seen) {
        my $response = $httpd->get($target);
        is environment_of($response)->{REQUEST_URI}, $seen{$target}, $target;
        unlike $response->raw, qr/$ID/, "$target: no word of it";
    }
    is $httpd->get("/servlet;jsessionid=$ID/show")->status, 403,
        'a servlet by another spelling of its place';
    my $trace = $httpd->request('TRACE', "/strip/show?PHPSESSID=$ID");
    unlike $trace->raw, qr/$ID/, 'TRACE';
    like $trace->body, qr{\ATRACE /strip/show HTTP/1.1\r\n}, 'TRACE: what is left';
};

subtest 'nor by what the application itself includes or leads to within the server' => sub {
    my $page = $httpd->get('/strip/page.shtml');
    like $page->body, qr/^QUERY_STRING=a=1$/m, 'an include';
    unlike $page->body, qr/$ID/, 'an include: no word of it';
    my $local = $httpd->get(answering('off/headers', "Location: /strip/show?a=1&PHPSESSID=$ID"));
    is environment_of($local)->{QUERY_STRING}, 'a=1', 'a local redirect';
    like $httpd->error_log, qr/SS222: .*PHPSESSID/, 'of which the log tells';
    my $own = environment_of($httpd->get('/strip/own/1'));
    is $own->{QUERY_STRING}, 'PHPSESSID=own1',
        'but what the administrator writes in a rule is left alone';
};

subtest 'a request with one is refused, where that is wanted' => sub {
    for my $program ('/refuse/show', '/refuse/back/show') {
        for my $case (@WITH_ID) {
            my $response = $httpd->get("$program$case->[0]");
            my $what = "$program " . substr $case->[0], 0, 60;
            is $response->status, 403, $what;
            like $response->body, qr/^REDIRECT_STATUS=403$/m, "$what: the error page";
            unlike $response->raw, qr/$ID/, "$what: no word of it";
        }
        is $httpd->get("$program?a=1")->status, 200, "$program without one";
    }
    is $httpd->post("/refuse/show?PHPSESSID=$ID", 'a=1')->status, 403, 'POST';
    is $httpd->request('HEAD', "/refuse/show?PHPSESSID=$ID")->status, 403, 'HEAD';
    cmp_ok lines('SS221'), '>=', 2 * @WITH_ID, 'the log tells of each';
};

subtest
    'in <Files> and <Proxy> arguments are taken out, and what comes too late for that is refused'
    => sub {
    my $seen = environment_of($httpd->get("/files/stripped?a=1&PHPSESSID=$ID"));
    is_deeply [ @$seen{qw(QUERY_STRING REQUEST_URI)} ], [ 'a=1', '/files/stripped?a=1' ],
        'an argument';
    for my $path (
        "/files/stripped/x;jsessionid=$ID", "/files/refused?PHPSESSID=$ID",
        "/files/refused/x;jsessionid=$ID",
        "/inner/show?PHPSESSID=$ID", "/inner/show;jsessionid=$ID"
        )
    {
        my $response = $httpd->get($path);
        is $response->status, 403, $path;
        unlike $response->raw, qr/$ID/, "$path: no word of it";
    }
    is $httpd->get('/inner/show?a=1')->status, 200, 'a backend without one';
    cmp_ok lines('SS224'), '>=', 3, 'the log tells where to write the directive';
};

subtest 'a path that without an id would be another one is refused' => sub {
    for my $path (
        '/strip/..;jsessionid=1/app/show', '/strip/.%2e;jsessionid=1/app/show',
        '/strip/%2E%2E%3Bjsessionid/app/show',
        '/strip/x/..;jsessionid=1/..;jsessionid=2/app/show', '/strip/;jsessionid=1/show',
        '/strip/.;jsessionid=1/show',
        '/strip/back/..;jsessionid=1/back/show', '/strip/raw/..;jsessionid=1/show',
        '/strip/early/..%3bjsessionid=1/show',
        '/strip/show/..;jsessionid=1', '/strip/;jsessionid=1%2f/show'
        )
    {
        is $httpd->get($path)->status, 403, $path;
    }
    is $httpd->get('/strip/..%3Bx=1/app/show')->status, 404,
        'another parameter is not our business';
    is $httpd->get('/app;jsessionid=1/show')->status, 404,
        'nothing is served at a path that no location names';
    is $httpd->get('/app/show;jsessionid=1')->status, 401,
        'who takes an id out of a path finds the same guard there';
    cmp_ok lines('SS223'), '>=', 11, 'the log tells of each';
};

subtest 'every other URL arrives byte for byte' => sub {
    for my $behind (
        '', '?', '?a', '?a=1&&b;;c=%zz', '?PHPSESSI=1&sid=2&XPHPSESSID=3', '?%2550HPSESSID=1',
        '?a=PHPSESSID=1',
        '?u=/x?PHPSESSID=1', '/x;y=1;;z/', '/x;jsession=1', '/%20%41;a', '/a%2Fb;c',
        '?' . 'a;b&' x 1500, '?%',
        '?return=%2Fx%3FPHPSESSID%3D1'
        )
    {
        my ($off, $strip) = map { environment_of($httpd->get("$_$behind")) } '/off/show',
            '/strip/show';
        cmp_ok scalar(keys %$off), '>', 10, 'it is served';
        my @seen = map { ($strip->{$_} // 'none') =~ s{\A/strip/}{/off/}r }
            qw(REQUEST_URI QUERY_STRING PATH_INFO SCRIPT_NAME);
        is_deeply \@seen,
            [ map { $off->{$_} // 'none' } qw(REQUEST_URI QUERY_STRING PATH_INFO SCRIPT_NAME) ],
            'CGI, ' . substr $behind, 0, 60;
        is environment_of($httpd->get("/strip/raw/show$behind"))->{REQUEST_URI},
            "/app/show$behind", 'a backend, ' . substr $behind, 0, 60;
    }
    my $off = environment_of($httpd->get("/off/show;jsessionid=x?PHPSESSID=$ID"));
    is $httpd->get("/off/show?PHPSESSID=$ID")->status, 200, 'where it is Off nothing is refused';
    is environment_of($httpd->get("/off/show?PHPSESSID=$ID"))->{QUERY_STRING}, "PHPSESSID=$ID",
        'nor taken out';
    my $names = environment_of($httpd->get("/names/show?PHPSESSID=1&SID=$ID"));
    is $names->{QUERY_STRING}, 'PHPSESSID=1', 'SecSessionUrlIds says what it is called';
};

# --- responses ------------------------------------------------------------------------------------

my $ALL = '; Secure; HttpOnly; SameSite=Lax';
my %COOKIES = (
    'a=1' => "a=1$ALL", 'b=2; Path=/; secure' => 'b=2; Path=/; secure; HttpOnly; SameSite=Lax',
    'c=3; SameSite=None' => 'c=3; SameSite=None; Secure; HttpOnly',
    'd=4;httponly ; SAMESITE=strict' => 'd=4;httponly ; SAMESITE=strict; Secure',
    'e=Secure; HttpOnly; Secure; SameSite=Lax' => 'e=Secure; HttpOnly; Secure; SameSite=Lax',
    '__Host-f=6; Path=/' => "__Host-f=6; Path=/$ALL",
    '__Secure-g="x y"' => "__Secure-g=\"x y\"$ALL",
    'h=; Max-Age=0' => "h=; Max-Age=0$ALL",
    'i=9; SameSite=' => 'i=9; SameSite=Lax; Secure; HttpOnly',
    (map { ("n$_=" . 'v' x $_ => "n$_=" . 'v' x $_ . $ALL) } 1 .. 40),
);
sub cookies_of { return [ sort $_[0]->all_headers('Set-Cookie') ] }
sub setting {
    my ($where, @more) = @_;
    return answering($where, @more, map { "Set-Cookie: $_" } sort keys %COOKIES);
}

# ASVS 5.0 3.3.1
subtest 'every cookie of the application gets the attributes that it lacks' => sub {
    my %expected = map { $_ => [ sort values %COOKIES ] } qw(strip cookies);
    $expected{$_} = [ sort keys %COOKIES ] for qw(off referrer names);
    for my $where (sort keys %expected) {
        is_deeply cookies_of($httpd->get(setting("$where/headers"))), $expected{$where}, "/$where/";
    }
    is_deeply cookies_of($httpd->get(setting('strip/back/headers'))), $expected{strip},
        'of a backend';
    for my $status (201, 204, 302, 304, 401, 404, 500, 503) {
        my @more = ("Status: $status x", $status == 302 ? 'Location: http://other.example/' : ());
        is_deeply cookies_of($httpd->get(setting('strip/headers', @more))), $expected{strip},
            "with status $status";
        is_deeply cookies_of($httpd->get(setting('strip/back/headers', @more))), $expected{strip},
            "of a backend, with status $status";
    }
    my $broken = $httpd->get(setting('strip/broken/headers', 'Status: 500'));
    is_deeply [ grep { !/Secure.*HttpOnly.*SameSite|SameSite.*Secure|HttpOnly.*Secure/i }
            @{ cookies_of($broken) } ], [], 'with an error page from elsewhere';
    my $file = $httpd->get('/strip/page.html');
    my $same = $httpd->get('/strip/page.html',
        headers => [ [ 'If-None-Match' => $file->header('ETag') ] ]);
    is_deeply [ map { $_->status, @{ cookies_of($_) } } $file, $same ],
        [ 200, "file=1$ALL", 304, "file=1$ALL" ], 'of a file, also one that has not changed';
    my $odd = $httpd->get(
        answering(
            'strip/headers', 'Set-Cookie:', 'Set-Cookie: ;', "Set-Cookie:  x = 1 ;\tPath=/ ;"
        )
    );
    is_deeply [ grep { /x/ } @{ cookies_of($odd) } ], ["x = 1 ;\tPath=/$ALL"], 'with odd blanks';
};

subtest 'where there is no TLS only those are Secure that browsers would refuse otherwise' => sub {
    my $response = $httpd->client(host => 'plain.example')
        ->get(answering('strip/headers', 'Set-Cookie: a=1', 'Set-Cookie: b=1; SameSite=None'));
    is_deeply cookies_of($response),
        [ 'a=1; HttpOnly; SameSite=Lax', 'b=1; SameSite=None; Secure; HttpOnly' ],
        'SecSessionCookie … Insecure';
};

subtest 'our own cookie is set once, as ever' => sub {
    my $login = $httpd->client->login('alice', password_of('alice'));
    is scalar(@{ cookies_of($login) }), 1, 'one';
    like cookies_of($login)->[0],
        qr/\A__Host-secsession=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax\z/,
        'by the login';
    is $httpd->client->login('alice', password_of('alice'), return => "/app/show?PHPSESSID=$ID")
        ->header('Location') =~ s{\Ahttp://[^/]*}{}r,
        '/app/show', 'which leads to no session id';
    my $forged = $httpd->get(
        answering('strip/headers', 'Set-Cookie: __Host-secsession=1', 'Set-Cookie: a=1'));
    is_deeply cookies_of($forged), ["a=1$ALL"], 'not by an application';
};

my %LINKS = (
    "http://other.example/a?PHPSESSID=$ID" => 'http://other.example/a',
    "https://other.example/a;jsessionid=$ID?b&PHPSESSID=$ID#f" => 'https://other.example/a?b#f',
    "//other.example/;jsessionid=$ID" => '//other.example/',
    "http://other.example/;jsessionid=$ID//evil.example" => 'http://other.example/.//evil.example',
    'http://other.example/a?b=%zz&&c#;jsessionid=1' => undef,
    'http://other.example;jsessionid=1@host/' => undef,
    'app://other.example/?PHPSESSID=1' => undef,
);
my %REFERENCES = (
    "a;jsessionid=$ID" => 'a', "?PHPSESSID=$ID" => '?',
    ";jsessionid=$ID//evil.example" => './/evil.example', "b?PHPSESSID=$ID#x" => 'b#x',
);
my %PATHS = (
    "/;jsessionid=$ID/evil.example" => '/./evil.example',
    "/;jsessionid=$ID\\evil.example" => '/.\\evil.example', "/a?x&PHPSESSID=$ID" => '/a?x',
);

subtest 'no response leads to a URL with a session id, and none leads elsewhere for that' => sub {
    my %all = (%LINKS, %REFERENCES, %PATHS);
    for my $link (sort keys %all) {
        my $expected = $all{$link} // $link;
        my $found = $httpd->get(answering('strip/back/headers', 'Status: 302', "Location: $link"));
        is $found->header('Location'), $expected, "a backend, Location: $link"
            unless $link =~ m{\A/};
        my $response = $httpd->get(
            answering('strip/headers', "Content-Location: $link", "Refresh: 3; URL='$link'"));
        is $response->header('Content-Location'), $expected, "Content-Location: $link";
        is $response->header('Refresh'), "3; URL='$expected'", "Refresh: $link";
        my $off = $httpd->get(
            answering('off/headers', "Content-Location: $link", "Refresh: 3; URL='$link'"));
        is_deeply [ map { $off->header($_) } qw(Content-Location Refresh) ],
            [ $link, "3; URL='$link'" ], "Off, $link";
    }
    for my $link (sort keys %LINKS) {
        my $response = $httpd->get(answering('strip/headers', 'Status: 302', "Location: $link"));
        is_deeply [ $response->status, $response->header('Location') ],
            [ 302, $LINKS{$link} // $link ], "CGI, Location: $link";
    }
    my $split = $httpd->get(
        answering(
            'strip/back/headers', 'Status: 302', "Location: http://h/\rX-Evil: 1;jsessionid=1"
        )
    );
    is $split->header('X-Evil'), undef, 'and no header field is made of a part of one';
};

subtest 'a page says how much of its address other sites are told' => sub {
    is $httpd->get("/$_")->header('Referrer-Policy'), $POLICY, $_
        for qw(strip/show referrer/show strip/page.html strip/gone);
    is $httpd->get("/$_")->header('Referrer-Policy'), undef, $_
        for qw(off/show cookies/show names/show);
    for my $where (qw(strip/headers strip/back/headers)) {
        my @own = $httpd->get(answering($where, 'Referrer-Policy: no-referrer'))
            ->all_headers('Referrer-Policy');
        is_deeply \@own, ['no-referrer'], "$where: the application's own word counts";
    }
    is $httpd->client->get('/app/show', headers => [ [ Accept => 'text/html' ] ])
        ->header('Referrer-Policy'), $POLICY, 'on the way to the login page';
};

# --- what is told ---------------------------------------------------------------------------------

subtest 'strangers leave a line in the log, and no row' => sub {
    my ($events, $asked, $lines) = (noted(), asked(), lines('SS220'));
    my $guessed = $httpd->client->set_token('A' x 43);
    $_->get("/strip/show?PHPSESSID=$ID") for $httpd, $guessed;
    $httpd->get(answering('strip/headers', "Content-Location: /?PHPSESSID=$ID"));
    is_deeply [ noted() - $events, asked() - $asked, lines('SS220') - $lines ], [ 0, 0, 2 ],
        'requests without a session';
};

subtest 'of a session the audit trail tells, once a minute at most' => sub {
    sql('delete from secsession.event_log');
    my $alice = browser($httpd, 'alice');
    is $alice->get("/strip/show?PHPSESSID=$ID&a=1")->status, 200, 'a request';
    my ($id) = environment_of($alice->get('/pub/show'))->{SECSESSION_ID};
    is sql(
        "select session_id, realm, user_name, client_addr, actor, reason, detail from "
            . "secsession.event where event = 'session_id_in_url'"
        ),
        "$id|localhost|alice|127.0.0.1|httpd_web||"
        . '{"name": "PHPSESSID", "found_in": "request", "presented_from": "127.0.0.1"}',
        'is an event';
    my @all = map { $alice->start_request(GET => "/strip/show?PHPSESSID=$ID") } 1 .. 10;
    $_->finish for @all;
    $alice->get(answering('strip/headers', "Content-Location: /?PHPSESSID=$ID"));
    is noted(), 1, 'many requests are none more';
    is +(lines('SS220') > 10), 1, 'but the log tells of each';
    my $bob = browser($httpd, 'bob');
    is $bob->get("/refuse/show?PHPSESSID=$ID")->status, 403, 'a refused request';
    my $other = browser($httpd, 'bob');
    $other->get(answering('strip/headers', 'Status: 302', "Location: http://h/a;jsessionid=$ID"));
    is sql(
        "select detail ->> 'name', detail ->> 'found_in' from secsession.event where event = "
            . "'session_id_in_url' and user_name = 'bob' order by at"
        ),
        "PHPSESSID|request\njsessionid|response", 'another session has events of its own';
    my $third = browser($httpd, 'bob');
    is $third->get("/strip/..;jsessionid=$ID/app/show")->status, 403, 'a refused path';
    is noted(), 4, 'is one, too';
};

subtest 'what the database lets pass' => sub {
    login('seen', 'carol');
    my $call =
        "select secsession.session_id_in_url((select session_id from secsession.token where "
            . "token_hash = sha256('seen')), '192.0.2.7', 'sid', 'request')";
    is sql($call), 't', 'the first';
    is sql($call), 'f', 'not the second';
    sql("update secsession.event_log set at = at - interval '61 s' where user_name = 'carol'");
    is sql($call), 't', 'one a minute later';
    sql("update secsession.event_log set at = at - interval '61 s' where user_name = 'carol'");
    sql("select secsession.revoke_user('carol', 'test')");
    is sql($call), 'f', 'none of a session that has ended';
    is sql("select secsession.session_id_in_url(gen_random_uuid(), null, 'sid', 'request')"), 'f',
        'nor of none';
};

subtest 'nothing is refused for want of a database' => sub {
    my $alice = browser($httpd, 'alice');
    sql('alter table secsession.event_log add constraint none check (false) not valid');
    is $alice->get("/strip/show?PHPSESSID=$ID")->status, 200, 'the request is served';
    sql('alter table secsession.event_log drop constraint none');
    like $httpd->error_log, qr/SS103/, 'the log tells of the event that was lost';
};

subtest 'no log has a session id that was taken out' => sub {
    my $requests = slurp($httpd->folder . '/logs/requests.log');
    is_deeply [ grep { /$ID/ && !m{\b\w+ /(?:off/|strip;)} } split /\n/, $requests ], [],
        'the access log';
    is_deeply [ grep { /$ID/ && /SS22/ } split /\n/, $httpd->error_log ], [], 'the error log';
    unlike $postgres->log, qr/$ID/, 'PostgreSQL\'s';
};

done_testing;
