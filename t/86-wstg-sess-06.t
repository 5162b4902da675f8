# WSTG-SESS-06, logout: it is available, and it ends the session on the server, for everybody who
# has the token, and no other session.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 4, threads => 4, config => <<'CONFIG');
<Location "/sessions">
    SetHandler secsession-sessions
    AuthType SecSession
    Require valid-user
</Location>
CONFIG
sub status { return $_[0]->clone->get('/static/page.html')->status }

subtest 'the user interface' => sub {
    my $alice = browser($httpd, 'alice');
    my $page = $alice->get('/logout');
    like $page->body, qr/<form method="post">.*Log out/s, 'a link leads to a page with a button';
    my $response = $alice->logout;
    is $response->status, 303, 'which logs out';
    is $alice->token, undef, 'the browser forgets the cookie';
    is $response->header('Clear-Site-Data'), '"cache", "storage"', 'and what it has stored';
};

subtest 'on the server' => sub {
    my $alice = browser($httpd, 'alice');
    my ($copy, $open) = ($alice->clone, $alice->clone);
    is $open->get('/static/page.html', keep_alive => 1)->status, 200, 'a connection is open';
    $alice->logout;
    is_deeply [ map { status($copy) } 1 .. 24 ], [ (401) x 24 ],
        'a copy of the cookie is refused by every process';
    is $open->get('/static/page.html', keep_alive => 1)->status, 401, 'and on the open connection';
    is $copy->logout->status, 303, 'a second logout does no harm';
};

subtest 'other sessions' => sub {
    my ($desk, $phone) = map { browser($httpd, 'alice') } 1, 2;
    $desk->logout;
    is status($phone), 200, 'of the same user go on';
    my $third = browser($httpd, 'alice');
    is $phone->post_form('/sessions', { end => 'others' })->status, 303,
        'unless they are ended, too';
    has_heard($postgres);
    is_deeply [ map { status($_) } $phone, $third ], [ 200, 401 ], 'from one of them';
};

subtest 'the way back' => sub {
    my $alice = browser($httpd, 'alice');
    is $alice->get('/static/page.html')->header('Cache-Control'), 'no-store',
        'what was seen is not in the cache of the browser';
};

done_testing;
