# mod_proxy_wstunnel itself (ProxyWebsocketFallbackToProxyHttp Off), which gives the connection to
# the backend: what the backend answers there, and what a client may send, and when. Where it is the
# same for the 101 of mod_proxy_http, both are tested.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Pipeline;
use Secsession::Process qw(await free_port scratch spawn spew);

# Answers with the bytes in its query, percent-encoded, in the pieces that "|" separates, each in a
# segment of its own; "/bytes?..." each byte by itself; "/slow?24000" a head of that length, in the
# same way; "/long?24000" such a head of many fields; "/many?103|101" the first again and again. Then it
# says what it reads.
my $BACKEND = <<'PERL';
use strict; use warnings; use IO::Socket::INET; use Socket qw(IPPROTO_TCP TCP_NODELAY);
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 50, ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
while (my $c = $server->accept) {
    next if fork;
    setsockopt $c, IPPROTO_TCP, TCP_NODELAY, 1;
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread($c, $head, 4096, length $head) or exit }
    my ($what, $answer) = $head =~ m{^\S+ \S*/(\w+)\?(\S*)};
    if ($what eq 'late') { sysread $c, my $data, 4096; exit unless $data; syswrite $c, "HTTP/1.1 200 OK\r\n\r\nread $data"; exit }
    my @pieces = map { s/%(..)/chr hex $1/ger } split /\|/, $answer;
    @pieces = map { split // } @pieces if $what eq 'bytes';
    @pieces = split //, "HTTP/1.1 101 Switching Protocols\r\nX: @{[ 'z' x $pieces[0] ]}\r\n\r\nhello\n" if $what eq 'slow';
    if ($what eq 'long') { @pieces = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        . ("X: @{[ 'y' x 994 ]}\r\n" x ($pieces[0] / 1000)) . "Set-Cookie: __Host-secsession=evil\r\n\r\nhello\n") }
    if ($what eq 'many') { @pieces = (map({ $pieces[0] } 1 .. 20), $pieces[1]) }
    for my $piece (@pieces) { syswrite $c, $piece; select undef, undef, undef, 0.02 if $what !~ /bytes|slow/ }
    while (sysread $c, my $data, 4096) { syswrite $c, "echo $data" }
    exit;
}
PERL
my $port = free_port();
my $folder = scratch('backend');
spawn(command => [ $^X, spew("$folder/backend.pl", $BACKEND, 0644), $port ], log => "$folder/log");
await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
    or die 'the backend does not start';

my ($postgres, $httpd) = start_servers(children => 1, threads => 8,
    modules => [qw(proxy proxy_http proxy_wstunnel)], config => <<"CONFIG");
ProxyPass "/raw/"  "ws://127.0.0.1:$port/raw/"
ProxyPass "/up/"   "http://127.0.0.1:$port/up/" upgrade=websocket
ProxyPass "/any/"  "ws://127.0.0.1:$port/any/" upgrade=ANY
<Location "/raw/">
    ProxyWebsocketFallbackToProxyHttp Off
    SecSessionVault PHPSESSID
</Location>
<Location "/any/">
    ProxyWebsocketFallbackToProxyHttp Off
</Location>
<Location "/up/">
    SecSessionVault PHPSESSID
</Location>
CONFIG

my $WORDS = "SecSession-Login: mallory\r\nSet-Cookie: __Host-secsession=evil\r\n"
    . "Set-Cookie: PHPSESSID=secret; path=/\r\nset-cookie:\tPHPSESSID=secret2\r\nX-Ok: yes\r\n";
my $SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

sub encoded { return $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger }

# A connection on which this is asked for; the answer is in the pieces given.
sub ask {
    my ($place, $pieces, %opt) = @_;
    my $line = Secsession::Pipeline->new(port => $httpd->port);
    my $cookie = $opt{client} ? "Cookie: __Host-secsession=@{[ $opt{client}->token ]}\r\n" : '';
    $line->send("GET $place?" . join('|', map { encoded($_) } @$pieces) . " HTTP/1.1\r\n"
        . "Host: localhost:@{[ $httpd->port ]}\r\nUpgrade: @{[ $opt{upgrade} // 'websocket' ]}\r\n"
        . "Connection: Upgrade\r\n$cookie\r\n" . ($opt{more} // ''));
    return $line;
}

sub all_of {
    my ($line) = @_;
    return eval { 1 while $line->take; 1 } ? $line->{data} : "(open) $line->{data}";
}

for my $pieces ([ "$SWITCH$WORDS\r\nhello\n" ], [ "$SWITCH$WORDS", "\r\nhello\n" ],
    [ 'HTT', 'P/1.1 101 Switching', " Protocols\r", "\nUpgrade: websocket\r\nSet-Coo",
        "kie: __Host-secsession=evil\r\n\r", "\nhel", "lo\n" ],
    [ "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n$WORDS\r\n", "$SWITCH$WORDS\r\nhello\n" ]) {
    subtest 'a 101 in ' . @$pieces . ' segments' => sub {
        my $line = ask('/raw/ws', $pieces);
        my $head = eval { $line->until(qr/hello\n/) } // $@;
        like $head, qr{\AHTTP/1\.1 10[13] }, 'is passed on';
        like $head, qr{\r\n\r\nhello\n\z}, 'and what follows it';
        unlike $head, qr/mallory|evil|secret/, 'without what only we may send';
        $line->send("one\n");
        is eval { $line->until(qr/\n/) } // $@, "echo one\n", 'and the tunnel works';
    };
}

subtest 'each byte by itself' => sub {
    my @asked = ('/raw/bytes', [ "$SWITCH$WORDS" . "X-More: @{[ 'z' x 600 ]}\r\n\r\nhello\n" ]);
    my $head = eval { ask(@asked)->until(qr/hello\n/) } // $@;
    like $head, qr/^X-Ok: yes\r$/m, 'the head comes';
    unlike $head, qr/mallory|evil|secret/, 'without what only we may send';
};

my %unreadable = (
    'a leading CRLF' => "\r\n$SWITCH$WORDS\r\nhello\n",
    'a folded line' => "${SWITCH}X-A: b\r\n Set-Cookie: __Host-secsession=evil\r\n\r\nhello\n",
    'a field that begins with a blank' => "${SWITCH} Set-Cookie: PHPSESSID=evil\r\n\r\nhello\n",
    'a blank before the colon' => "${SWITCH}Set-Cookie : __Host-secsession=evil\r\n\r\nhello\n",
    'a carriage return alone' => "${SWITCH}X-A: b\rSet-Cookie: __Host-secsession=evil\r\n\r\nhello\n",
    'a line without a colon' => "${SWITCH}evil\r\n\r\nhello\n",
    'a NUL' => "${SWITCH}X-A: b\0evil\r\n\r\nhello\n",
    'another version' => "HTTP/2 101 Switching Protocols\r\n$WORDS\r\nhello\n",
    'no head' => "<p>evil hello\n",
    'a head that does not end' => "$SWITCH$WORDS",
);
for my $what (sort keys %unreadable) {
    subtest "$what, through mod_proxy_wstunnel" => sub {
        my $line = ask('/raw/ws', [ $unreadable{$what} ]);
        # What comes together with the request itself does not wake mod_proxy_wstunnel.
        await { !eval { $line->send("x\n"); 1 } || $line->can_be_read(0.02) }
            if $what eq 'a head that does not end';
        is all_of($line), '', 'nothing is passed on, and the connection is closed';
    };
}
like $httpd->error_log, qr{SS241: the connection of a request to /raw/ws is closed}, 'the log says so';

subtest 'a blank before the colon, through mod_proxy_http' => sub {
    my $got = all_of(ask('/up/ws', [ $unreadable{'a blank before the colon'} ]));
    unlike $got, qr/evil|hello/, 'nothing of it is passed on, and the connection is closed';
    unlike $got, qr/\(open\)/, 'the connection is closed';
};

for my $place ('/raw/', '/up/') {
    subtest "a long head at $place" => sub {
        my $got = all_of(ask("${place}long", [70_000]));
        unlike $got, qr/evil|hello|\(open\)/, 'of more than 64 KiB is not passed on';
        my $line = ask("${place}long", [60_000]);
        my $head = eval { $line->until(qr/hello\n/) } // $@;
        is scalar(() = $head =~ /^X: y{994}\r$/mg), 60, 'a shorter one is';
        unlike $head, qr/evil/, 'without what only we may send';
    };
}

subtest 'a tunnel behind a long head' => sub {
    my $alice = browser($httpd, 'alice');
    my $line = ask('/raw/long', [50_000], client => $alice);
    like eval { $line->until(qr/hello\n/) } // $@, qr/hello/, 'is opened';
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    my $end = await { !eval { $line->send("on\n"); $line->until(qr/echo on\n/) } };
    ok $end, 'and ends with its session';
    unlike $httpd->error_log, qr/SS225: a WebSocket at \S*long\S* is closed.*SS225/s, 'once';
};

subtest 'a final answer' => sub {
    my $line = ask('/raw/ws', [ "HTTP/1.1 403 No\r\nContent-Length: 4\r\nConnection: keep-alive\r\n",
            "Keep-Alive: timeout=5\r\n${WORDS}\r\n", "bo", "dy" ]);
    my $response = eval { $line->next('GET') } // { head => $@ };
    like $response->{head}, qr/\AHTTP\/1\.1 403 No\r\n/, 'is passed on';
    is $response->{body}, 'body', 'as is its body';
    unlike $response->{head}, qr/mallory|evil|secret|keep-alive/i, 'without what only we may send';
    like $response->{head}, qr/^Connection: close\r$/m, 'and says that it is the last one';
};

# The backend would read what comes then as a request that nobody has looked at.
subtest 'what the client sends' => sub {
    my $line = ask('/raw/late', ['x'], more => "GET /up/private HTTP/1.1\r\nX-User: alice\r\n\r\n");
    $line->{timeout} = 1;
    unlike all_of($line), qr/read/, 'together with its request never comes to the backend';
    $line = ask('/raw/late', ['x']);
    select undef, undef, undef, 0.1;
    $line->send("GET /up/private HTTP/1.1\r\nX-User: alice\r\n\r\n");
    is all_of($line), '', 'nor what it sends before the answer';
    like $httpd->error_log, qr{SS242: the connection of a request to /raw/late is closed},
        'the log says so';
    $line = ask('/raw/ws', ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]);
    is eval { $line->next('GET')->{body} } // $@, 'ok', 'a final answer comes';
    $line->send("GET /up/private HTTP/1.1\r\nX-User: alice\r\n\r\n");
    $line->{timeout} = 1;
    unlike all_of($line), qr/echo/, 'and what is sent behind it goes nowhere';
    my $opened = ask('/any/ws', ["HTTP/1.1 101 Ok\r\nUpgrade: chat\r\n\r\n"], upgrade => 'chat');
    eval { $opened->until(qr/\r\n\r\n/) };
    $opened->send("one\n");
    is eval { $opened->until(qr/\n/) } // $@, "echo one\n", 'any protocol is spoken behind a 101';
};

subtest 'interim responses without an end' => sub {
    my $early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    unlike all_of(ask('/raw/many', [ $early, "$SWITCH\r\nhello\n" ])), qr/hello|\(open\)/,
        'are not passed on for ever';
};

subtest 'memory' => sub {
    my $ask = sub { eval { ask('/raw/slow', [24_000])->until(qr/hello\n/) } or fail $@ };
    $ask->() for 1 .. 2;
    my $before = $httpd->memory;
    $ask->() for 1 .. 4;
    my $more = $httpd->memory - $before;
    cmp_ok $more, '<', 4000, 'a head that comes byte by byte takes what it is long' or diag "$more KiB";
};

done_testing;
