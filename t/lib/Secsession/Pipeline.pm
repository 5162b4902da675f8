# One connection on which any number of requests are sent before a response is read. Responses are
# read as a strict client would: what is not the next response, whole, is an error.
#
#   my $line = Secsession::Pipeline->new(port => $port);      also: timeout (10 s), socket => another
#   $line->send($bytes)       as far as the other side reads
#   $line->next($method)      the next response, without the interim ones before it: { status, head,
#                             body, is_whole, interim => [heads] }; undef if the other side has
#                             closed instead. Of a 101 there is no body
#   $line->until($pattern)    what comes until it matches; dies if it does not
#   $line->is_closed          whether the other side closes, without sending anything more
#   $line->socket, close
package Secsession::Pipeline;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes 'time';

sub new {
    my ($class, %opt) = @_;
    my $socket = $opt{socket} // IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $opt{port}, Timeout => 10)
        // die "cannot connect: $!\n";
    return bless { timeout => 10, %opt, socket => $socket, data => '', ended => 0 }, $class;
}

sub socket { return $_[0]{socket} }
sub close { CORE::close $_[0]{socket}; return }

# Reads while it writes: neither side may wait for the other.
sub send {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $select = IO::Select->new($self->{socket});
    while (length $bytes) {
        my ($readable, $writable) =
            IO::Select->select($self->{ended} ? undef : $select, $select, undef, $self->{timeout});
        die "it does not read\n" unless $readable;
        $self->take if @$readable;
        next unless @$writable;
        my $sent = syswrite $self->{socket}, $bytes, 16384 or last;
        substr $bytes, 0, $sent, '';
    }
    return;
}

sub can_be_read { return scalar IO::Select->new($_[0]{socket})->can_read($_[1]) }

sub take {
    my ($self) = @_;
    return 0 if $self->{ended};
    $self->can_be_read($self->{timeout}) or die "nothing comes\n";
    return 1 if sysread $self->{socket}, $self->{data}, 65536, length $self->{data};
    $self->{ended} = 1;
    return 0;
}

sub until {
    my ($self, $pattern) = @_;
    while (1) {
        return $1 if $self->{data} =~ s/\A(.*?$pattern)//s;
        $self->take or die "it is closed\n";
    }
}

sub is_closed { my ($self) = @_; return !length $self->{data} && !$self->take }

# --- responses -----------------------------------------------------------------------------------

sub bytes {
    my ($self, $length) = @_;
    while (length $self->{data} < $length) { $self->take or last }
    return substr $self->{data}, 0, $length, '';
}

sub head {
    my ($self) = @_;
    my $end;
    until (($end = index $self->{data}, "\r\n\r\n") >= 0) {
        $self->take and next;
        return undef unless length $self->{data};
        die 'a head that does not end: ' . substr($self->{data}, 0, 200) . "\n";
    }
    my $head = substr $self->{data}, 0, $end + 4, '';
    $head =~ /\AHTTP\/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n(?:[^\s:]+:[^\r\n]*\r\n)*\r\n\z/
        or die 'this is no head: ' . substr($head, 0, 200) . "\n";
    return ($head, $1);
}

sub next {
    my ($self, $method) = @_;
    my @interim;
    while (1) {
        my ($head, $status) = $self->head or return undef;
        return undef unless defined $head;
        if ($status < 200 && $status != 101) { push @interim, $head; next }
        my ($body, $is_whole) = $self->body($method, $head, $status);
        return { status => $status, head => $head, interim => \@interim, body => $body,
            is_whole => $is_whole };
    }
}

sub body {
    my ($self, $method, $head, $status) = @_;
    return ('', 1) if $method eq 'HEAD' || $status == 101 || $status == 204 || $status == 304;
    return $self->chunks if $head =~ /^Transfer-Encoding: chunked\r$/mi;
    if ($head =~ /^Content-Length: (\d+)\r$/mi) {
        my $body = $self->bytes($1);
        return ($body, length $body == $1);
    }
    1 while $self->take;
    return ($self->bytes(length $self->{data}), 1);
}

sub line {
    my ($self) = @_;
    until ($self->{data} =~ /\r\n/) { $self->take or return undef }
    $self->{data} =~ s/\A(.*?)\r\n//s;
    return $1;
}

sub chunks {
    my ($self) = @_;
    my $body = '';
    while (1) {
        my $size = $self->line // return ($body, 0);
        $size =~ /\A[0-9a-f]+\s*\z/i or die "this is no chunk: $size\n";
        last if hex $size == 0;
        my $chunk = $self->bytes(hex $size);
        $body .= $chunk;
        return ($body, 0) unless length $chunk == hex $size && ($self->line // 'x') eq '';
    }
    while (1) {
        my $trailer = $self->line // return ($body, 0);
        return ($body, 1) if $trailer eq '';
    }
}

1;
