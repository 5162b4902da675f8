# Where a browser goes after the login: exactly to the page that it had asked for, and never to
# another host, however the return target is written (ASVS 5.0 3.7.2).

use lib 't/lib';
use Secsession::Test;

my $HOME = '/pub/welcome';
my ($postgres, $httpd) = start_servers(
    login => "SecSessionLoginHome $HOME\n", modules => ['rewrite'],
    config => <<'CONFIG');
RewriteEngine On
RewriteRule ^/app/short$ /app/show [PT]
RewriteRule ^/static/ahead$ /app/show?from=rewrite [PT]
<LocationMatch "^/static/skin">
    SecSessionLoginPage /login?skin=1
</LocationMatch>
CONFIG
my $EVIL = 'evil.example';
my $OWN = 'localhost:' . $httpd->port;
my @HTML = (headers => [ [ Accept => 'text/html' ] ]);
my $client = $httpd->client;

# --- what a browser makes of a Location -----------------------------------------------------------

# The host it goes to, as the WHATWG's URL standard has it, and careful where browsers have
# differed: any scheme counts as elsewhere unless it is http with two slashes, any number of slashes
# begins a host, and so does what is left to begin with two of them when the dot segments are gone.
sub host_of {
    my ($location) = @_;
    $location =~ s/\A[\x00-\x20]+|[\x00-\x20]+\z//g;
    $location =~ tr/\t\r\n//d;
    $location =~ s/\A([^?#]*)/$1 =~ tr{\\}{\/}r/e;
    $location =~ s/[?#].*//s;
    return $OWN if $location eq '';
    if ($location =~ m{\A([a-z][a-z0-9+.-]*):(.*)\z}is) {
        my ($scheme, $rest) = (lc $1, $2);
        return $scheme eq 'http' && $rest =~ m{\A//([^/]+)} ? $1 : "$scheme:$rest";
    }
    return $1 if $location =~ m{\A//+([^/]*)};
    my @kept;
    for my $segment (split m{/}, $location =~ s{\A/}{}r, -1) {
        my $plain = $segment =~ s/%2e/./gir;
        if ($plain eq '..') { pop @kept }
        elsif ($plain ne '.') { push @kept, $segment }
    }
    return @kept > 1 && $kept[0] eq '' ? "/$kept[1]" : $OWN;
}

sub decoded { return $_[0] =~ s/%([0-9a-f]{2})/chr hex $1/gier }
sub encoded { return Secsession::Client::encode($_[0]) }

# Whatever decodes it once or twice more on the way (a proxy, an application) does not get another
# host either.
sub leads_elsewhere {
    my ($location) = @_;
    my @read = ($location, decoded($location), decoded(decoded($location)));
    my ($path) = $location =~ /\A([^?#]*)/;
    push @read, map { decoded($_), decoded(decoded($_)) } $path;
    return scalar grep { host_of($_) ne $OWN } @read;
}

subtest 'this test knows where browsers go' => sub {
    my @there = (
        "//$EVIL", "///$EVIL", "\\\\$EVIL", "/\\$EVIL", "/\t/$EVIL", "/\n/$EVIL", "\x01//$EVIL",
        " //$EVIL",
        "http://$EVIL", "HTTPS://$EVIL", "http:$EVIL", "http:/$EVIL", 'javascript:1', "//$EVIL\@x",
        "/.//$EVIL",
        "/a/..//$EVIL", "/%2e%2e//$EVIL",
    );
    my @here =
        ('', '/', '/a//b', '/a?b=//c', "http://$OWN/x", '/a/../b', '/:x', '?x', '/a#//b', '/%2f/x');
    is_deeply [ grep { host_of($_) eq $OWN } @there ], [], 'elsewhere';
    is_deeply [ grep { host_of($_) ne $OWN } @here ], [], 'here';
    is_deeply [ grep { !leads_elsewhere($_) } "/%2f$EVIL", "/%5c$EVIL", "/%09/$EVIL",
        "%2f%2f$EVIL", "/%252f$EVIL" ],
        [], 'decoded again';
};

# --- hostile forms --------------------------------------------------------------------------------

my @HOSTILE = (
    # schemes
    (
        map { "$_$EVIL" } 'http://', 'https://', 'HTTP://', 'hTTps://', 'http:', 'https:',
        'http:/', 'https:/', 'http:///',
        'ftp://', 'ws://', 'http:\\\\', 'https:\\', 'http:/\\/', 'x://', '://', ':', ':/', 'http',
        'mailto:', 'tel:',
        'file:///', 'blob:http://', 'view-source:http://', 'filesystem:http://', "http://$OWN\@",
        "http://$OWN.",
        "http://$OWN:80\@", 'localhost.', "$OWN/../../"
    ),
    'javascript:alert(1)', 'JavaScript:alert(1)', "java\tscript:alert(1)", "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    ' javascript:alert(1)',
    'javascript://%0aalert(1)',
    '/javascript:alert(1)/../..//x',
    'data:text/html,<script>1</script>', 'data:;base64,PHNjcmlwdD4=', 'vbscript:x', 'about:blank',
    # slashes
    (
        map { "$_$EVIL" } '//', '///', '////', '/////', '//x@', '//x:y@', '//www.', '// ', "//\t",
        '//%20', '//%09',
        '//[::1]@', '//localhost@', '//localhost:80@', '//localhost\\@', '//localhost%5c@',
        '//localhost#@',
        '//localhost?@', '///localhost/..//'
    ),
    "//$EVIL/%2f..",
    "//$EVIL/..",
    "//$EVIL:80/login",
    "//$EVIL?/",
    "//$EVIL#/",
    '//', '///',
    '//0x7f000001',
    '//2130706433', '//[::1]/', '//%5b::1%5d/',
    # backslashes
    (
        map { "$_$EVIL" } '\\', '\\\\', '\\\\\\', '/\\', '\\/', '/\\/', '/\\\\', '\\/\\/', '\\\\/',
        '/a\\..\\..//',
        '/\\x@', '/.\\', '/..\\'
    ),
    # white space and control characters
    (
        map { ("/$_/$EVIL", "$_//$EVIL", "/$_$EVIL", "//$_$EVIL", "/$_\\$EVIL", "$_/$_/$EVIL") }
            "\t", "\n", "\r", "\r\n",
        ' ', "\x01", "\x0b", "\x0c", "\x1f", "\x7f", "\xc2\xa0", "\xe2\x80\x8b", "\xef\xbb\xbf"
    ),
    # dot segments
    (
        map { "$_$EVIL" } '/.//', '/..//', '/../', '/...//../..//', '/a/..//', '/a/../..//',
        '/./../..//', '/%2e//',
        '/%2e%2e//', '/.%2e//', '/%2E.//', '/;/..//', '/a/%2e%2e//', './/', '..//', '.', '/.',
        '/..', '/.;//',
        '/x/..;//'
    ),
    '/..', '/.', '/a/..', '/a/../..', '/../..//',
    # encoded, for whoever decodes once more
    (
        map { "$_$EVIL" } '%2f%2f', '/%2f', '/%2F', '%2f/', '/%5c', '%5c%5c', '/%2f%2f', '%2f%5c',
        '/%09/', '/%0a/',
        '/%0d/', '/%0d%0a/', '/%00/', '%09//', '/%20//', '%68ttp://', 'http%3a//', 'http%3a%2f%2f',
        'http:%2f%2f',
        'http:%5c%5c', '/%2e%2e/%2f', '/.%5c', '/%2e%5c'
    ),
    # and twice, or worse
    (
        map { "$_$EVIL" } '%252f%252f', '/%252f', '/%25252f', '/%255c', '/%2509/', '/%250d%250a/',
        '%25%32%66%2f',
        '/%25%32%66', '/%%32%66', '/%252e%252e//', '/%u2215', '/%c0%af', '/%c0%af%c0%af',
        '/%e0%80%af', '/%uff0f'
    ),
    # other slashes and dots
    (
        map { "/$_$EVIL" } "\xef\xbc\x8f", "\xe2\x81\x84", "\xe2\x88\x95", "\xef\xbc\xbc",
        "\xe3\x80\x82/",
        "\xef\xbc\x8e/", "\xaf", "\xc0\xaf", "\xf0\x80\x80\xaf"
    ),
    "\xef\xbc\x8f\xef\xbc\x8f$EVIL", "//\xe3\x80\x82$EVIL", "//evil\xe3\x80\x82example",
    "\xe2\x81\x84\xe2\x81\x84$EVIL", 'http:\xe2\x81\x84\xe2\x81\x84evil',
    # other header fields, other pages
    "/\r\nLocation: http://$EVIL",
    "/\r\nSet-Cookie: __Host-secsession=x",
    "/x\r\n\r\n<script>1</script>",
    "/\nX-Injected: 1", "/%0d%0aX-Injected:%201", "/x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK",
    "/\xc4\x8d\xc4\x8aX-Injected: 1",
    "/\xe5\x98\x8a\xe5\x98\x8dX-Injected: 1",
    "/%E5%98%8D%E5%98%8AX: 1",
    # no path at all, or too much of one
    '', ' ', 'x', '?', '?x=/', '#', '#/', '@',
    "\@$EVIL",
    "x/$EVIL",
    '*', '~', ';',
    '/' x 2500,
    "/$EVIL" . 'a' x 3000,
    '/' . '%2f' x 700, '//' . 'a' x 9, '/?' . 'a' x 3000, "/\0//$EVIL", "\0//$EVIL", "/$EVIL\0",
);

sub post {
    my ($fields, $path) = @_;
    my $body = join '&', 'username=alice&password=correct+horse', $fields;
    return $client->clear->post($path // '/login', $body, keep_alive => 1,
        headers => [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ]);
}

# True where the login worked and the browser went to `target` or home, and nowhere else. The reason
# why not is diag'ed.
sub is_kept_here {
    my ($response, $target) = @_;
    my @location = $response->all_headers('Location');
    my @wrong;
    push @wrong, 'status ' . $response->status if $response->status != 303;
    push @wrong, "@location" if @location != 1 || ($location[0] ne $HOME && $location[0] ne $target)
        || leads_elsewhere($location[0]);
    push @wrong, 'injected' if $response->raw =~ /^(?:X-Injected|<script>1)/m
        || $response->all_headers('Set-Cookie') != 1;
    return !@wrong || do { diag encoded($target) . ": @wrong"; 0 };
}

sub unescaped {
    my %character = (lt => '<', gt => '>', quot => '"', amp => '&');
    return $_[0] =~ s/&(\w+);/$character{$1}/gr;
}

sub offered {
    return unescaped($_[0]->body =~ /<input name="return" type="hidden" value="([^"]*)">/
        ? $1
        : die 'no way back');
}

# What fits in a form, or in an address, without being encoded.
sub as_it_is { return $_[0] =~ tr/&\0//dr }
sub fits_an_address { return $_[0] !~ /[\x00-\x20\x7f-\xff#&\\]/ }

subtest 'nobody is sent to another host by the form' => sub {
    cmp_ok scalar(@HOSTILE), '>=', 100, 'hostile forms: ' . @HOSTILE;
    is_deeply [ grep { length && $_ eq $HOME } @HOSTILE ], [], 'none is home';
    for my $target (@HOSTILE) {
        my $name = substr encoded($target), 0, 60;
        ok is_kept_here(post('return=' . encoded($target)), $target), "encoded: $name";
        ok is_kept_here(post('return=' . as_it_is($target)),
            decoded(as_it_is($target)) =~ tr/+/ /r), "as it is: $name";
    }
};

subtest 'nobody is sent to another host by the URL of the login page' => sub {
    my %sent = map { $_ => 1 } (map { encoded($_) } @HOSTILE),
        grep { fits_an_address($_) } @HOSTILE;
    for my $query (grep { length() < 7000 } sort keys %sent) {
        my $page = $httpd->client->get("/login?return=$query", keep_alive => 0);
        my $offered = offered($page);
        my $is_safe = $page->status == 200
            && ($offered eq '' || ($offered eq decoded($query) && !leads_elsewhere($offered)));
        ok $is_safe && is_kept_here(post('return=' . encoded($offered)), $offered),
            'query: ' . substr $query, 0, 60;
    }
};

subtest 'nobody is sent to another host in any other way' => sub {
    my $evil = encoded("//$EVIL");
    my %form = (
        'two, the good one first' => "return=/a&return=$evil",
        'two, the bad one first' => "return=$evil&return=/a",
        'an array' => "return[]=$evil", 'in capitals' => "RETURN=$evil",
        'another name' => "url=$evil&next=$evil&redirect=$evil", 'encoded name' => "r%65turn=$evil",
        'no value' => 'return', 'twice empty' => 'return=&return=',
    );
    for my $name (sort keys %form) {
        my $response = post($form{$name});
        ok is_kept_here($response, '/a'), $name;
    }
    is post("return=/first&return=/second")->header('Location'), '/first', 'the first counts';
    is post('x=1', "/login?return=$evil")->header('Location'), $HOME,
        'the address of a post is not read';
    my $response = $httpd->client->post(
        '/login', 'username=alice&password=correct+horse&return=/a', host => $EVIL,
        headers => [
            [ 'Content-Type' => 'application/x-www-form-urlencoded' ],
            [ 'X-Forwarded-Host' => $EVIL ],
            [ Referer => "http://$EVIL/" ]
        ]
    );
    is $response->header('Location'), '/a', 'a forged Host, X-Forwarded-Host, Referer';
    my $wrong = $httpd->client->login('alice', 'wrong', return => "//$EVIL");
    is offered($wrong), '', 'a wrong password does not offer it either';
    is offered($httpd->client->login('alice', 'wrong', return => '/app/show?a=1&b=2')),
        '/app/show?a=1&b=2',
        'but keeps a good one';
};

# --- ways back that must be followed --------------------------------------------------------------

my @GOOD = (
    '/', '/app/show', '/app/show?a=1&b=2', '/app/show?x=http://a/', '/app/show?x=//a&y=%5C',
    '/app/show?a=b?c=d', '/app/show/', '/app/show?q=a+b', '/app/show?q=a%20b',
    '/app/show?q=%2F%2Fevil.example',
    '/app/show?q=%0D%0A', '/pub/%C3%A4%C3%B6', '/pub/a%20b', '/#top', '/app/show#a/b?c',
    '/app/show?#', '/app/show;x=1',
    '/~alice/', '/a.b/c..d/...', '/a@b', '/a:b', '/:x', "/it's", '/a*b!c$d,(e)', '/pub/a%26b',
    '/pub/a%3Fb',
    '/pub/100%25', '/app/show?return=/x', '/app/show?return=%2Fx', '/app/show?<b>"',
    '/app/show?a=../..',
    '/app/show?a=%', '/pub/.well-known/x', '/a//b', '/a/b//', '/wiki/http://a/', '/' . 'a' x 2000,
    '/?' . 'q' x 2000,
);

subtest 'a user who had asked for a page of this host gets exactly there' => sub {
    cmp_ok scalar(@GOOD), '>=', 15, 'ways back: ' . @GOOD;
    for my $target (@GOOD) {
        my $name = substr $target, 0, 60;
        is post('return=' . encoded($target))->header('Location'), $target, "form: $name";
        my $offered = offered($httpd->get('/login?return=' . encoded($target)));
        is $offered, $target, "page: $name";
    }
};

# The way from a page to the login page, through the form, and back.
sub way_back {
    my ($uri, %opt) = @_;
    my $browser = $httpd->client;
    my $sent = $browser->get($uri, @HTML, %opt);
    return $sent->status if $sent->status != 303;
    my $page = $browser->get($sent->header('Location'));
    return $browser->login('alice', password_of('alice'), return => offered($page))
        ->header('Location');
}

subtest 'a user who was sent to the login page comes back to the page that was asked for' => sub {
    my @uris = (
        '/app/show', '/app/show?', '/app/show?a=1&b=2', '/app/show?a=b%20c&d=e+f',
        '/app/show?x=%26y%3D1',
        '/app/show?return=/other&why=idle', '/app/show/path/info?q=1', '/app/show?x=//evil.example',
        '/app/show?x=http://evil.example/', '/app/show?%C3%A4=%F0%9F%98%80',
        '/app/show?x=%22%3E%3Cscript%3E',
        '/app/show?x=100%25', '/app/show?x=%0d%0aX:1', q{/app/show?x='y'&z=(1)},
        '/static/page.html?a[]=1&a[]=2',
        '/static/p%C3%A4ge%20one.html', '/static/100%25', '/static/a%3Fb', '/static/a%23b?c',
        '/app/show/a%26b=c',
        '/static//a//b', '/app/show/%E2%82%AC', '/app/show?' . 'q' x 2000, '/app/show?' . 'q' x 7900,
        '/app/show?' . '%C3%A4' x 800, '/app/short?x=1',
        '/static/ahead?x=1',
        '/static/skin/x?y=1', '/app/show?a=1;b=2',
    );
    is way_back($_), $_, substr $_, 0, 60 for @uris;
    is way_back("http://$OWN/app/show?x=1"), '/app/show?x=1', 'asked for as from a proxy';
    my $browser = $httpd->client;
    my $sent = $browser->get('/app/show?a=1&b=%2F', @HTML);
    is $sent->header('Location') =~ s{\Ahttp://\Q$OWN\E}{}r,
        '/login?return=%2fapp%2fshow%3fa%3d1%26b%3d%252F',
        'the address is encoded as a whole';
    is $httpd->get('/static/skin/x', @HTML)->header('Location') =~ s/.*\?//r,
        'skin=1&return=%2fstatic%2fskin%2fx',
        'also behind a query of one\'s own';
    $browser->login('alice', password_of('alice'), return => '/app/show?a=1');
    is environment_of($browser->get('/app/show?a=1'))->{QUERY_STRING}, 'a=1',
        'and the page is there';
};

subtest 'no unsafe return target is made from the request' => sub {
    my %asked = (
        'two slashes' => "//$EVIL/../app/show", 'two slashes, and in' => '//app/show',
        'three' => '///app/show',
        'dots' => '/x/..//app/show', 'an encoded slash' => '/app/%2e%2e//app/show',
        'too long' => '/app/show?' . 'q' x 3000,
        'the address of another host' => "http://$EVIL/app/show?x=1",
        'and of ours' => "http://$OWN/app/show?x=1",
    );
    for my $name (sort keys %asked) {
        my $sent = $httpd->get($asked{$name}, @HTML);
        my $location = $sent->header('Location') // '/login';
        my ($return) = $location =~ /[?&]return=([^&]*)/;
        ok !leads_elsewhere($location) && !leads_elsewhere(decoded($return // '/')),
            "$name: " . substr $location, 0,
            50;
    }
    for my $method (qw(POST PUT DELETE)) {
        my $sent = $httpd->request($method, '/app/show?x=1', headers => [ [ Accept => 'text/html' ],
            [ 'Content-Type' => 'text/plain' ] ], body => 'x');
        is_deeply [ $sent->status, $sent->all_headers('Location') ], [401],
            "$method: 401, and no way back to what would not be sent again";
    }
};

subtest 'a backslash in a query is kept, one in a path is not' => sub {
    for my $query (q{a=\b}, q{a=\\b\\}, q{a=%5Cb}, q{\\evil.example/}) {
        my $page = $httpd->client->get("/app/show?$query", @HTML);
        my ($return) = $page->header('Location') =~ /return=([^&]*)/;
        is decoded($return), '/app/show?' . $query =~ s/\\/%5C/gr, "?$query";
    }
    for my $path (q{/app/\b}, q{/app/%5Cb}, q{/\evil.example/?a}) {
        my $page = $httpd->client->get($path, @HTML);
        unlike $page->header('Location') // '', qr/return=[^&]/, $path;
    }
};

done_testing;
