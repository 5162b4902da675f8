# Another site cannot log a browser in, as one of its own users for example: a login form that comes
# from another origin, or from one that the browser does not name, is refused.
# mpm: all

use lib 't/lib';
use Secsession::Test;

my $NAME = '__Host-secsession';
my $TYPE = [ 'Content-Type' => 'application/x-www-form-urlencoded' ];
my $GOOD = 'username=alice&password=correct+horse';

my ($postgres, $httpd) =
    start_servers(login => "SecSessionGuard On capacitor://localhost https://partner.example\n");
my $own = $httpd->client->origin;
my $port = $httpd->port;

sub ours { return grep { /\A\Q$NAME\E\s*=/ } $_[0]->all_headers('Set-Cookie') }
sub who { return environment_of($_[0]->get('/app/show'))->{REMOTE_USER} }
sub rows { return join ' ', map { $postgres->count($_) } qw(session event) }

subtest 'another site cannot log a browser in' => sub {
    my @cases = (
        [ 303, 'an old browser' ], [ 303, 'our page', [ 'Sec-Fetch-Site' => 'same-origin' ] ],
        [ 303, 'typed', [ 'Sec-Fetch-Site' => 'none' ] ], [ 303, 'our origin', [ Origin => $own ] ],
        [ 303, 'both', [ Origin => $own ], [ 'Sec-Fetch-Site' => 'same-origin' ] ],
        [ 303, 'our page, which does not name its origin', [ Origin => 'null' ],
            [ 'Sec-Fetch-Site' => 'same-origin' ] ],
        [ 303, 'our page, where a proxy has replaced the host', [ Origin => 'http://public.example' ],
            [ 'Sec-Fetch-Site' => 'same-origin' ] ],
        [ 303, 'TLS ends before us', [ Origin => "https://localhost:$port" ] ],
        [ 303, 'in capitals', [ Origin => "HTTP://LOCALHOST:$port" ] ],
        [ 303, 'Referer alone is not looked at', [ Referer => 'http://evil.example/' ] ],
        [ 303, 'an application that SecSessionGuard names', [ Origin => 'capacitor://localhost' ] ],
        [ 303, 'a site that it names', [ Origin => 'https://partner.example' ],
            [ 'Sec-Fetch-Site' => 'cross-site' ] ],
        [ 403, 'another site', [ 'Sec-Fetch-Site' => 'cross-site' ] ],
        [ 403, 'a neighbour', [ 'Sec-Fetch-Site' => 'same-site' ] ],
        [ 403, 'another site, capitals', [ 'Sec-Fetch-Site' => 'Cross-Site' ] ],
        [ 403, 'empty', [ 'Sec-Fetch-Site' => '' ] ],
        [ 403, 'two of them', [ 'Sec-Fetch-Site' => 'same-origin' ],
            [ 'Sec-Fetch-Site' => 'cross-site' ] ],
        [ 403, 'another origin', [ Origin => 'http://evil.example' ] ],
        [ 403, 'no origin to be named', [ Origin => 'null' ] ],
        [ 403, 'an empty one', [ Origin => '' ] ],
        [ 403, 'another port', [ Origin => 'http://localhost:1' ] ],
        [ 403, 'no port', [ Origin => 'http://localhost' ] ],
        [ 403, 'another scheme', [ Origin => "ftp://localhost:$port" ] ],
        [ 403, 'an extension', [ Origin => "chrome-extension://localhost:$port" ] ],
        [ 403, 'a longer host', [ Origin => "$own.evil.example" ] ],
        [ 403, 'a user', [ Origin => "http://x\@localhost:$port" ] ],
        [ 403, 'a path', [ Origin => "$own/" ] ],
        [ 403, 'no scheme', [ Origin => "localhost:$port" ] ],
        [ 403, 'a subdomain', [ Origin => "http://x.localhost:$port" ] ],
        [ 403, 'two origins', [ Origin => $own ], [ Origin => 'http://evil.example' ] ],
        [ 403, 'two in one', [ Origin => "$own http://evil.example" ] ],
        [ 403, 'our origin, another site', [ Origin => $own ],
            [ 'Sec-Fetch-Site' => 'cross-site' ] ],
        [ 403, 'another site, which does not name its origin', [ Origin => 'null' ],
            [ 'Sec-Fetch-Site' => 'cross-site' ] ],
        [ 403, 'our address', [ Origin => "http://127.0.0.1:$port" ] ],
        [ 403, 'markup', [ Origin => '<script>1</script>://localhost' ] ],
    );
    for my $case (@cases) {
        my ($status, $name, @headers) = @$case;
        my $bob = browser($httpd, 'bob');
        my $before = rows();
        my $response = $bob->post('/login', $GOOD, headers => [ $TYPE, @headers ]);
        is_deeply [ $response->status, scalar ours($response), who($bob) ],
            $status == 303 ? [ 303, 1, 'alice' ] : [ 403, 0, 'bob' ], "$name: $status";
        is rows(), $before, "$name: nothing is noted" if $status == 403;
        unlike $response->body, qr/evil|script>1/, "$name: nothing of it comes back";
    }
};

subtest 'the origin is compared with the host that the request names' => sub {
    is $httpd->client->post('/login', $GOOD, host => 'localhost:80',
        headers => [ $TYPE, [ Origin => 'http://localhost' ] ])->status, 303,
        'the port of http goes without saying';
    is $httpd->client->post('/login', $GOOD, host => 'localhost',
        headers => [ $TYPE, [ Origin => 'https://localhost:443' ] ])->status, 303,
        'and that of https';
    my @lines = ('POST /login HTTP/1.0', join(': ', @$TYPE), 'Content-Length: ' . length $GOOD);
    my $old = sub { join "\r\n", @lines, @_, '', $GOOD };
    is $httpd->client->raw($old->())->status, 303, 'HTTP/1.0 without Host';
    is $httpd->client->raw($old->("Origin: $own"))->status, 403,
        'an origin that nothing can be compared with';
    like $httpd->error_log, qr/SS209/, 'the log says what to look for';
};

done_testing;
