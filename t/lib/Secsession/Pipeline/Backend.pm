# A backend for pipelines: HTTP/1.1 with keep-alive, in one process, which answers each request as
# its path says. Its bodies can be recognised.
#
#   my $port = Secsession::Pipeline::Backend->start;
#   body_of($id, $length)      the body of a response to a request with the query "id=$id&n=$length"
#
#   /ok       200 with Content-Length                /chunked  the same in chunks, with a trailer
#   /early    103, 103, then as /ok                  /close    as /ok, and closes
#   /none     closes without an answer               /broken   closes in the middle of the body
#   /error    500                                    /refuse   403 without reading the body; closes
#   /ws       101 if it is asked to upgrade, then answers each line with "echo LINE"; else as /ok
#   /ok and similar answer a POST when they have read its body, and only if it is as long as its
#   query says ("&in=BYTES"); else with 400. Expect gets its 100.
package Secsession::Pipeline::Backend;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use Secsession::Process qw(await free_port scratch spawn);

our @EXPORT_OK = qw(body_of);

sub body_of {
    my ($id, $length) = @_;
    my $fill = "<$id>" x ($length / (2 + length $id) + 1);
    return "begin $id\n" . substr($fill, 0, $length) . "\nend $id\n";
}

sub start {
    my ($class) = @_;
    my $port = free_port();
    spawn(command => [ $^X, '-It/lib', "-M$class", '-e', "${class}::serve(\@ARGV)", $port ],
        log => scratch('backend') . '/log');
    await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
        or die "the backend does not start\n";
    return $port;
}

my (%in, %out, %ends, %is_tunnel);
my ($readers, $writers);

sub serve {
    my ($port) = @_;
    my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
        Listen => 200, ReuseAddr => 1) or die "listen: $!";
    $SIG{PIPE} = 'IGNORE';
    ($readers, $writers) = (IO::Select->new($server), IO::Select->new);
    while (1) {
        my ($readable, $writable) = IO::Select->select($readers, $writers, undef, 10);
        for my $socket (@{ $readable // [] }) {
            if ($socket == $server) { welcome($server->accept) }
            else { listen_to($socket) }
        }
        write_to($_) for grep { defined fileno $_ } @{ $writable // [] };
    }
}

sub welcome {
    my ($socket) = @_;
    $socket->blocking(0);
    $readers->add($socket);
    $in{$socket} = $out{$socket} = '';
    return;
}

sub forget {
    my ($socket) = @_;
    $readers->remove($socket);
    $writers->remove($socket);
    delete @$_{$socket} for \(%in, %out, %ends, %is_tunnel);
    close $socket;
    return;
}

sub listen_to {
    my ($socket) = @_;
    if (!sysread $socket, $in{$socket}, 65536, length $in{$socket}) {
        return forget($socket);
    }
    1 while !$ends{$socket} && ($is_tunnel{$socket} ? echo($socket) : answer($socket));
    $writers->add($socket) if length $out{$socket} || $ends{$socket};
    return;
}

sub write_to {
    my ($socket) = @_;
    if (length $out{$socket}) {
        my $sent = syswrite $socket, $out{$socket} or return forget($socket);
        substr $out{$socket}, 0, $sent, '';
    }
    return if length $out{$socket};
    return forget($socket) if $ends{$socket};
    $writers->remove($socket);
    return;
}

sub echo {
    my ($socket) = @_;
    $in{$socket} =~ s/\A(.*?)\n//s or return 0;
    $out{$socket} .= "echo $1\n";
    return 1;
}

# How many bytes of the body are there after the head; undef if some are missing.
sub read_body {
    my ($data, $head) = @_;
    if ($head =~ /^Transfer-Encoding: chunked\r$/mi) {
        my $rest = substr $$data, length $head;
        my $body = 0;
        while ($rest =~ s/\A([0-9a-f]+)[^\r\n]*\r\n//i) {
            my $size = hex $1;
            if ($size == 0) {
                $rest =~ s/\A(?:[^\r\n]+\r\n)*\r\n// or return;
                return ($body, length($$data) - length $rest);
            }
            return if length $rest < $size + 2;
            substr $rest, 0, $size + 2, '';
            $body += $size;
        }
        return;
    }
    my $length = $head =~ /^Content-Length: (\d+)\r$/mi ? $1 : 0;
    return if length $$data < length($head) + $length;
    return ($length, length($head) + $length);
}

sub answer {
    my ($socket) = @_;
    my ($head) = $in{$socket} =~ /\A(.*?\r\n\r\n)/s or return 0;
    my ($method, $what, $query) = $head =~ m{\A(\S+) \S*?/(\w+)(?:\?(\S*))? } or return forget($socket);
    my %is = map { split /=/, $_, 2 } split /&/, $query // '';
    if ($what eq 'none') { $ends{$socket} = 1; return 0 }
    if ($what eq 'refuse') { return respond($socket, $method, 403, \%is, 'close') }
    if ($head =~ /^Expect: 100-continue\r$/mi && length $in{$socket} == length $head) {
        $in{$socket} =~ s/^Expect:.*?\r\n//mi;
        $out{$socket} .= "HTTP/1.1 100 Continue\r\n\r\n";
        return 0;
    }
    my ($got, $length) = read_body(\$in{$socket}, $head) or return 0;
    return 0 unless defined $got;
    substr $in{$socket}, 0, $length, '';
    if ($what eq 'ws' && $head =~ /^Upgrade: (\S+)/mi) {
        $out{$socket} .= "HTTP/1.1 101 Switching Protocols\r\nUpgrade: $1\r\nConnection: Upgrade\r\n"
            . "SecSession-Login: mallory\r\nSet-Cookie: __Host-secsession=evil\r\nX-Ok: yes\r\n\r\n";
        return $is_tunnel{$socket} = 1;
    }
    $out{$socket} .= "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" x 2 if $what eq 'early';
    my $status = $what eq 'error' ? 500 : $got == ($is{in} // 0) ? 200 : 400;
    return respond($socket, $method, $status, \%is, $what);
}

sub respond {
    my ($socket, $method, $status, $is, $how) = @_;
    my $body = body_of($is->{id} // '', $is->{n} // 0);
    my $head = "HTTP/1.1 $status Said So\r\nX-Id: @{[ $is->{id} // '' ]}\r\n";
    if ($how eq 'chunked') {
        my @chunks = unpack '(a7001)*', $body;
        $head .= "Transfer-Encoding: chunked\r\n";
        $body = join('', map { sprintf "%x\r\n%s\r\n", length, $_ } @chunks) . "0\r\nX-T: 1\r\n\r\n";
    }
    else { $head .= 'Content-Length: ' . length($body) . "\r\n" }
    $body = substr $body, 0, length($body) / 2 if $how eq 'broken';
    $ends{$socket} = 1 if $how =~ /^(?:close|broken)$/;
    $head .= "Connection: close\r\n" if $ends{$socket};
    $out{$socket} .= "$head\r\n" . ($method eq 'HEAD' ? '' : $body);
    return !$ends{$socket};
}

1;
