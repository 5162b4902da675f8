# WSTG-SESS-05, cross-site request forgery: what another site makes a browser send; t/60-browser.t
# does this with a real browser.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2);
my %attacker = (
    'a form of another site' => [
        [ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Mode' => 'navigate' ],
        [ Origin => 'https://evil.example' ]
    ],
    'a form of a sibling' =>
        [ [ 'Sec-Fetch-Site' => 'same-site' ], [ Origin => 'https://evil.localhost' ] ],
    'a sandboxed frame' => [ [ 'Sec-Fetch-Site' => 'cross-site' ], [ Origin => 'null' ] ],
    'an old browser, which says only the origin' => [ [ Origin => 'https://evil.example' ] ],
    'a script' => [ [ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Mode' => 'no-cors' ] ],
);
for my $who (sort keys %attacker) {
    subtest $who => sub {
        my $alice = browser($httpd, 'alice');
        for my $method (qw(POST PUT PATCH DELETE)) {
            is $alice->request($method, '/app/show', headers => $attacker{$who}, body => 'x=1')
                ->status, 403, "$method is refused";
        }
        my $response = $httpd->client->post(
            '/login', 'username=bob&password=' . password_of('bob') =~ s/ /+/r,
            headers =>
                [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ], @{ $attacker{$who} } ]
        );
        is $response->status, 403, 'logs nobody in as somebody else';
        is $alice->post('/logout', '', headers => $attacker{$who})->status, 403, 'logs nobody out';
        is $alice->get('/app/show')->status, 200, 'nothing has happened';
    };
}

subtest 'our own pages' => sub {
    my $alice = browser($httpd, 'alice');
    is $alice->post('/app/show', 'x=1',
        headers => [ [ 'Sec-Fetch-Site' => 'same-origin' ], [ Origin => $alice->origin ] ])->status,
        200, 'can post';
    is $alice->post('/app/show', 'x=1')->status, 200,
        'as can programs, which say nothing of the kind';
    my ($cookie) = $httpd->client->login('alice', password_of('alice'))->all_headers('Set-Cookie');
    like $cookie, qr/SameSite=Lax/, 'SameSite is said, so that no browser is lax for two minutes';
};

done_testing;
