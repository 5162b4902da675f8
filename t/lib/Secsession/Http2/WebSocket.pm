# A WebSocket over HTTP/2 (RFC 8441), on a connection of its own, byte for byte.
#
#   my $socket = Secsession::Http2::WebSocket->new($port, $path, [ name => value ], ...);
#   $socket->head          the payload of the HEADERS frame that answers: fields whose text Huffman's
#                          code would make longer can be read in it; '' if the stream is reset
#   $socket->send($data)
#   $socket->until($pattern)   the data up to its first match; dies if the stream ends before
package Secsession::Http2::WebSocket;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Secsession::Http2;

my ($DATA, $HEADERS, $RESET, $SETTINGS, $PING, $GOAWAY) = (0, 1, 3, 4, 6, 7);
my ($ACK, $END_STREAM, $END_HEADERS) = (1, 1, 4);

sub new {
    my ($class, $port, $path, @fields) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or die "connect: $!";
    my $self = bless { socket => $socket, buffer => '', data => '', ended => 0 }, $class;
    my @all = ([ ':method' => 'CONNECT' ], [ ':protocol' => 'websocket' ], [ ':scheme' => 'http' ],
        [ ':path' => $path ], [ ':authority' => "localhost:$port" ],
        [ 'sec-websocket-version' => '13' ], @fields);
    $self->put("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        . Secsession::Http2::frame($SETTINGS, 0, 0, ''));
    # The server says that it knows the protocol before it may be asked for.
    $self->take until $self->{is_greeted} || $self->{ended};
    $self->put(Secsession::Http2::frame($HEADERS, $END_HEADERS, 1,
        Secsession::Http2::fields(@all)));
    return $self;
}

sub put {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $self->{socket}, $bytes;
    return;
}

sub send { my ($self, $data) = @_; return $self->put(Secsession::Http2::frame($DATA, 0, 1, $data)) }

sub head {
    my ($self) = @_;
    $self->take until defined $self->{head} || $self->{ended};
    return $self->{head} // '';
}

sub until {
    my ($self, $pattern) = @_;
    while (1) {
        return $1 if $self->{data} =~ s/\A(.*?$pattern)//s;
        die "it has ended\n" if $self->{ended};
        $self->take;
    }
}

sub take {
    my ($self) = @_;
    IO::Select->new($self->{socket})->can_read(10) or die "nothing comes\n";
    return $self->{ended} = 1
        unless sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
    while (length $self->{buffer} >= 9) {
        my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $self->{buffer};
        my $length = $high << 16 | $low;
        last if length $self->{buffer} < 9 + $length;
        $self->frame($type, $flags, $stream,
            substr substr($self->{buffer}, 0, 9 + $length, ''), 9);
    }
    return;
}

sub frame {
    my ($self, $type, $flags, $stream, $payload) = @_;
    if ($type == $SETTINGS && !($flags & $ACK)) {
        $self->{is_greeted} = 1;
        $self->put(Secsession::Http2::frame($SETTINGS, $ACK, 0, ''));
    }
    $self->put(Secsession::Http2::frame($PING, $ACK, 0, $payload))
        if $type == $PING && !($flags & $ACK);
    $self->{head} //= $payload if $type == $HEADERS && $stream == 1;
    $self->{data} .= $payload if $type == $DATA && $stream == 1;
    $self->{ended} = 1
        if $type == $GOAWAY || ($stream == 1 && ($type == $RESET
            || ($type <= $HEADERS && $flags & $END_STREAM)));
    return;
}

1;
