# A raw HTTP/1.1 client with a cookie jar for one host: it sends what it is told, byte for byte.
#
#   my $client = Secsession::Client->new(port => $port);    also: host, timeout (60 s), cookie_name
#   $client->get($path, %opt), $client->post($path, $body, %opt), $client->request($method, $path,
#       %opt)
#       headers => [ [Name => value], ... ]  sent as given, after Host, Cookie and Connection
#       body => text                         with Content-Length, unless the headers say how long it
#                                            is
#       host => 'name:port'                  another Host field; undef sends none
#       jar => 0                             neither sends nor keeps cookies
#       keep_alive => 1                      reuses one connection (else each request has its own)
#       timeout => seconds
#   $client->post_form($path, { name => value, ... }, %opt)   as a page of the same origin would
#   $client->start_request(...)->finish      sends now, reads later: any number of requests at once
#   $client->raw($bytes)                     sends bytes, and reads one response
#   $client->login($user, $password, %opt)   also: path (/login), return, and everything above
#   $client->logout(%opt)                    POST to path (/logout)
#   $client->token, set_token($token), jar (name => value), clear (the jar), clone, origin,
#       disconnect
#
# A response: status, reason, version, header($name) (the first), all_headers($name), headers
# ([name, value] in order), body, raw (head and body as received), cookie($name) (the last
# Set-Cookie of that name).
package Secsession::Client;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes 'time';

sub new {
    my ($class, %opt) = @_;
    return bless {
        host => 'localhost', address => '127.0.0.1', timeout => 60,
        cookie_name => '__Host-secsession', jar => {}, %opt,
    }, $class;
}

sub authority { return "$_[0]{host}:$_[0]{port}" }
sub origin { return 'http://' . $_[0]->authority }
sub clear { $_[0]{jar} = {}; return $_[0] }
sub disconnect { delete $_[0]{socket}; return $_[0] }

# Another browser with the same cookies.
sub clone {
    my ($self) = @_;
    my %jar = map { $_ => { %{ $self->{jar}{$_} } } } keys %{ $self->{jar} };
    return (ref $self)->new(%$self, jar => \%jar, socket => undef);
}

# --- requests ------------------------------------------------------------------------------------

sub get { my ($self, $path, %opt) = @_; return $self->request('GET', $path, %opt) }
sub post {
    my ($self, $path, $body, %opt) = @_;
    return $self->request('POST', $path, %opt, body => $body);
}

sub request {
    my ($self, $method, $path, %opt) = @_;
    my $reused = $opt{keep_alive} && $self->{socket};
    my $response = eval { $self->start_request($method, $path, %opt)->finish };
    return $response if $response;
    die $@ unless $reused && $@ =~ /closed before/;
    return $self->start_request($method, $path, %opt)->finish;    # the server had just closed it
}

sub raw {
    my ($self, $bytes, %opt) = @_;
    my $method = $bytes =~ /^(\S+) / ? $1 : 'GET';
    return $self->send_bytes($bytes, $method, %opt)->finish;
}

sub start_request {
    my ($self, $method, $path, %opt) = @_;
    my @lines = ("$method $path HTTP/1.1");
    my $host = exists $opt{host} ? $opt{host} : $self->authority;
    push @lines, "Host: $host" if defined $host;
    my $cookies = $self->cookies_for($path);
    push @lines, "Cookie: $cookies" if $cookies ne '' && ($opt{jar} // 1);
    push @lines, 'Connection: close' unless $opt{keep_alive};
    my @headers = @{ $opt{headers} // [] };
    push @lines, map { "$_->[0]: $_->[1]" } @headers;
    if (defined $opt{body} && !grep { $_->[0] =~ /^(?:content-length|transfer-encoding)$/i }
        @headers)
    {
        push @lines, 'Content-Length: ' . length $opt{body};
    }
    return $self->send_bytes(join("\r\n", @lines, '', '') . ($opt{body} // ''), $method, %opt);
}

sub send_bytes {
    my ($self, $bytes, $method, %opt) = @_;
    my $socket = $opt{keep_alive} ? delete $self->{socket} : undef;
    $socket //= $self->connect_to;
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $bytes) {
        my $n = syswrite $socket, $bytes, length($bytes) - $sent, $sent;
        last unless $n;    # the server may answer before it has read everything
        $sent += $n;
    }
    return Secsession::Client::Exchange->new(
        client => $self, socket => $socket, method => $method, keep => $opt{keep_alive},
        timeout => $opt{timeout} // $self->{timeout}, use_jar => $opt{jar} // 1,
    );
}

sub connect_to {
    my ($self) = @_;
    return IO::Socket::INET->new(
        PeerAddr => $self->{address}, PeerPort => $self->{port}, Proto => 'tcp',
        Timeout => $self->{timeout}
    ) // die "cannot connect to $self->{address}:$self->{port}: $!\n";
}

# --- forms ---------------------------------------------------------------------------------------

sub encode {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    return $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}

sub post_form {
    my ($self, $path, $fields, %opt) = @_;
    my $body = join '&', map { encode($_) . '=' . encode($fields->{$_}) } sort keys %$fields;
    my @headers = (
        [ 'Content-Type' => 'application/x-www-form-urlencoded' ], [ Origin => $self->origin ],
        [ 'Sec-Fetch-Site' => 'same-origin' ], [ Accept => 'text/html,*/*;q=0.8' ],
    );
    my %given = map { lc $_->[0] => 1 } @{ $opt{headers} // [] };
    my @all = ((grep { !$given{ lc $_->[0] } } @headers), @{ $opt{headers} // [] });
    return $self->post($path, $body, %opt, headers => \@all);
}

sub login {
    my ($self, $user, $password, %opt) = @_;
    my %fields = (username => $user, password => $password);
    $fields{return} = delete $opt{return} if defined $opt{return};
    return $self->post_form(delete $opt{path} // '/login', \%fields, %opt);
}

sub logout {
    my ($self, %opt) = @_;
    return $self->post_form(delete $opt{path} // '/logout', {}, %opt);
}

# --- cookies -------------------------------------------------------------------------------------

sub jar {
    my ($self) = @_;
    return { map { $_ => $self->{jar}{$_}{value} } keys %{ $self->{jar} } };
}

sub token { return $_[0]->jar->{ $_[0]{cookie_name} } }

sub set_token {
    my ($self, $token) = @_;
    $self->{jar}{ $self->{cookie_name} } = { value => $token, path => '/' };
    return $self;
}

sub cookies_for {
    my ($self, $path) = @_;
    my $jar = $self->{jar};
    $path =~ s/\?.*//s;
    my @names = grep {
        my $prefix = $jar->{$_}{path} =~ s{/$}{}r;
        $path =~ m{^\Q$prefix\E(?:/|$)};
    } sort keys %$jar;
    return join '; ', map { "$_=$jar->{$_}{value}" } @names;
}

sub keep_cookies {
    my ($self, @set) = @_;
    for my $line (@set) {
        my ($pair, @attributes) = split /\s*;\s*/, $line;
        my ($name, $value) = split /=/, $pair // next, 2;
        my %attribute =
            map { my ($key, $text) = split /=/, $_, 2; (lc $key => $text // '') } @attributes;
        my $age = $attribute{'max-age'};
        my $gone = defined $age ? $age <= 0 : ($attribute{expires} // '') =~ /\b1970\b/;
        if ($gone) {
            delete $self->{jar}{$name};
        }
        else {
            $self->{jar}{$name} = { value => $value, path => $attribute{path} || '/' };
        }
    }
    return;
}

# --- one request under way -----------------------------------------------------------------------

package Secsession::Client::Exchange;

use Time::HiRes 'time';

sub new { my ($class, %self) = @_; return bless { %self, buffer => '' }, $class }

# True as soon as the server has said anything, or hung up.
sub is_answered { return $_[0]{buffer} ne '' || !!IO::Select->new($_[0]{socket})->can_read(0) }

# Hangs up without reading the answer.
sub abandon { close delete $_[0]{socket}; return }

sub finish {
    my ($self) = @_;
    $self->{deadline} = time + $self->{timeout};
    my $head;
    do {
        $self->more || $self->fail('closed before the end of the head')
            until $self->{buffer} =~ /\r?\n\r?\n/;
        $self->{buffer} =~ s/\A(.*?\r?\n\r?\n)//s;
        $head = $1;
    } while $head =~ m{\AHTTP/1\.\d 1\d\d };
    my $response = Secsession::Client::Response->parse($head);
    $response->{body} = $self->read_body($response);
    $response->{raw} = $head . ($self->{chunks} // $response->{body});
    $self->{client}->keep_cookies($response->all_headers('Set-Cookie')) if $self->{use_jar};
    if (   $self->{keep}
        && !$self->{to_the_end}
        && lc($response->header('Connection') // '') ne 'close')
    {
        $self->{client}{socket} = $self->{socket};
    }
    return $response;
}

sub more {
    my ($self) = @_;
    my $left = $self->{deadline} - time;
    IO::Select->new($self->{socket})->can_read($left > 0 ? $left : 0)
        or $self->fail("no answer within $self->{timeout} s");
    my $n = sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
    return $n;
}

sub fail { my ($self, $why) = @_; die "$why; received so far: '$self->{buffer}'\n" }

sub take {
    my ($self, $n) = @_;
    $self->more || $self->fail('closed before the end of the body')
        while length $self->{buffer} < $n;
    return substr $self->{buffer}, 0, $n, '';
}

sub read_body {
    my ($self, $response) = @_;
    return '' if $self->{method} eq 'HEAD' || $response->status =~ /^(?:204|304)$/;
    return $self->read_chunks if lc($response->header('Transfer-Encoding') // '') eq 'chunked';
    return $self->take($response->header('Content-Length'))
        if defined $response->header('Content-Length');
    $self->{to_the_end} = 1;
    1 while $self->more;
    return $self->{buffer};
}

sub read_chunks {
    my ($self) = @_;
    my $body = '';
    $self->{chunks} = '';
    while (1) {
        $self->more || $self->fail('closed inside a chunk')
            until $self->{buffer} =~ /\A([0-9a-fA-F]+)[^\n]*\n/;
        my $size = hex $1;
        $self->{chunks} .= $self->take($+[0]);
        last if $size == 0;
        my $chunk = $self->take($size + 2);
        $self->{chunks} .= $chunk;
        $body .= substr $chunk, 0, $size;
    }
    $self->more || $self->fail('closed before the end of the trailer')
        until $self->{buffer} =~ /\A(?:[^\r\n]+\r\n)*\r\n/;
    $self->{chunks} .= $self->take($+[0]);
    return $body;
}

# --- one response --------------------------------------------------------------------------------

package Secsession::Client::Response;

sub parse {
    my ($class, $head) = @_;
    my ($first, @lines) = split /\r?\n/, $head;
    my ($version, $status, $reason) = $first =~ m{\A(HTTP/1\.\d) (\d{3})(?: (.*))?\z}
        or die "not a status line: '$first'\n";
    my @headers = map { [/\A([^:]*):[ \t]*(.*?)[ \t]*\z/] } @lines;
    return
        bless { version => $version, status => $status, reason => $reason // '',
        headers => \@headers }, $class;
}

sub status { return $_[0]{status} }
sub reason { return $_[0]{reason} }
sub version { return $_[0]{version} }
sub headers { return $_[0]{headers} }
sub body { return $_[0]{body} }
sub raw { return $_[0]{raw} }
sub header { return ($_[0]->all_headers($_[1]))[0] }

sub all_headers {
    my ($self, $name) = @_;
    return map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $self->{headers} };
}

sub cookie {
    my ($self, $name) = @_;
    return (grep { /\A\Q$name\E=/ } $self->all_headers('Set-Cookie'))[-1];
}

1;
