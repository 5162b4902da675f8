# A request that asks for another protocol, and gets an ordinary response: browsers, crawlers and
# libraries send "Upgrade" without being asked. Nothing of it, of the requests in front of it and
# behind it on the same connection, or of a request that httpd itself answers, may differ.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Pipeline;
use Secsession::Pipeline::Backend 'body_of';

my $port = Secsession::Pipeline::Backend->start;
my $fpm = Secsession::Fpm->start_if_there(children => 2);
my $fcgi = $fpm ? '<LocationMatch "\.php$">' . "\nSetHandler \"@{[ $fpm->handler ]}\"\n</LocationMatch>" : '';
my $PHP = '<?php header("X-Id: $_GET[id]"); $f = "<$_GET[id]>";
    $s = "begin $_GET[id]\n" . substr(str_repeat($f, (int)($_GET["n"] / strlen($f)) + 1), 0, (int)$_GET["n"])
    . "\nend $_GET[id]\n"; header("Content-Length: " . strlen($s)); echo $s;';
my ($postgres, $httpd) = start_servers(
    children => 1, threads => 8, without => ['reqtimeout'],
    modules => [qw(proxy proxy_http proxy_fcgi proxy_wstunnel)],
    files => { 'pub/page.php' => $PHP }, config => <<"CONFIG");
MaxMemFree 1
MaxKeepAliveRequests 0
ErrorDocument 404 /pub/page.html
ProxyPass "/app/up/" "http://127.0.0.1:$port/app/" upgrade=websocket
ProxyPass "/up/"     "http://127.0.0.1:$port/up/" upgrade=websocket
ProxyPass "/any/"    "http://127.0.0.1:$port/any/" upgrade=ANY
ProxyPass "/http/"   "http://127.0.0.1:$port/http/"
$fcgi
CONFIG

my $n = 0;

# The bytes of a request for a body of that length, and what must come.
sub request {
    my ($place, $length, @fields) = @_;
    my $id = 'id' . ++$n;
    my $bytes = "GET $place?id=$id&n=$length HTTP/1.1\r\nHost: localhost\r\n"
        . join('', map { "$_\r\n" } @fields) . "\r\n";
    return ($bytes, body_of($id, $length));
}

sub upgrade { return ("Upgrade: $_[0]", 'Connection: Upgrade') }

sub is_whole {
    my ($line, $body, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $response = eval { $line->next('GET') };
    my $is_right = $response && $response->{status} == 200 && $response->{body} eq $body;
    return ok($is_right, $name)
        || diag($@ || ($response ? "status $response->{status}, " . length $response->{body}
            : 'closed'));
}

my @places = ([ '/http/ok', 'HTTP' ], [ '/http/chunked', 'HTTP in chunks' ],
    [ '/up/ok', 'HTTP where WebSockets may be' ], [ '/any/ok', 'HTTP where anything may be' ],
    $fpm ? [ '/pub/page.php', 'FastCGI' ] : ());

for my $place (@places) {
    for my $protocol ('x', 'h2c', 'websocket', 'foo/2, bar') {
        subtest "$place->[1] and Upgrade: $protocol" => sub {
            my $line = Secsession::Pipeline->new(port => $httpd->port);
            for my $length (0, 300, 100_000, 5000) {
                my ($bytes, $body) = request($place->[0], $length, upgrade($protocol));
                $line->send($bytes);
                is_whole($line, $body, "$length bytes come whole");
            }
            my ($bytes, $body) = request($place->[0], 10);
            $line->send($bytes);
            is_whole($line, $body, 'as does what is asked without it');
        };
    }
    subtest "$place->[1] in a pipeline" => sub {
        my (@bytes, @bodies);
        for my $length (10, 20_000, 10, 3, 200_000, 7) {
            my @fields = $length == 10 ? () : upgrade('x');
            my ($bytes, $body) = request($place->[0], $length, @fields);
            push @bytes, $bytes;
            push @bodies, $body;
        }
        my $line = Secsession::Pipeline->new(port => $httpd->port);
        $line->send(join '', @bytes);
        is_whole($line, $_, 'each comes whole, in its turn') for @bodies;
    };
}

subtest 'a body that looks like a response' => sub {
    my $line = Secsession::Pipeline->new(port => $httpd->port);
    my $inner = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\nevil!";
    my ($bytes) = request('/http/ok?in=' . length($inner) . '&x=', 0, upgrade('x'));
    $bytes =~ s/^GET/POST/;
    $bytes =~ s/\r\n\r\n/"\r\nContent-Length: " . length($inner) . "\r\n\r\n"/e;
    $line->send($bytes . $inner);
    is eval { $line->next('POST')->{status} }, 200, 'is read as a body';
    my ($second, $body) = request('/http/ok', 12);
    $line->send($second);
    is_whole($line, $body, 'and the next request gets its own answer');
};

subtest 'a refusal, an error of httpd and one of the backend' => sub {
    my %answer = ('/app/up/ok' => 401, '/pub/nothing' => 404, '/http/none' => 502,
        '/http/error' => 500, '/up/refuse' => 403, '/pub/page.html' => 200);
    for my $place (sort keys %answer) {
        my $line = Secsession::Pipeline->new(port => $httpd->port);
        my ($second, $body) = request('/http/ok', 50_000);
        $line->send((request($place, 100, upgrade('websocket')))[0] . $second);
        my $response = eval { $line->next('GET') } // { status => $@ };
        is $response->{status}, $answer{$place}, "$place is answered $answer{$place}";
        next if ($response->{head} // '') =~ /^Connection: close\r$/mi;
        is_whole($line, $body, 'and what is asked after it comes whole');
    }
};

subtest 'the memory of a connection' => sub {
    plan skip_all => 'the sanitizer keeps what is freed' if $ENV{SECSESSION_ASAN};
    my $ask = sub {
        my ($line, $count) = @_;
        for (1 .. $count) {
            my ($bytes, $body) = request('/http/ok', 10, upgrade('x'));
            $line->send($bytes);
            $line->next('GET')->{body} eq $body or die 'not its own';
        }
    };
    my $line = Secsession::Pipeline->new(port => $httpd->port);
    $ask->($line, 500);
    my $before = $httpd->memory;
    eval { $ask->($line, 3000); 1 } or fail $@;
    my $more = $httpd->memory - $before;
    cmp_ok $more, '<', 3000, 'does not grow by a kilobyte with each request' or diag "$more KiB";
};

done_testing;
