# The module under the worker MPM. This is shorter than the tests under the other MPMs, since
# worker does not differ from event in anything that concerns sessions.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) =
    start_servers(mpm => 'worker', children => 2, threads => 8, config => "DBDMax 3\n");
my @navigation = (headers => [ [ Accept => 'text/html' ] ]);
my $alice = browser($httpd, 'alice');
is environment_of($alice->get('/app/show'))->{REMOTE_USER}, 'alice',
    'alice logs in and is known to applications';
is $httpd->get('/app/show', @navigation)->status, 303, 'who has no session is sent to log in';

subtest 'many at once' => sub {
    my @users = map { browser($httpd, $_) } qw(alice bob) x 6;
    for my $round (1 .. 5) {
        my @running = map { $_->start_request('GET', '/app/show') } @users;
        my @seen = map { environment_of($_->finish)->{REMOTE_USER} // 'nobody' } @running;
        is_deeply \@seen, [ qw(alice bob) x 6 ], "round $round: each is who he is";
    }
};

subtest 'slow requests, and a revocation meanwhile' => sub {
    my $bob = browser($httpd, 'bob');
    my @running = map { $bob->start_request('GET', "/app/slow?s$_") } 1 .. 8;
    ok $httpd->slow_started("s$_"), 'a slow request' for 1 .. 8;
    is $alice->get('/static/page.html')->status, 200, 'others are served';
    cmp_ok $postgres->value("select secsession.revoke_user('bob', 'test')"), '>=', 1,
        'bob is revoked';
    has_heard($postgres);
    is $bob->clone->get('/static/page.html')->status, 401, 'and out';
    $httpd->let_go("s$_") for 1 .. 8;
    is scalar(grep { $_->finish->status == 401 } @running), 8, 'the slow requests are refused';
    is $bob->clone->get('/static/page.html')->status, 401, 'he stays out';
};

subtest 'restarts' => sub {
    $httpd->graceful;
    is $alice->get('/app/show')->status, 200, 'of httpd, graceful: the session goes on';
    $httpd->restart;
    is $alice->get('/app/show')->status, 200, 'of httpd: the session goes on';
    $postgres->stop('immediate');
    lease_ends { $alice->get('/app/show', @navigation) }
        'without the database, when the lease is over: 503';
    $postgres->start_again;
    is $alice->get('/app/show')->status, 200, 'of the database: the session goes on';
};

is $alice->clone->logout->status, 303, 'alice logs out';
is $alice->get('/app/show')->status, 401, 'and is out';
done_testing;
