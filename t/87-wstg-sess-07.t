# WSTG-SESS-07, session timeout: the server enforces it by the database's clock, whatever the
# client does.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2);
sub status { return $_[0]->get($_[1] // '/static/page.html')->status }
sub age {
    my ($client, $columns, $minutes) = @_;
    my $id = id_of($client);
    # In two steps: the server may be about to write down a later use, and has done so when it has
    # heard of the first.
    for my $ago ('1 ms', "$minutes min") {
        my $set = join ', ', map { "$_ = $_ - interval '$ago'" } split ' ', $columns;
        $postgres->psql("update secsession.session set $set where session_id = :'id'",
            vars => { id => $id });
        has_heard($postgres);
    }
    return $client;
}

subtest 'without a request' => sub {
    is status(age(browser($httpd, 'alice'), 'last_seen_at', $_)), 200, "$_ minutes: in"
        for 1, 15, 29;
    for my $minutes (31, 60, 600) {
        my $alice = age(browser($httpd, 'alice'), 'last_seen_at', $minutes);
        my $copy = $alice->clone;
        is status($alice), 401, "$minutes minutes: out";
        is status($copy), 401, 'for good';
    }
};

subtest 'with requests all the time' => sub {
    my $alice = browser($httpd, 'alice');
    for (1 .. 16) {
        age($alice, 'authenticated_at expires_at last_seen_at', 29);
        is status($alice), 200, "after $_ times 29 minutes the user is in";
    }
    age($alice, 'authenticated_at expires_at last_seen_at', 29);
    is status($alice), 401, 'but not after more than eight hours';
};

subtest 'the client has no say' => sub {
    my $alice = age(browser($httpd, 'alice'), 'last_seen_at', 31);
    my $cookie = '__Host-secsession=' . $alice->token;
    for my $more ('; Max-Age=99999', '; Expires=Wed, 01 Jan 2098 00:00:00 GMT', '; last_seen=now') {
        is $httpd->get('/static/page.html', headers => [ [ Cookie => $cookie . $more ] ])->status,
            401, "a cookie with '$more'";
    }
    my $bob = age(browser($httpd, 'bob'), 'last_seen_at', 31);
    is status($bob, '/login'), 200, 'the login page is shown';
    is status($bob), 401, 'and revives nothing';
};

done_testing;
