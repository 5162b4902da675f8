# The interim responses of proxied applications: 100 Continue and 103 Early Hints reach the client, as
# they do without this module, but bring no cookies and no words that only we may say.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await free_port scratch spawn spew);
use IO::Select;
use IO::Socket::INET;

# By its path: /refuse answers without asking for the body; /late says 100 only then; /early and /long
# send a 103 first; /many sends two; /words says more in its 100 than it may; /unclear has in both what
# programs read in different ways; /first makes a file as soon as the first byte of the body is there.
my $BACKEND = <<'PERL';
use strict; use warnings; use IO::Socket::INET;
my ($port, $folder) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 50, ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
my $WORDS = "SecSession-Login: mallory\r\nsecsession-logout: 1\r\nSet-Cookie: __Host-secsession=evil\r\nset-cookie: PHPSESSID=secret; path=/\r\nX-Ok: yes\r\n";
while (my $c = $server->accept) {
    next if fork;
    my $data = '';
    while ($data !~ /\r\n\r\n/) { sysread($c, $data, 4096, length $data) or exit }
    $data =~ s/\A(.*?\r\n\r\n)//s;
    my $head = $1;
    my ($path) = $head =~ m{^\S+ (\S+)};
    my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
    if ($path =~ /refuse/) {
        syswrite $c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\nConnection: close\r\n\r\nrefused";
        exit;
    }
    my $hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n${WORDS}";
    syswrite $c, "$hint\r\n" if $path =~ /early|many/;
    syswrite $c, "$hint\r\n" if $path =~ /many/;
    syswrite $c, $hint . join('', map { "Link: </$_" . 'x' x 1000 . ">\r\n" } 1 .. 20) . "\r\n" if $path =~ /long/;
    my $unclear = $path =~ /unclear/ ? "${WORDS}set-cookie : PHPSESSID=secret; path=/\r\n" : '';
    syswrite $c, "HTTP/1.1 103 Early Hints\r\n$unclear\r\n" if $unclear;
    syswrite $c, "HTTP/1.1 100 Continue\r\n" . ($path =~ /words/ ? $WORDS : $unclear) . "\r\n" if $head =~ /^Expect:/mi;
    while (length $data < ($length // 0)) {
        sysread($c, $data, 65536, length $data) or last;
        if ($path =~ m{/(first-.*)}) { open my $first, '>', "$folder/$1" or die "first: $!" }
    }
    my $text = "$path got " . length $data;
    syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\nConnection: close\r\n\r\n$text";
    exit;
}
PERL
my $port = free_port();
my $folder = scratch('backend');
my $program = spew("$folder/backend.pl", $BACKEND, 0644);
spawn(command => [ $^X, $program, $port, $folder ], log => "$folder/log");
await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
    or die 'the backend does not start';

my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => [qw(proxy proxy_http http2 include)],
    files => { 'pub/with.shtml' => qq{before <!--#include virtual="/free/early" --> after\n} },
    config => <<"CONFIG");
Protocols h2c http/1.1
H2EarlyHints On
ProxyPass "/up/"   "http://127.0.0.1:$port/"
ProxyPass "/free/" "http://127.0.0.1:$port/"
ProxyPass "/off/"  "http://127.0.0.1:$port/"
<Location "/up/">
    AuthType SecSession
    Require valid-user
    SecSessionVault PHPSESSID
</Location>
<Location "/off/">
    SecSession Off
</Location>
<Location "/pub/with.shtml">
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
CONFIG
my $NOT_THEIRS = qr/mallory|secsession-logout|evil|PHPSESSID|secret/i;

sub connection { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $httpd->port) }

# What comes until it matches, or the other side closes.
sub receive {
    my ($socket, $pattern) = @_;
    my ($data, $select) = ('', IO::Select->new($socket));
    until ($data =~ $pattern) {
        $select->can_read(10) or return "$data (nothing more)";
        sysread($socket, $data, 65536, length $data) or return "$data (closed)";
    }
    return $data;
}

sub head {
    my ($client, $method, $path, @fields) = @_;
    my $token = $client->token;
    return join "\r\n", "$method $path HTTP/1.1", 'Host: ' . $client->authority,
        (defined $token ? "Cookie: __Host-secsession=$token" : ()), @fields, '', '';
}

sub curl {
    my ($client, $path, @more) = @_;
    my $cookie = '__Host-secsession=' . ($client->token // '');
    my $url = 'http://localhost:' . $httpd->port . $path;
    return qx{curl -s -v -m 30 -H 'Cookie: $cookie' @more $url 2>&1};
}

for my $path ('/up/', '/free/') {
    subtest "a client that waits to be told to go on at $path" => sub {
        my $client = $path eq '/up/' ? browser($httpd, 'alice') : $httpd->client;
        my $socket = connection();
        for my $turn (1, 2) {
            syswrite $socket,
                head($client, POST => "${path}one", 'Content-Length: 5', 'Expect: 100-continue');
            like receive($socket, qr/\r\n\r\n/), qr{\AHTTP/1\.1 100 Continue\r\n\r\n\z},
                "is told so ($turn)";
            syswrite $socket, 'hello';
            like receive($socket, qr/got \d+/), qr{\AHTTP/1\.1 200 .*/one got 5\z}s,
                "and what it then sends arrives ($turn)";
        }
        syswrite $socket,
            head($client, POST => "${path}words", 'Content-Length: 5', 'Expect: 100-continue');
        my $head = receive($socket, qr/\r\n\r\n/);
        like $head, qr{\AHTTP/1\.1 100 Continue\r\nX-Ok: yes\r\n\r\n\z},
            'what the application says in it is cleaned';
        syswrite $socket, 'hello';
        receive($socket, qr/got \d+/);
        syswrite $socket,
            head($client, POST => "${path}unclear", 'Content-Length: 5', 'Expect: 100-continue');
        like receive($socket, qr/\r\n\r\n.*\r\n\r\n/s),
            qr{\AHTTP/1\.1 103 Early Hints\r\n\r\nHTTP/1\.1 100 Continue\r\n\r\n\z},
            'and if that is not clear, nothing passes but the status';
        syswrite $socket, 'hello';
        receive($socket, qr/got \d+/);
        syswrite $socket,
            head($client, POST => "${path}refuse", 'Content-Length: 5', 'Expect: 100-continue');
        my $refused = receive($socket, qr/refused/);
        like $refused, qr{\AHTTP/1\.1 403 }, 'one that is refused is not told to go on';
    };
}

subtest 'an upload by curl' => sub {
    my $alice = browser($httpd, 'alice');
    my $file = spew(scratch('upload') . '/file', 'x' x 2_000_000);
    for my $how ('--http1.1', '--http2-prior-knowledge') {
        my $said = curl($alice, '/up/big', $how, '-H', "'Expect: 100-continue'", '--data-binary',
            "\@$file");
        like $said, qr{^< HTTP/[12](?:\.1)? 100}m, "$how: is told to go on";
        like $said, qr{/big got 2000000}, "$how: and arrives";
        like curl($alice, '/up/big', $how, '-H', "'Expect:'", '--data-binary', "\@$file"),
            qr{/big got 2000000}, "$how: so does one that does not ask";
    }
    like curl($httpd->client, '/up/big', '--http1.1', '-H', "'Expect: 100-continue'",
        '--data-binary', "\@$file"), qr{^< HTTP/1\.1 401}m, 'who has no session is refused';
};

# Writes the second half when the application has something of the first.
sub in_halves {
    my ($to, $file, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $to, 'x' x 50_000;
    wait_until { -e "$folder/$file" } "$name: the application has some of it";
    return syswrite $to, 'x' x 50_000;
}

subtest 'an upload whose length is known goes on before it is whole' => sub {
    my $alice = browser($httpd, 'alice');
    for my $path ('/up/', '/free/', '/off/') {
        my $name = $path =~ tr{/}{}dr;
        my $socket = connection();
        syswrite $socket, head($alice, POST => "${path}first-1-$name", 'Content-Length: 100000');
        in_halves($socket, "first-1-$name", "HTTP/1.1, $path");
        like receive($socket, qr/got \d+/), qr/got 100000\z/, 'and then all';
        my @fields = map { (-H => $_) } 'Cookie: __Host-secsession=' . $alice->token, 'Expect:',
            'Content-Length: 100000';
        open my $curl, '|-', qw(curl -s -m 60 --http2-prior-knowledge -X POST -T - -o /dev/null),
            @fields, 'http://localhost:' . $httpd->port . "${path}first-2-$name"
            or die "curl: $!";
        in_halves($curl, "first-2-$name", "HTTP/2, $path");
        close $curl;
    }
};

subtest 'early hints' => sub {
    my $alice = browser($httpd, 'alice');
    my $socket = connection();
    syswrite $socket, head($alice, GET => '/up/early');
    my $got = receive($socket, qr/got \d+/);
    like $got,
        qr{\AHTTP/1\.1\ 103\ Early\ Hints\r\nLink:\ </a\.css>;\ rel=preload\r\nX-Ok:\ yes\r\n\r\n
        HTTP/1\.1\ 200\ }x,
        'reach the client before the response';
    unlike $got, $NOT_THEIRS, 'without what only we may say';
    syswrite $socket, head($alice, GET => '/up/many');
    my $many = receive($socket, qr/got \d+/);
    is scalar(() = $many =~ m{^HTTP/1\.1 103 }mg), 2, 'several do';
    unlike $many, $NOT_THEIRS, 'all of them without';
    syswrite $socket, head($alice, GET => '/up/long');
    my $long = receive($socket, qr/got \d+/);
    is scalar(() = $long =~ m{^Link: </}mg), 21, 'long ones do';
    is scalar(() = $long =~ m{^HTTP/1\.1 }mg), 2, 'each once';
    unlike $long, $NOT_THEIRS, 'and without';
    like $long, qr{/long got 0\z}, 'and the response follows whole';
    my $http2 = curl($alice, '/up/early', '--http2-prior-knowledge');
    like $http2, qr{^< HTTP/2 103.*^< HTTP/2 200}ms, 'over HTTP/2, too';
    unlike $http2, $NOT_THEIRS, 'without';
    is environment_of($alice->get('/app/show'))->{REMOTE_USER}, 'alice', 'alice is alice';
};

subtest 'early hints in a pipeline' => sub {
    my $alice = browser($httpd, 'alice');
    my $socket = connection();
    syswrite $socket, join '', map { head($alice, GET => $_) } '/pub/page.html', '/up/kept1',
        '/up/early', '/up/kept2', '/up/many', '/up/many', '/up/last';
    my $got = receive($socket, qr/last got \d+/);
    is scalar(() = $got =~ m{HTTP/1\.1 103 }g), 5, 'all come';
    unlike $got, $NOT_THEIRS, 'without what only we may say';
};

subtest 'early hints for a part of a page' => sub {
    my $page = $httpd->get('/pub/with.shtml');
    is_deeply [ $page->status, $page->body ], [ 200, "before /early got 0 after\n" ],
        'do not come between';
    unlike $page->raw, qr/103|mallory|evil/, 'nor does what they say';
};

done_testing;
