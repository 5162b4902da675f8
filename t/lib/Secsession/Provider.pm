# An OpenID provider for tests and benchmarks: everybody who asks is alice, at once. Authorization
# code flow, ID tokens signed with the client's secret (HS256).
#
#   my $port = Secsession::Provider::start;       on 127.0.0.1, until the test ends
#   Secsession::Provider::config($port)           mod_auth_openidc's directives for the callback
#                                                 /in/callback; the
#                                                 port of httpd and the cache are the caller's
#   Secsession::Provider::log_in($client, $port, $path)   as a browser does: from the page to the
#                                                         provider, and back
#                                                 with a code; the response to that
#   serve($port)                                  for start()
package Secsession::Provider;

use strict;
use warnings;

use Digest::SHA 'hmac_sha256';
use File::Basename 'dirname';
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 'encode_base64url';
use Secsession::Client;
use Secsession::Process qw(scratch spawn await free_port slurp);

my $LIB = dirname(dirname(__FILE__));
my %nonce_of;    # by code

sub start {
    my $port = free_port();
    my $log = scratch('provider') . '/log';
    spawn(
        command => [
            $^X, "-I$LIB", '-MSecsession::Provider', '-e', 'Secsession::Provider::serve(@ARGV)',
            $port
        ],
        log => $log
    );
    my $client = Secsession::Client->new(port => $port, timeout => 5);
    await {
        eval { $client->get('/')->status }
    } or die 'the OpenID provider does not start: ' . slurp($log);
    return $port;
}

sub config {
    my ($port) = @_;
    return <<"CONFIG";
OIDCProviderMetadataURL http://localhost:$port/.well-known/openid-configuration
OIDCClientID test
OIDCClientSecret @{[ 'only-for-tests' x 3 ]}
OIDCCryptoPassphrase only-for-tests
OIDCRedirectURI http://localhost:\@PORT\@/in/callback
CONFIG
}

sub log_in {
    my ($client, $port, $path) = @_;
    my $away = $client->get($path, headers => [ [ Accept => 'text/html' ] ])->header('Location')
        // '';
    my ($question) = $away =~ m{^http://localhost:\d+(/authorize\?.*)}
        or die "no way to the provider: '$away'\n";
    my $back = Secsession::Client->new(port => $port)->get($question)->header('Location') // '';
    my ($answer) = $back =~ m{^http://localhost:\d+(/in/callback\?.*)}
        or die "no way back: '$back'\n";
    return $client->get($answer);
}

sub decode { return $_[0] =~ s/\+/ /gr =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger }
sub pair {
    my ($name, $value) = split /=/, $_[0], 2;
    return (decode($name) => decode($value // ''));
}
sub fields_of {
    return map { pair($_) } split /&/, $_[0];
}

sub json { return JSON::PP->new->canonical->encode($_[0]) }

sub id_token {
    my ($issuer, $field) = @_;
    my %claims = (
        iss => $issuer, sub => 'alice', aud => $field->{client_id}, iat => time, exp => time + 600,
        nonce => delete $nonce_of{ $field->{code} }
    );
    my $signed = join '.', map { encode_base64url(json($_)) } { alg => 'HS256', typ => 'JWT' },
        \%claims;
    return "$signed." . encode_base64url(hmac_sha256($signed, $field->{client_secret}));
}

sub authorize {
    my (%field) = @_;
    my $code = 'code' . keys(%nonce_of);
    $nonce_of{$code} = $field{nonce};
    my $separator = $field{redirect_uri} =~ /\?/ ? '&' : '?';
    return ('302 Found',
        "Location: $field{redirect_uri}${separator}code=$code&state=$field{state}\r\n", '');
}

sub token {
    my ($issuer, %field) = @_;
    return ('400 Bad Request', '', '') unless defined $nonce_of{ $field{code} // '' };
    my %answer = (
        access_token => 'none', token_type => 'Bearer', expires_in => 600,
        id_token => id_token($issuer, \%field)
    );
    return ('200 OK', "Content-Type: application/json\r\nCache-Control: no-store\r\n",
        json(\%answer));
}

sub description {
    my ($issuer) = @_;
    return (
        '200 OK',
        "Content-Type: application/json\r\n",
        json(
            {
                issuer => $issuer, authorization_endpoint => "$issuer/authorize",
                token_endpoint => "$issuer/token",
                jwks_uri => "$issuer/keys", response_types_supported => ['code'],
                subject_types_supported => ['public'],
                id_token_signing_alg_values_supported => ['HS256'],
                token_endpoint_auth_methods_supported => ['client_secret_post'],
            }
        )
    );
}

sub answer {
    my ($issuer, $method, $target, $body) = @_;
    return description($issuer) if $target eq '/.well-known/openid-configuration';
    return ('200 OK', "Content-Type: application/json\r\n", json({ keys => [] }))
        if $target eq '/keys';
    return authorize(fields_of($1)) if $target =~ m{^/authorize\?(.*)};
    return token($issuer, fields_of($body)) if $method eq 'POST' && $target eq '/token';
    return ('404 Not Found', '', '');
}

sub read_request {
    my ($client) = @_;
    my ($method, $target) = split ' ', scalar(<$client>) // return;
    my $length = 0;
    while (defined(my $line = <$client>)) {
        last if $line =~ /^\r?\n/;
        $length = $1 if $line =~ /^Content-Length:\s*(\d+)/i;
    }
    read $client, my $body, $length if $length;
    return ($method, $target, $body // '');
}

sub serve {
    my ($port) = @_;
    my $server =
        IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1', LocalPort => $port,
        ReuseAddr => 1)
        or die "port $port: $!\n";
    while (my $client = $server->accept) {
        my @request = read_request($client) or next;
        my ($status, $headers, $body) = answer("http://localhost:$port", @request);
        my $length = length $body;
        print {$client}
            "HTTP/1.1 $status\r\n${headers}Content-Length: $length\r\nConnection: "
                . "close\r\n\r\n$body";
        close $client;
    }
    return;
}

1;
