# One HTTP/2 request on a connection of its own (RFC 9113), byte for byte, for what curl cannot send.
#
#   my $body = Secsession::Http2::ask($port, $path, %opt);   what is in the DATA frames of the response
#       method => 'POST', fields => [ [ name => value ], ... ], body => $text
#       trailers => [ [ name => value ], ... ]     behind the body
package Secsession::Http2;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;

my ($DATA, $HEADERS, $SETTINGS) = (0, 1, 4);
my ($END_STREAM, $END_HEADERS) = (1, 4);

sub ask {
    my ($port, $path, %opt) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
        or die "connect: $!";
    my @pseudo = ([ ':method' => $opt{method} // 'POST' ], [ ':scheme' => 'http' ],
        [ ':path' => $path ], [ ':authority' => "localhost:$port" ]);
    syswrite $socket, join '', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame($SETTINGS, 0, 0, ''),
        frame($HEADERS, $END_HEADERS, 1, fields(@pseudo, @{ $opt{fields} // [] })),
        frame($DATA, 0, 1, $opt{body} // ''),
        frame($HEADERS, $END_STREAM | $END_HEADERS, 1, fields(@{ $opt{trailers} // [] }));
    return body_of($socket);
}

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return pack('NCN', length($payload) << 8 | $type, $flags, $stream) . $payload;
}

# Literal fields that are not indexed, without Huffman's code (RFC 7541, 6.2.2).
sub fields { return join '', map { "\0" . string($_->[0]) . string($_->[1]) } @_ }

sub string {
    my ($text) = @_;
    my $length = length $text;
    return chr($length) . $text if $length < 127;
    my $rest = $length - 127;
    my $bytes = chr 127;
    while ($rest >= 128) {
        $bytes .= chr($rest % 128 + 128);
        $rest = int $rest / 128;
    }
    return $bytes . chr($rest) . $text;
}

sub body_of {
    my ($socket) = @_;
    my ($buffer, $body) = ('', '');
    while (1) {
        IO::Select->new($socket)->can_read(10) or die "no answer within 10 s\n";
        sysread $socket, $buffer, 65536, length $buffer or die "closed\n";
        while (length $buffer >= 9) {
            my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $buffer;
            my $length = $high << 16 | $low;
            last if length $buffer < 9 + $length;
            my $payload = substr substr($buffer, 0, 9 + $length, ''), 9;
            next if $stream != 1;
            die "reset\n" if $type == 3;
            $body .= $payload if $type == $DATA;
            return $body if $flags & $END_STREAM && $type <= $HEADERS;
        }
    }
}

1;
