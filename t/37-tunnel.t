# What a proxied application sends outside of its final response: trailers, the 101 of a WebSocket,
# and the data of the WebSocket, which is closed when the session ends. Interim responses are in
# t/37-interim.t.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await free_port scratch spawn spew);
use IO::Select;
use IO::Socket::INET;

my $BACKEND = <<'PERL';
use strict; use warnings; use IO::Socket::INET;
my ($port) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 50, ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
my $WORDS = "SecSession-Login: mallory\r\nsecsession-logout: 1\r\nSet-Cookie: __Host-secsession=evil\r\nSet-Cookie: PHPSESSID=secret; path=/\r\nX-Ok: yes\r\n";
while (my $c = $server->accept) {
    next if fork;
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread($c, $head, 4096, length $head) or exit }
    my ($path) = $head =~ m{^\S+ (\S+)};
    if ($path =~ /ws$/ && $head =~ /^Upgrade:/mi) {
        syswrite $c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${WORDS}\r\nhello\n";
        while (sysread $c, my $data, 4096) { syswrite $c, "echo $data" }
        exit;
    }
    syswrite $c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n${WORDS}\r\n" if $path =~ /early/;
    if ($path =~ /trailers/) {
        syswrite $c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Ok\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n${WORDS}\r\n";
    } else {
        syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
    }
    exit;
}
PERL
my $port = free_port();
my $program = spew(scratch('backend') . '/backend.pl', $BACKEND, 0644);
spawn(command => [ $^X, $program, $port ], log => scratch('backend') . '/log');
await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
    or die 'the backend does not start';

my ($postgres, $httpd) =
    start_servers(children => 2, database => { log_statements => 1 }, threads => 8,
    modules => [qw(proxy proxy_http proxy_wstunnel http2)], config => <<"CONFIG");
Protocols h2c http/1.1
ProxyPass "/raw/" "ws://127.0.0.1:$port/"
ProxyPass "/up/"  "http://127.0.0.1:$port/" upgrade=websocket
<LocationMatch "^/(raw|up)/">
    AuthType SecSession
    Require valid-user
    SecSessionVault PHPSESSID
</LocationMatch>
<Location "/up/free/">
    Require all granted
</Location>
CONFIG

sub open_tunnel {
    my ($client, $path, @fields) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $httpd->port)
        or die "connect: $!";
    my $cookie =
        defined $client->token ? 'Cookie: __Host-secsession=' . $client->token . "\r\n" : '';
    syswrite $socket,
        "GET $path HTTP/1.1\r\nHost: @{[ $client->authority ]}\r\n${cookie}Upgrade: "
            . "websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        . join('', map { "$_\r\n" } @fields) . "\r\n";
    return $socket;
}

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
sub echo { my ($socket, $text) = @_; syswrite $socket, "$text\n"; return receive($socket, qr/\n/) }

for my $path ('/up/ws', '/raw/ws') {
    subtest "a WebSocket at $path" => sub {
        my $alice = browser($httpd, 'alice');
        my $socket = open_tunnel($alice, $path);
        my $head = receive($socket, qr/hello\n/);
        like $head, qr{^HTTP/1\.1 101 }, 'is opened';
        like $head, qr/^X-Ok: yes\r$/mi, 'with the fields of the application';
        unlike $head, qr/secsession|PHPSESSID|evil|secret/i,
            'but those that nobody but us may send, and its vaulted cookie';
        is echo($socket, 'one'), "echo one\n", 'and works';
        is echo($socket, 'two'), "echo two\n", 'both ways';
        my $other = open_tunnel(browser($httpd, 'bob'), $path);
        receive($other, qr/hello\n/);
        $postgres->psql("select secsession.revoke_user('alice', 'test')");
        my $last = '';
        await {
            $last = eval { local $SIG{PIPE} = 'IGNORE'; echo($socket, 'three') } // '(closed)';
            $last =~ /closed/
        };
        like $last, qr/\(closed\)/, 'when its session is revoked it is closed';
        is echo($other, 'four'), "echo four\n", 'and nobody else\'s';
        like $httpd->error_log, qr/SS(?:275: what is under way|225: a WebSocket) at \Q$path\E is/,
            'the log says so';
        like receive(open_tunnel($httpd->client, $path), qr/\r\n\r\n/), qr{^HTTP/1\.1 401 },
            'who has no session opens none';
        like receive(open_tunnel(browser($httpd, 'bob'), $path, 'Origin: https://evil.example'),
            qr/\r\n\r\n/), qr{^HTTP/1\.1 403 },
            'nor does another site for somebody who has';
    };
}

subtest 'a WebSocket whose session gets another token' => sub {
    my $alice = browser($httpd, 'alice');
    my $socket = open_tunnel($alice, '/up/ws');
    receive($socket, qr/hello\n/);
    my $old = $alice->token;
    $postgres->psql(
        "update secsession.session set rotated_at = rotated_at - interval '1 hour' where user_name "
            . "= 'alice' and ended_at is null"
    );
    has_heard($postgres);
    $alice->get('/static/page.html') for 1, 2;
    isnt $alice->token, $old, 'the browser has another token';
    $postgres->psql(
        "update secsession.other_token set retired_at = retired_at - interval '1 hour',
            grace_until = grace_until - interval '1 hour'
        where retired_at is not null"
    );
    my $checks = sub { $postgres->statements('httpd_web', qr/current_token/) };
    my $before = $checks->();
    wait_until { echo($socket, 'on'); $checks->() > $before } 'is looked up';
    is echo($socket, 'five'), "echo five\n", 'and goes on';
    is $alice->get('/static/page.html')->status, 200,
        'as does the session: nobody took it for theft';
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    my $last = '';
    await {
        $last = eval { local $SIG{PIPE} = 'IGNORE'; echo($socket, 'six') } // '(closed)';
        $last =~ /closed/
    };
    like $last, qr/\(closed\)/, 'until it is revoked';
};

subtest 'a WebSocket that was opened before a login' => sub {
    my $alice = browser($httpd, 'alice');
    $postgres->psql(
        "update secsession.session set authenticated_at = authenticated_at - interval '1 min' "
            . "where user_name = 'alice' and ended_at is null"
    );
    has_heard($postgres);
    my $socket = open_tunnel($alice, '/up/ws');
    receive($socket, qr/hello\n/);
    is $alice->login('alice', password_of('alice'))->status, 303, 'whose user logs in again';
    my $last = '';
    await {
        $last = eval { local $SIG{PIPE} = 'IGNORE'; echo($socket, 'seven') } // '(closed)';
        $last =~ /closed/
    };
    like $last, qr/\(closed\)/, 'is closed, whoever has opened it';
};

subtest 'a WebSocket that needs no session' => sub {
    my $socket = open_tunnel($httpd->client, '/up/free/ws');
    like receive($socket, qr/hello\n/), qr{^HTTP/1\.1 101 }, 'is opened';
    is echo($socket, 'one'), "echo one\n", 'and works';
};

subtest 'interim responses where another protocol was asked for' => sub {
    my $alice = browser($httpd, 'alice');
    my $asked = receive(open_tunnel($alice, '/up/early'), qr/body/);
    like $asked, qr{HTTP/1\.1 200 }, 'the response comes';
    unlike $asked, qr/mallory|evil|PHPSESSID/, 'without words of the application';
    is environment_of($alice->get('/app/show'))->{REMOTE_USER}, 'alice', 'alice is alice';
};

subtest 'trailers' => sub {
    my $alice = browser($httpd, 'alice');
    unlike $alice->get('/up/trailers')->raw, qr/mallory|evil|PHPSESSID/, 'over HTTP/1.1';
    my $cookie = '__Host-secsession=' . $alice->token;
    my $url = 'http://localhost:' . $httpd->port . '/up/trailers';
    my $raw = qx{curl -s -i --http2-prior-knowledge -H 'Cookie: $cookie' $url};
    like $raw, qr/body/, 'over HTTP/2 the response comes';
    unlike $raw, qr/mallory|evil|PHPSESSID/, 'without words in its trailers';
};

done_testing;
