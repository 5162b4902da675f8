# WebSockets over HTTP/2 (H2WebSockets On) are as over HTTP/1.1: what the application says when it
# opens one is cleaned, and it ends with its session.
use lib 't/lib';
use Secsession::Test;
use Secsession::Http2::WebSocket;
use Secsession::Process qw(await free_port scratch spawn spew);

# /spaces: a 101 with a blank before a colon. /long: one with a head of 100,000 bytes. /plain: no 101.
my $BACKEND = <<'PERL';
use strict; use warnings; use IO::Socket::INET; use Digest::SHA 'sha1_base64';
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 50, ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
my $raw = '{' x 40;
while (my $c = $server->accept) {
    next if fork;
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread($c, $head, 4096, length $head) or exit }
    my ($path) = $head =~ m{^\S+ (\S+)};
    my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)/mi or exit;
    if ($path =~ /plain/) { syswrite $c, "HTTP/1.1 403 No\r\nContent-Length: 2\r\nSet-Cookie: __Host-secsession=planted$raw\r\nX-Ok: ok$raw\r\n\r\nno"; exit }
    my $accept = sha1_base64("${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11") . '=';
    my $cookie = $path =~ /spaces/ ? 'Set-Cookie ' : 'Set-Cookie';
    my $more = $path =~ /long/ ? "X-More: @{[ 'y' x 900 ]}\r\n" x 110 : '';
    syswrite $c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Accept: $accept\r\nX-Ok: ok$raw\r\n${more}"
        . "$cookie: __Host-secsession=planted$raw\r\n"
        . "Set-Cookie: PHPSESSID=vaulted$raw; path=/\r\nSecSession-Login: mallory$raw\r\n\r\n"
        . ($path =~ /spaces|long/ ? "hello\n" : '');
    while (sysread $c, my $data, 4096) { syswrite $c, "echo $data" }
    exit;
}
PERL
my $port = free_port();
my $folder = scratch('backend');
spawn(command => [ $^X, spew("$folder/backend.pl", $BACKEND, 0644), $port ], log => "$folder/log");
await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
    or die 'the backend does not start';

my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => [qw(proxy proxy_http proxy_wstunnel http2)],
    config => <<"CONFIG");
Protocols h2c http/1.1
H2WebSockets On
ProxyPass "/ws/" "ws://127.0.0.1:$port/ws/"
ProxyPass "/up/" "http://127.0.0.1:$port/up/" upgrade=websocket
<LocationMatch "^/(ws|up)/">
    AuthType SecSession
    Require valid-user
    SecSessionVault PHPSESSID
</LocationMatch>
<Location "/up/free/">
    Require all granted
</Location>
CONFIG

my $NOT_THEIRS = qr/planted|vaulted|mallory/;

sub tunnel {
    my ($client, $path, @fields) = @_;
    my $cookie = '__Host-secsession=' . ($client->token // '');
    return Secsession::Http2::WebSocket->new($httpd->port, $path, [ cookie => $cookie ], @fields);
}

sub echo {
    my ($socket, $text) = @_;
    $socket->send("$text\n");
    return eval { $socket->until(qr/\n/) } // $@;
}

for my $path ('/ws/socket', '/up/socket') {
    subtest "a WebSocket at $path" => sub {
        my $alice = browser($httpd, 'alice');
        my $socket = tunnel($alice, $path);
        my $head = $socket->head;
        like $head, qr/ok\{{40}/, 'is opened, with the fields of the application';
        unlike $head, $NOT_THEIRS, 'but those that nobody but us may send, and its vaulted cookie';
        is echo($socket, 'one'), "echo one\n", 'it works';
        is echo($socket, 'two'), "echo two\n", 'both ways';
        my $other = tunnel(browser($httpd, 'bob'), $path);
        is echo($other, 'one'), "echo one\n", 'as does that of somebody else';
        $postgres->psql("select secsession.revoke_user('alice', 'test')");
        my $last = '';
        await { ($last = echo($socket, 'three')) !~ /^echo/ };
        unlike $last, qr/echo/, 'when its session is revoked it is closed';
        is echo($other, 'four'), "echo four\n", 'and nobody else\'s';
        like $httpd->error_log, qr/SS(?:275: what is under way|225: a WebSocket) at \Q$path\E is/,
            'the log says so';
        unlike tunnel($httpd->client, $path)->head, qr/ok\{/, 'who has no session opens none';
        unlike tunnel(browser($httpd, 'bob'), $path, [ origin => 'https://evil.example' ])->head,
            qr/ok\{/, 'nor does another site for somebody who has';
    };
}

subtest 'a WebSocket that needs no session' => sub {
    my $socket = tunnel($httpd->client, '/up/free/socket');
    like $socket->head, qr/ok\{{40}/, 'is opened';
    unlike $socket->head, qr/planted|mallory/, 'without what nobody but us may send';
    is echo($socket, 'one'), "echo one\n", 'and it works';
};

subtest 'an answer that is not 101' => sub {
    my $socket = tunnel($httpd->client, '/up/free/plain');
    unlike $socket->head, $NOT_THEIRS, 'is cleaned';
    isnt $socket->head, '', 'and comes';
};

for my $what ('spaces', 'long') {
    subtest "a head that cannot be read: $what" => sub {
        my $socket = tunnel($httpd->client, "/up/free/$what");
        unlike eval { $socket->head } // $@, qr/ok\{|planted/, 'is not passed on';
        unlike eval { $socket->until(qr/hello\n/) } // $@, qr/hello/, 'nor what follows';
        ok $socket->{ended}, 'the stream ends';
    };
}

done_testing;
