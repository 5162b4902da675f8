# Random pipelines, and what must come back. Every request names itself, so that every response can
# be recognised.
#
#   my $fuzz = Secsession::Pipeline::Fuzz->new(port => $port, seed => $n, places => {...});
#       places: 'backend' => [ prefixes that lead to the backend through mod_proxy_http ],
#               'tunnel' => [ those of them where it may answer 101 ], 'raw' => [ those of
#               mod_proxy_wstunnel alone ], 'page' => [ paths of programs that answer
#               as the backend does ], 'refused' => [ paths that give 401 or 303 ]
#   $fuzz->run($requests)       until so many have been answered: complaints, each a line
package Secsession::Pipeline::Fuzz;

use strict;
use warnings;

use Secsession::Pipeline;
use Secsession::Pipeline::Backend 'body_of';

my @LENGTHS = (0, 0, 10, 10, 200, 3000, 7999, 8000, 8001, 30_000, 70_000, 250_000);
my @PROTOCOLS = ('x', 'h2c', 'websocket', 'WebSocket', 'foo/2, bar', 'TLS/1.0');
my $serial = 0;

sub new { my ($class, %opt) = @_; return bless {%opt}, $class }

sub one_of { return $_[ rand @_ ] }
sub chance { return rand() < $_[0] }

sub run {
    my ($self, $requests) = @_;
    my @complaints;
    srand $self->{seed};
    for (my $answered = 0; $answered < $requests && @complaints < 5;) {
        my @asked = map { $self->request } 1 .. 1 + int rand 10;
        my $done = eval { $self->ask(@asked) };
        push @complaints, map { "seed $self->{seed}: $_" } $@ =~ s/\s+\z//r . ', in ' . join ' ',
            map { $_->{name} } @asked
            unless defined $done;
        $answered += $done // 1;
    }
    return @complaints;
}

# --- requests ------------------------------------------------------------------------------------

# What may come: `status`; `ends`, the connection may end with this request; `body`, which it has.
sub request {
    my ($self) = @_;
    my %kinds = (backend => 10, page => 5, tunnel => 2, raw => 2, refused => 1, nothing => 1);
    my @kinds = map { ($_) x $kinds{$_} } grep { $_ eq 'nothing' || @{ $self->{places}{$_} // [] } }
        sort keys %kinds;
    my $kind = one_of(@kinds);
    my $asked = { id => "$self->{seed}-" . ++$serial, n => one_of(@LENGTHS), method => 'GET',
        fields => [], kind => $kind };
    $self->$kind($asked);
    $asked->{name} = "$asked->{method}:$asked->{path}:$asked->{n}"
        . ($asked->{upgrade} ? ':upgrade' : '') . ($asked->{in} ? ":in=$asked->{in}" : '') . ($asked->{is_chunked} ? ':chunked' : '');
    return $asked;
}

sub add_upgrade {
    my ($asked, $protocol) = @_;
    push @{ $asked->{fields} }, "Upgrade: $protocol", 'Connection: Upgrade';
    $asked->{upgrade} = $protocol;
    return;
}

sub add_body {
    my ($asked) = @_;
    $asked->{method} = one_of('POST', 'PUT');
    my $in = $asked->{in} = one_of(1, 100, 5000, 20_000, 100_000);
    my $looks = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Id: planted\r\n\r\nevil";
    my $bytes = substr $looks x ($in / length($looks) + 1), 0, $in;
    if (chance(0.4)) {
        push @{ $asked->{fields} }, 'Transfer-Encoding: chunked';
        $asked->{is_chunked} = 1;
        $asked->{sent} = join('', map { sprintf "%x\r\n%s\r\n", length, $_ } unpack '(a3000)*', $bytes)
            . "0\r\n\r\n";
    }
    else {
        push @{ $asked->{fields} }, "Content-Length: $in";
        $asked->{sent} = $bytes;
    }
    push @{ $asked->{fields} }, 'Expect: 100-continue' if chance(0.2);
    return;
}

sub decorate {
    my ($asked) = @_;
    if (chance(0.3)) { add_body($asked) }
    elsif (chance(0.1)) { $asked->{method} = 'HEAD' }
    add_upgrade($asked, one_of(@PROTOCOLS)) if chance(0.5);
    if (chance(0.03)) {
        push @{ $asked->{fields} }, 'Connection: close';
        $asked->{ends} = 1;
    }
    return;
}

sub backend {
    my ($self, $asked) = @_;
    my $what = one_of(('ok') x 8, ('chunked') x 4, 'early', 'close', 'none', 'broken', 'error',
        'refuse');
    decorate($asked);
    $asked->{path} = one_of(@{ $self->{places}{backend} }) . $what;
    $asked->{status} = { error => 500, refuse => 403, none => 502 }->{$what} // 200;
    $asked->{ends} ||= $what =~ /^(?:none|broken|error|refuse)$/;
    # A backend that closes while it is sent a body loses what it has sent, or a part of it.
    $asked->{is_cut} = $what eq 'broken' || ($what eq 'refuse' && $asked->{in});
    $asked->{may_fail} = $what =~ /^(?:none|refuse)$/;
    return;
}

sub page {
    my ($self, $asked) = @_;
    decorate($asked);
    $asked->{path} = one_of(@{ $self->{places}{page} });
    $asked->{status} = 200;
    $asked->{or_status} = 400 if $asked->{is_chunked};    # CGI has no length for it
    return;
}

sub tunnel {
    my ($self, $asked) = @_;
    $asked->{path} = one_of(@{ $self->{places}{tunnel} }) . 'ws';
    add_upgrade($asked, 'websocket');
    $asked->{status} = 101;
    return;
}

sub raw {
    my ($self, $asked) = @_;
    my $what = one_of('ws', 'ws', 'ok', 'refuse', 'none');
    $asked->{path} = one_of(@{ $self->{places}{raw} }) . $what;
    add_upgrade($asked, 'websocket');
    $asked->{status} = { ws => 101, ok => 200, refuse => 403, none => 502 }->{$what};
    $asked->{ends} = 1;
    $asked->{may_fail} = $what eq 'none';
    return;
}

sub refused {
    my ($self, $asked) = @_;
    decorate($asked);
    $asked->{path} = one_of(@{ $self->{places}{refused} });
    $asked->{status} = 401;
    return;
}

sub nothing {
    my ($self, $asked) = @_;
    decorate($asked);
    $asked->{path} = '/nothing';
    $asked->{status} = 404;
    $asked->{or_status} = 405;
    return;
}

sub bytes_of {
    my ($asked) = @_;
    my $in = $asked->{in} ? "&in=$asked->{in}" : '';
    return join "\r\n", "$asked->{method} $asked->{path}?id=$asked->{id}&n=$asked->{n}$in HTTP/1.1",
        'Host: localhost', @{ $asked->{fields} }, '', $asked->{sent} // '';
}

# --- responses -----------------------------------------------------------------------------------

sub ask {
    my ($self, @asked) = @_;
    my $line = Secsession::Pipeline->new(port => $self->{port}, timeout => 30);
    my $bytes = join '', map { bytes_of($_) } @asked;
    if (chance(0.3)) { $line->send($_) for unpack '(a' . (1 + int rand 2000) . ')*', $bytes }
    else { $line->send($bytes) }
    for my $i (0 .. $#asked) {
        my $response = eval { $line->next($asked[$i]{method}) };
        die "$asked[$i]{name}: $@" if $@;
        my $goes_on = check($asked[$i], $response, $i < $#asked, $line);
        return $i + 1 unless $goes_on;
    }
    return scalar @asked;
}

# Whether the connection goes on after this response; dies if it is not what must come.
sub check {
    my ($asked, $response, $is_more, $line) = @_;
    my ($name, $ends) = @$asked{qw(name ends)};
    if (!$response) {
        my $may_close = $asked->{may_fail} || ($asked->{kind} eq 'raw' && $is_more)
            || $asked->{follows};
        die "$name is not answered\n" unless $may_close;
        return 0;
    }
    my $status = $response->{status};
    return 0 if $asked->{may_fail} && $status =~ /^50[23]$/;
    die "$name is answered $response->{head}" unless grep { $_ == $status } $asked->{status},
        $asked->{or_status} // ();
    die "$name has the words of an application\n" if $response->{head} =~ /mallory|evil/;
    return check_tunnel($asked, $line, $is_more) if $status == 101;
    check_body($asked, $response) if $status =~ /^(?:200|400|403|500)$/ && $asked->{kind} ne 'refused';
    return 0 if $response->{head} =~ /^Connection: close\r$/mi || !$response->{is_whole};
    return 1;
}

sub check_body {
    my ($asked, $response) = @_;
    my ($id) = $response->{head} =~ /^X-Id: (\S*)\r$/mi;
    die "$asked->{name} gets the response to " . ($id // 'nothing') . "\n"
        unless ($id // '') eq $asked->{id};
    return if $asked->{method} eq 'HEAD';
    my $body = body_of($asked->{id}, $asked->{n});
    my $is_right = $asked->{is_cut} ? $response->{body} eq substr $body, 0, length $response->{body}
        : $response->{is_whole} && $response->{body} eq $body;
    die "$asked->{name} has another body\n" unless $is_right;
    return;
}

sub check_tunnel {
    my ($asked, $line, $is_more) = @_;
    return 0 if $is_more;    # whatever follows has been read by the backend, as data
    for my $word ('one', 'two') {
        $line->send("$word $asked->{id}\n");
        $line->until(qr/\n/) eq "echo $word $asked->{id}\n" or die "$asked->{name}: another echo\n";
    }
    return 0;
}

1;
