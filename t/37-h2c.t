# A client that asks for HTTP/2 with its first request (curl --http2 without TLS) is the same user
# before and after the change of protocol, and its token is seen by nobody on the way.
# mpm: event worker

use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(
    modules => ['http2'], threads => 8, children => 2, config => <<'CONFIG');
Protocols h2c http/1.1
SecSessionVault PHPSESSID
LogFormat "cookie %{Cookie}i of %r" cookies
CustomLog "@FOLDER@/logs/cookies.log" cookies
CONFIG

sub curl {
    my ($path, @more) = @_;
    my $url = 'http://localhost:' . $httpd->port . $path;
    return qx{curl -s -i -m 20 @more $url 2>&1};
}

my $alice = browser($httpd, 'alice');
my $token = $alice->token;
my $cookie = "-H 'Cookie: a=1; __Host-secsession=$token; PHPSESSID=planted; b=2'";
for my $path ('/app/show', '/pub/show', '/static/page.html') {
    my $got = curl($path, '--http2', $cookie);
    like $got, qr{^HTTP/1\.1 101 .*^HTTP/2 200}ms, "$path: the protocol changes, and the user is known";
    unlike $got, qr/\Q$token\E|planted/, 'the application sees neither the token nor what is planted';
    like $got, qr/^REMOTE_USER=alice$/m, 'but the user' if $path eq '/app/show';
    like $got, qr/^HTTP_COOKIE=a=1; b=2\r?$/m, 'and its own cookies' if $path =~ /show/;
}
like curl('/app/show', '--http2'), qr{^HTTP/1\.1 401}m, 'who has no session is refused';
like curl('/app/show', '--http1.1', $cookie), qr{^HTTP/1\.1 200}m, 'without a change of protocol';
like curl('/app/show', '--http1.1', $cookie, "-H 'Connection: Upgrade' -H 'Upgrade: other'"),
    qr{^REMOTE_USER=alice}m, 'and where the server does not know the protocol';
my $logged = do { local (@ARGV, $/) = $httpd->folder . '/logs/cookies.log'; <> };
like $logged, qr/cookie .* of GET/, 'requests are logged';
unlike $logged, qr/\Q$token\E/, 'and the token is in no log';
$alice->logout;
like curl('/app/show', '--http2', $cookie), qr{^HTTP/1\.1 401}m, 'after a logout it is nobody';

done_testing;
