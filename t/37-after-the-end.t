# What is silent when its session ends, and goes on afterwards: not one byte more passes, in either
# direction, over HTTP/1.1 and HTTP/2, to and from each kind of application.

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Http2::WebSocket;
use Secsession::Process qw(await free_port run scratch slurp spawn spew);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes 'time';

# A stream says one word, and "more" when it is told to; so does a WebSocket that has been spoken to.
# What either reads is in the file got-ID. /late and /hint answer only when they are told to.
my $BACKEND = <<'PERL';
use strict; use warnings; use IO::Select; use IO::Socket::INET; use Digest::SHA 'sha1_base64';
my ($port, $folder) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 50, ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
sub told { my ($id) = @_; select undef, undef, undef, 0.05 until -e "$folder/say-$id" || -e "$folder/over" }
while (my $c = $server->accept) {
    next if fork;
    local $SIG{PIPE} = sub { exit };
    my $data = '';
    while ($data !~ /\r\n\r\n/) { sysread($c, $data, 4096, length $data) or exit }
    $data =~ s/\A(.*?\r\n\r\n)//s;
    my $head = $1;
    my ($path, $id) = $head =~ m{^\S+ (\S+/(\w+))};
    open my $got, '>', "$folder/got-$id" or die "got: $!";
    syswrite $got, $data;
    my $type = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    if ($path =~ /stream/) {
        syswrite $c, "HTTP/1.1 200 OK\r\n${type}5\r\nword\n\r\n";
        told($id);
        syswrite $c, "5\r\nmore\n\r\n0\r\n\r\n";
        exit;
    }
    if ($path =~ /hint/) {
        told($id);
        syswrite $c, "HTTP/1.1 103 Early Hints\r\nLink: </more>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore";
        exit;
    }
    if ($head =~ /^Upgrade:/mi) {
        my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)/mi;
        my $accept = sha1_base64("${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11") . '=';
        told($id) if $path =~ /late/;
        syswrite $c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n" . ($path =~ /late/ ? 'more' : '');
    }
    my ($select, $said) = (IO::Select->new($c), 0);
    while (!-e "$folder/over") {
        if ($said == 1 && -e "$folder/say-$id") { syswrite $c, "more\n"; $said++ }
        next unless $select->can_read(0.05);
        last unless sysread $c, my $part, 65536;
        syswrite $got, $part;
        syswrite $c, "word\n" if $path =~ /socket/ && !$said++;
    }
    syswrite $got, 'END';
    exit;
}
PERL
my $port = free_port();
my $folder = scratch('backend');
chmod 0777, $folder;
spawn(command => [ $^X, spew("$folder/backend.pl", $BACKEND, 0644), $port, $folder ],
    log => "$folder/log");
await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
    or die 'the backend does not start';

my $READ = <<"PERL";
my (\$id) = \$ENV{PATH_INFO} =~ /(\\w+)/;
open my \$got, '>', "$folder/got-\$id" or die "got: \$!";
while (sysread STDIN, my \$data, 65536) { syswrite \$got, \$data }
syswrite \$got, 'END';
print "Content-Type: text/plain\\n\\nread\\n";
PERL
my $SAY = <<"PERL";
my (\$id) = \$ENV{PATH_INFO} =~ /(\\w+)/;
\$| = 1;
print "Content-Type: text/plain\\n\\nword\\n";
select undef, undef, undef, 0.05 until -e "$folder/say-\$id" || -e "$folder/over";
print "more\\n";
PERL
my $PHP = <<"PHP";
<?php
header('Content-Type: text/event-stream');
while (ob_get_level()) ob_end_flush();
echo "word\n"; flush();
for (;;) { clearstatcache(); if (file_exists("$folder/say-\$_GET[id]") || file_exists("$folder/over")) break; usleep(50000); }
echo "more\n";
PHP
my $fpm = Secsession::Fpm->start_if_there(children => 4);
my $fcgi = $fpm ? 'ProxyPassMatch "^/static/(say\.php)$" "unix:' . $fpm->socket . '|fcgi://localhost@FOLDER@/htdocs/static/$1" flushpackets=on' : '';
my ($postgres, $httpd) = start_servers(
    children => 1, threads => 16, without => ['reqtimeout'],
    modules => [qw(proxy proxy_http proxy_fcgi proxy_wstunnel http2)],
    cgi => { read => $READ, say => $SAY }, files => { 'static/say.php' => $PHP },
    config => <<"CONFIG");
Protocols h2c http/1.1
H2WebSockets On
H2EarlyHints On
ProxyPass "/up/"  "http://127.0.0.1:$port/" upgrade=websocket
ProxyPass "/ws/"  "ws://127.0.0.1:$port/"
ProxyPass "/raw/" "ws://127.0.0.1:$port/"
<LocationMatch "^/(up|ws|raw)/">
    AuthType SecSession
    Require valid-user
</LocationMatch>
<Location "/raw/">
    ProxyWebsocketFallbackToProxyHttp Off
</Location>
$fcgi
CONFIG

# --- what is under way ----------------------------------------------------------------------------

sub got { my ($id) = @_; return -e "$folder/got-$id" ? slurp("$folder/got-$id") : '' }

# Over HTTP/1.1: what comes is in {data}.
sub http1 {
    my ($alice, $id, $request, @fields) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $httpd->port)
        or die "connect: $!";
    syswrite $socket, join "\r\n", "$request HTTP/1.1", 'Host: ' . $alice->authority,
        'Cookie: __Host-secsession=' . $alice->token, @fields, '', '';
    my $self = { data => '', id => $id };
    $self->{take} = sub {
        return 0 unless IO::Select->new($socket)->can_read(0.1);
        return 1 if sysread $socket, $self->{data}, 65536, length $self->{data};
        return $self->{is_over} = 1;
    };
    $self->{send} = sub { local $SIG{PIPE} = 'IGNORE'; syswrite $socket, $_[0] };
    return $self;
}

my @WEBSOCKET = ('Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');
my @BODY = ('Content-Type: application/octet-stream', 'Content-Length: 1000000');

# Over HTTP/2, by curl; what it sends comes from a pipe.
sub http2 {
    my ($alice, $id, $path, @more) = @_;
    my $out = scratch('h2') . "/$id";
    my @command = (qw(curl -sS --no-buffer --http2-prior-knowledge -m 60 -o), $out, '-H',
        'Cookie: __Host-secsession=' . $alice->token, @more, $httpd->url($path));
    my $pid = open my $in, '|-', '/bin/sh', '-c', 'exec "$0" "$@" 2>/dev/null', @command
        or die "curl: $!";
    $in->autoflush;
    my $self = { data => '', id => $id };
    $self->{take} = sub {
        $self->{data} = -e $out ? slurp($out) : '';
        local ($?, $!);
        $self->{is_over} ||= waitpid($pid, 1) != 0;
        return select undef, undef, undef, 0.05;
    };
    $self->{send} = sub { local $SIG{PIPE} = 'IGNORE'; syswrite $in, $_[0] };
    return $self;
}

sub http2_socket {
    my ($alice, $id, $path) = @_;
    my $socket = Secsession::Http2::WebSocket->new($httpd->port, $path,
        [ cookie => '__Host-secsession=' . $alice->token ]);
    my $self = { data => '', id => $id };
    $self->{take} = sub {
        $socket->take if IO::Select->new($socket->{socket})->can_read(0.1);
        ($self->{data}, $self->{is_over}) = ($socket->{data}, $socket->{ended});
        return;
    };
    $self->{send} = sub { $socket->send($_[0]) };
    return $self;
}

my @UPLOAD = (qw(-X POST -T . -H Expect: -H), 'Content-Type: application/octet-stream', '-H',
    'Content-Length: 1000000');
my $php = '/static/say.php?id=';
my %FLOWS = (
    'a stream of a proxied application' => [ say => \&http1, 'GET /up/stream/' ],
    'a stream of a CGI program' => [ say => \&http1, 'GET /app/say/' ],
    'a stream over HTTP/2' => [ say => \&http2, '/up/stream/' ],
    'a stream of a CGI program over HTTP/2' => [ say => \&http2, '/app/say/' ],
    'an interim response' => [ late => \&http1, 'GET /up/hint/' ],
    'an upload to a proxied application' => [ send => \&http1, 'POST /up/read/', @BODY ],
    'the body of a GET' => [ send => \&http1, 'GET /up/read/', @BODY ],
    'an upload to a CGI program' => [ send => \&http1, 'POST /app/read/', @BODY ],
    $fpm ? ('a stream of PHP-FPM' => [ say => \&http1, "GET $php" ]) : (),
    $fpm ? ('a stream of PHP-FPM over HTTP/2' => [ say => \&http2, $php ]) : (),
    'an upload over HTTP/2' => [ send => \&http2, '/up/read/', @UPLOAD ],
    'an upload to a CGI program over HTTP/2' => [ send => \&http2, '/app/read/', @UPLOAD ],
);
for (['mod_proxy_http', '/up/socket/'], ['mod_proxy_wstunnel', '/raw/socket/'],
    ['its fallback', '/ws/socket/']) {
    my ($name, $path) = @$_;
    $FLOWS{"what a WebSocket hears by $name"} = [ say => \&http1, "GET $path", @WEBSOCKET ];
    $FLOWS{"what a WebSocket says by $name"} = [ send => \&http1, "GET $path", @WEBSOCKET ];
    next if $path =~ /raw/;
    $FLOWS{"what a WebSocket over HTTP/2 hears by $name"} = [ say => \&http2_socket, $path ];
    $FLOWS{"what a WebSocket over HTTP/2 says by $name"} = [ send => \&http2_socket, $path ];
}
$FLOWS{"a WebSocket that is opened late by $_->[0]"} = [ late => \&http1, "GET $_->[1]", @WEBSOCKET ]
    for ['mod_proxy_http', '/up/late/'], ['mod_proxy_wstunnel', '/raw/late/'];

# --- before and after -----------------------------------------------------------------------------

sub begin {
    my ($alice, $id, $flow) = @_;
    my ($kind, $make, $path, @more) = @$flow;
    my $under_way = $make->($alice, $id, "$path$id", @more);
    $under_way->{kind} = $kind;
    await { $under_way->{take}->(); $under_way->{data} =~ /\r\n\r\n/ }
        if $path =~ m{^GET .*/socket/};
    $under_way->{send}->('before') if $path =~ /socket/;
    $under_way->{send}->('before' . 'x' x 50_000) if $path =~ /read/;
    return $under_way;
}

sub has_begun {
    my ($flow) = @_;
    $flow->{take}->();
    return 1 if $flow->{is_over};
    return -e "$folder/got-$flow->{id}" if $flow->{kind} eq 'late';
    return $flow->{kind} eq 'say' ? $flow->{data} =~ /word/ : got($flow->{id}) =~ /before/;
}

sub go_on {
    my ($flow) = @_;
    return $flow->{send}->('after') if $flow->{kind} eq 'send';
    return spew("$folder/say-$flow->{id}", '');
}

sub has_passed {
    my ($flow) = @_;
    $flow->{take}->();
    return $flow->{kind} eq 'send' ? got($flow->{id}) =~ /after/ : $flow->{data} =~ /more/;
}

sub is_over {
    my ($flow) = @_;
    $flow->{take}->();
    return $flow->{is_over} || $flow->{data} =~ m{^HTTP/1\.1 401 }m || got($flow->{id}) =~ /END/
        || $httpd->error_log =~ m{SS275: what is under way at \S+/$flow->{id} is cut};
}

# No later than this: the lease, and for a WebSocket a quarter of a second more.
my $LATEST = 1.3;
my $number = 0;
my @names = sort keys %FLOWS;
while (my @some = splice @names, 0, 5) {
    my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
    my (%hers, %his);
    for my $name (@some) {
        $number++;
        $hers{$name} = begin($alice, "a$number", $FLOWS{$name});
        $his{$name} = begin($bob, "b$number", $FLOWS{$name});
    }
    wait_until { has_begun($hers{$_}) && has_begun($his{$_}) } "$_ begins" for @some;
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    my $revoked = time;
    await { time - $revoked > $LATEST };
    go_on($_) for values %hers, values %his;
    for my $name (@some) {
        subtest $name => sub {
            wait_until { has_passed($his{$name}) } 'goes on with another session';
            wait_until { is_over($hers{$name}) } 'ends where the session has ended';
            ok !has_passed($hers{$name}), 'and nothing more has passed';
        };
    }
}

spew("$folder/over", '');
done_testing;
