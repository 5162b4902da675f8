# WSTG-SESS-02, cookie attributes: every Set-Cookie field of ours, on every kind of response;
# ASVS 5.0 3.3.1 3.3.2 3.3.3 3.3.4 3.3.5.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2);
my $RIGHT = qr/\A__Host-secsession=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax\z/;
my $DELETED = '__Host-secsession=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0';
sub ours { return grep { /secsession/ } $_[0]->all_headers('Set-Cookie') }

subtest 'where a token is given' => sub {
    my $alice = $httpd->client;
    my @login = ours($alice->login('alice', password_of('alice')));
    is scalar(@login), 1, 'the login gives one cookie';
    like $login[0], $RIGHT,
        'with prefix, Path, Secure, HttpOnly and SameSite, without Domain, Expires and Max-Age';
    cmp_ok length $login[0], '<', 128, 'and short';
    for my $way ('/static/page.html', '/missing', '/app/headers?Status:+302%0ALocation:+/x%0A',
        '/app/headers?Status:+304%0A', '/app/headers?Status:+500%0A')
    {
        $alice->get('/static/page.html');
        $postgres->psql(
            "update secsession.session set rotated_at = rotated_at - interval '1 hour'");
        has_heard($postgres);
        my @next = ours($alice->get($way));
        is scalar(@next), 1, "$way: the next token comes once";
        like $next[0], $RIGHT, 'in the same way';
    }
};

subtest 'where it is taken away' => sub {
    my $planted = $httpd->client->set_token('x');
    for my $way ('/static/page.html', '/pub/page.html', '/missing') {
        is_deeply [ ours($planted->clone->get($way)) ], [$DELETED],
            "$way: a browser forgets a token that is none";
    }
    is_deeply [ ours($planted->clone->request('HEAD', '/static/page.html')) ], [$DELETED],
        'also after HEAD';
    my $alice = browser($httpd, 'alice');
    is_deeply [ ours($alice->logout) ], [$DELETED], 'and at the logout';
};

subtest 'where there is nothing to say' => sub {
    my $alice = browser($httpd, 'alice');
    is_deeply [ map { ours($alice->get($_)) } '/static/page.html', '/pub/page.html', '/missing',
        '/app/show' ], [], 'no cookie is set';
    is_deeply [ map { ours($httpd->get($_)) } '/static/page.html', '/pub/page.html', '/login',
        '/logout' ], [], 'nor to strangers';
};

done_testing;
