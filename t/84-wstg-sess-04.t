# WSTG-SESS-04, exposed session variables: the token is in the cookie and nowhere else, and no
# response that needs it is stored by caches.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2);
my @HTML = ([ Accept => 'text/html' ]);

subtest 'in what is sent' => sub {
    my $alice = browser($httpd, 'alice');
    my $token = $alice->token;
    my @responses = map { $alice->clone->get($_, headers => \@HTML) } '/static/page.html',
        '/app/show', '/login', '/logout', '/missing', '/pub/page.html',
        '/pub/show', '/app/headers?Status:+500%0A';
    push @responses, $alice->clone->request('TRACE', '/pub/page.html'),
        $alice->clone->request('PUT', '/static/page.html', body => '');
    is_deeply [ map { index($_->raw, $token) >= 0 ? $_->raw : () } @responses ], [],
        'no response repeats it, and no program sees it';
    unlike environment_of($alice->get('/app/show'))->{HTTP_COOKIE} // '', qr/secsession/,
        'no program gets it';
    my $login = $httpd->get('/static/page.html?a=1', headers => \@HTML);
    unlike $login->header('Location'), qr/secsession|[\w-]{43}/, 'no redirect has it in its URL';
};

subtest 'in what is asked' => sub {
    my $token = browser($httpd, 'alice')->token;
    for my $url ("/static/page.html?__Host-secsession=$token",
        "/static/page.html;__Host-secsession=$token", "/static/page.html?sid=$token&token=$token")
    {
        is $httpd->get($url)->status, 401, 'in a URL it is nothing';
    }
    is $httpd->client->post_form('/app/show', { '__Host-secsession' => $token })->status, 401,
        'nor in a form';
    is $httpd->get('/app/show', headers => [ [ Authorization => "Bearer $token" ] ])->status, 401,
        'nor in Authorization';
};

subtest 'what is stored on the way' => sub {
    my $alice = browser($httpd, 'alice');
    is $alice->get($_)->header('Cache-Control'), 'no-store', "$_: for nobody to store"
        for '/static/page.html', '/app/show';
    is $httpd->client->login('alice', password_of('alice'))->header('Cache-Control'), 'no-store',
        'the login, too';
};

subtest 'GET for POST' => sub {
    my $client = $httpd->client;
    is $client->get('/login?username=alice&password=' . password_of('alice') =~ s/ /+/r)->status,
        200, 'a login by GET shows the form';
    is $client->token, undef, 'and logs nobody in';
    unlike $client->get('/login?username=alice')->body, qr/value="alice"/,
        'what is in its URL is not shown';
};

done_testing;
