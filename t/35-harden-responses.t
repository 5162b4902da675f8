# SecSessionHarden: an application that sets careless cookies, or puts session ids into URLs, is
# made good on the way
# out, whatever runs it.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process 'slurp';
use Secsession::Programs 'answering';

my $ID = 'S3CR3T';
my $POLICY = 'strict-origin-when-cross-origin';
my $backend = Secsession::Httpd->start(module => 0,
    config => 'ScriptAlias "/app/" "@FOLDER@/cgi-bin/"');
my $to = 'http://127.0.0.1:' . $backend->port . '/app';

my ($postgres, $httpd) = start_servers(
    modules => [qw(proxy proxy_http)], database => { log_statements => 1 },
    login => 'SecSessionHarden On', app => 'SecSessionHarden On',
    files => { 'strip/page.html' => "<p>page</p>\n" },
    config => <<"CONFIG", vhosts => <<'VHOSTS');
LogFormat "%r|%U%q" requests
CustomLog "\@FOLDER\@/logs/requests.log" requests
ScriptAliasMatch "^/(?:strip|names|off|cookies|referrer|except|all)/(show|headers)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
ProxyPass "/strip/back/" "$to/"
ProxyPass "/strip/broken/" "$to/"
<Location "/strip/">
    SecSessionHarden On
    Header add Set-Cookie "file=1" "expr=%{REQUEST_URI} =~ /page.html/"
</Location>
<Location "/strip/broken/">
    ProxyErrorOverride On
    ErrorDocument 500 /off/show
</Location>
<Location "/except/">
    SecSessionHarden cookies except=mine_*,yours
</Location>
<Location "/all/">
    SecSessionHarden On except=none
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
CONFIG
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName plain.example
    SecSessionCookie id Insecure
</VirtualHost>
VHOSTS

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
        is_deeply cookies_of($httpd->get(setting("$where"))), $expected{$where}, "/$where/";
    }
    is_deeply cookies_of($httpd->get(setting('strip/back'))), $expected{strip}, 'of a backend';
    for my $status (201, 204, 302, 304, 401, 404, 500, 503) {
        my @more = ("Status: $status x", $status == 302 ? 'Location: http://other.example/' : ());
        is_deeply cookies_of($httpd->get(setting('strip', @more))), $expected{strip},
            "with status $status";
        is_deeply cookies_of($httpd->get(setting('strip/back', @more))), $expected{strip},
            "of a backend, with status $status";
    }
    my $broken = $httpd->get(setting('strip/broken', 'Status: 500'));
    is_deeply [ grep { !/Secure.*HttpOnly.*SameSite|SameSite.*Secure|HttpOnly.*Secure/i }
            @{ cookies_of($broken) } ], [], 'with an error page from elsewhere';
    my $file = $httpd->get('/strip/page.html');
    my $same = $httpd->get('/strip/page.html',
        headers => [ [ 'If-None-Match' => $file->header('ETag') ] ]);
    is_deeply [ map { $_->status, @{ cookies_of($_) } } $file, $same ], [ 200, "file=1$ALL", 304,
        "file=1$ALL" ], 'of a file, also one that has not changed';
    my $odd = $httpd->get(answering('strip', 'Set-Cookie:', 'Set-Cookie: ;',
        "Set-Cookie:  x = 1 ;\tPath=/ ;"));
    is_deeply [ grep { /x/ } @{ cookies_of($odd) } ], ["x = 1 ;\tPath=/$ALL"], 'with odd blanks';
};

subtest 'cookies that are there for scripts stay readable' => sub {
    my @names = qw(csrftoken XSRF-TOKEN XSRF-other xsrf-token csrftoken2 mine_1 yours);
    my @set = (map { "Set-Cookie: $_=1; Path=/" } @names);
    my %readable = (strip => 'csrftoken XSRF-TOKEN XSRF-other', except => 'mine_1 yours', all => '');
    for my $where (sort keys %readable) {
        my $response = $httpd->get(answering($where, @set));
        is join(' ', grep { $response->cookie($_) !~ /HttpOnly/ } @names), $readable{$where},
            "/$where/";
        is scalar(grep { /Secure;.* SameSite=Lax/ } @{ cookies_of($response) }), @names,
            "/$where/: with the other attributes";
    }
    my $odd = $httpd->get(answering('strip', 'Set-Cookie:  csrftoken =1', 'Set-Cookie: csrftoken',
        'Set-Cookie: =csrftoken=1', 'Set-Cookie: csrftoken=2; httponly'));
    is_deeply cookies_of($odd), [ '=csrftoken=1; Secure; HttpOnly; SameSite=Lax',
        'csrftoken =1; Secure; SameSite=Lax', 'csrftoken; Secure; HttpOnly; SameSite=Lax',
        'csrftoken=2; httponly; Secure; SameSite=Lax' ], 'that have the name, as browsers read it';
    my $on = $httpd->get(answering('except', 'Location: /off/show', 'Set-Cookie: mine_1=1'));
    is_deeply cookies_of($on), ['mine_1=1; Secure; SameSite=Lax'], 'with an internal redirect, too';
};

subtest 'where there is no TLS only those are Secure that browsers would refuse otherwise' => sub {
    my $response = $httpd->client(host => 'plain.example')->get(answering('strip',
        'Set-Cookie: a=1', 'Set-Cookie: b=1; SameSite=None'));
    is_deeply cookies_of($response), [ 'a=1; HttpOnly; SameSite=Lax',
        'b=1; SameSite=None; Secure; HttpOnly' ], 'SecSessionCookie … Insecure';
};

subtest 'our own cookie is set once, as ever' => sub {
    my $login = $httpd->client->login('alice', password_of('alice'));
    is scalar(@{ cookies_of($login) }), 1, 'one';
    like cookies_of($login)->[0],
        qr/\A__Host-secsession=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax\z/,
        'by the login';
    is $httpd->client->login('alice', password_of('alice'),
        return => "/app/show?PHPSESSID=$ID")->header('Location') =~ s{\Ahttp://[^/]*}{}r,
        '/app/show', 'which leads to no session id';
    my $forged = $httpd->get(answering('strip', 'Set-Cookie: __Host-secsession=1',
        'Set-Cookie: a=1'));
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
        my $found = $httpd->get(answering('strip/back', 'Status: 302', "Location: $link"));
        is $found->header('Location'), $expected, "a backend, Location: $link"
            unless $link =~ m{\A/};
        my $response = $httpd->get(answering('strip', "Content-Location: $link",
            "Refresh: 3; URL='$link'"));
        is $response->header('Content-Location'), $expected, "Content-Location: $link";
        is $response->header('Refresh'), "3; URL='$expected'", "Refresh: $link";
        my $off = $httpd->get(answering('off', "Content-Location: $link",
            "Refresh: 3; URL='$link'"));
        is_deeply [ map { $off->header($_) } qw(Content-Location Refresh) ], [ $link,
            "3; URL='$link'" ], "Off, $link";
    }
    for my $link (sort keys %LINKS) {
        my $response = $httpd->get(answering('strip', 'Status: 302', "Location: $link"));
        is_deeply [ $response->status, $response->header('Location') ], [ 302,
            $LINKS{$link} // $link ], "CGI, Location: $link";
    }
    my $split = $httpd->get(answering('strip/back', 'Status: 302',
        "Location: http://h/\rX-Evil: 1;jsessionid=1"));
    is $split->header('X-Evil'), undef, 'and no header field is made of a part of one';
};

subtest 'a page says how much of its address other sites are told' => sub {
    is $httpd->get("/$_")->header('Referrer-Policy'), $POLICY, $_
        for qw(strip/show referrer/show strip/page.html strip/gone);
    is $httpd->get("/$_")->header('Referrer-Policy'), undef, $_
        for qw(off/show cookies/show names/show);
    for my $where (qw(strip strip/back)) {
        my @own = $httpd->get(answering($where,
            'Referrer-Policy: no-referrer'))->all_headers('Referrer-Policy');
        is_deeply \@own, ['no-referrer'], "$where: the application's own word counts";
    }
    is $httpd->client->get('/app/show',
        headers => [ [ Accept => 'text/html' ] ])->header('Referrer-Policy'), $POLICY,
        'on the way to the login page';
};

subtest 'no log has a session id that was taken out' => sub {
    my $requests = slurp($httpd->folder . '/logs/requests.log');
    is_deeply [ grep { /$ID/ && !m{\b\w+ /(?:off/|strip;)} } split /\n/, $requests ], [],
        'the access log';
    is_deeply [ grep { /$ID/ && /SS22/ } split /\n/, $httpd->error_log ], [], 'the error log';
    unlike $postgres->log, qr/$ID/, 'PostgreSQL\'s';
};

done_testing;
