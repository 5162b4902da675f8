# The test harness itself: servers start, stop and leave nothing behind; the client sends and
# reads what it should.
# mpm: all
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await run is_alive descendants checkout slurp);

sub children { return Secsession::Process::descendants($$) }

subtest 'PostgreSQL' => sub {
    my $postgres = Secsession::Postgres->start(log_statements => 1);
    is $postgres->value('select 1 + 1'), 2, 'a value comes back';
    is $postgres->psql("select :'x'; select 2", vars => { x => q(it's) }), "it's\n2",
        'variables and several statements';
    like $postgres->psql_fails('select 1/0'), qr/division by zero/, 'an error comes back';
    ok !eval { $postgres->psql('select 1/0'); 1 }, 'an error nobody expects dies';
    $postgres->psql('create role httpd_web login');
    $postgres->psql('select 1', user => 'httpd_web') for 1 .. 3;
    is $postgres->statements, 3, 'statements are counted exactly';
    is $postgres->statements('httpd_web', qr/^select 2/), 0, 'statements are counted by pattern';
    is_deeply [ $postgres->backend_pids ], [], 'nobody is connected';

    my $pid = $postgres->pid;
    $postgres->restart('immediate');
    isnt $postgres->pid, $pid, 'it is another server after a restart';
    is $postgres->value('select count(*) from pg_roles where rolname = \'httpd_web\''), 1,
        'with the same contents';
    $postgres->freeze;
    like $postgres->psql_fails('select 1', timeout => 0.3), qr/\A\z/,
        'a frozen server does not answer';
    $postgres->thaw;
    is $postgres->value('select 1'), 1, 'and answers again';
    ok $postgres->stop('fast'), 'it stops when asked';
    is_deeply [ children() ], [], 'no process is left';
};

my $httpd = Secsession::Httpd->start(
    files => { 'a.txt' => "file\n" }, module => 0,
    config => 'ScriptAlias /cgi/ @FOLDER@/cgi-bin/',
    cgi => {
        twice =>
            qq{print "Set-Cookie: a=1\\nSet-Cookie: b=2; Max-Age=5\\nContent-Type: }
                . qq{text/plain\\n\\n";}
    },
);
my $client = $httpd->client;

subtest 'requests and responses' => sub {
    my $response = $client->get('/a.txt');
    is $response->status, 200, 'status';
    is $response->reason, 'OK', 'reason';
    is $response->body, "file\n", 'body';
    is $client->request('HEAD', '/a.txt')->body, '', 'HEAD has no body';
    is $client->get('/nothing')->status, 404, 'nothing there';

    my $body =
        $client->post('/cgi/show', "x=1\0\xff", headers => [ [ 'X-A' => '1' ], [ 'X-A' => '2' ] ])
        ->body;
    like $body, qr/^HTTP_X_A=1, 2$/m, 'a header field can be sent twice';
    like $body, qr/\n\nx=1\0\xff\z/, 'the body arrives byte for byte';
    is environment_of($client->get('/cgi/show?q=1'))->{QUERY_STRING}, 'q=1',
        'the environment is read back';
    is $client->raw("GET /a.txt HTTP/1.0\r\n\r\n")->body, "file\n", 'bytes of one\'s own';
    like $client->raw("GET / HTTP/9\r\n\r\n")->raw, qr/\AHTTP\/1\.1 \d+ .*\r\n\r\n/s,
        'raw is what was received';
    my $headers = $client->get('/cgi/headers?X-One:%20a%0AStatus:%20418');
    is $headers->status, 418, 'a program chooses the status';
    is $headers->header('x-one'), 'a', 'and header fields, whose names know no case';
};

subtest 'connections' => sub {
    my @ports =
        map { environment_of($client->get('/cgi/show', keep_alive => 1))->{REMOTE_PORT} } 1 .. 2;
    is $ports[0], $ports[1], 'keep_alive reuses a connection';
    isnt environment_of($client->get('/cgi/show'))->{REMOTE_PORT}, $ports[0],
        'otherwise each request has its own';
    $client->disconnect;

    my @slow = map { $client->start_request('GET', "/cgi/slow?s$_") } 1 .. 3;
    ok $httpd->slow_started("s$_"), "slow request $_ is running" for 1 .. 3;
    ok !$slow[0]->is_answered, 'a slow request waits';
    $httpd->let_go("s$_") for 3, 1, 2;
    is $slow[ $_ - 1 ]->finish->body, "done s$_\n", "slow request $_ ends" for 1 .. 3;
};

subtest 'cookies' => sub {
    my $response = $client->get('/cgi/twice');
    is_deeply [ $response->all_headers('set-cookie') ], [ 'a=1', 'b=2; Max-Age=5' ],
        'duplicates are kept apart';
    is $response->cookie('b'), 'b=2; Max-Age=5', 'one by name';
    is_deeply $client->jar, { a => 1, b => 2 }, 'the jar has both';
    is environment_of($client->get('/cgi/show'))->{HTTP_COOKIE}, 'a=1; b=2', 'they are sent';
    is environment_of($client->get('/cgi/show', jar => 0))->{HTTP_COOKIE}, undef, 'or not';
    my $other = $client->clone;
    $client->get('/cgi/headers?Set-Cookie:%20a=;%20Max-Age=0');
    is_deeply $client->jar, { b => 2 }, 'Max-Age=0 deletes';
    is_deeply $other->jar, { a => 1, b => 2 }, 'a clone has its own jar';
    $client->get('/cgi/headers?Set-Cookie:%20c=3;%20Path=/elsewhere');
    is environment_of($client->get('/cgi/show'))->{HTTP_COOKIE}, 'b=2',
        'another path\'s cookie is not sent';
    is $client->set_token('T')->token, 'T', 'a token of one\'s own';
};

subtest 'the daemon' => sub {
    my ($ok, $err) = $httpd->configtest('NoSuchDirective On');
    ok !$ok, 'a wrong configuration is found';
    like $err, qr/NoSuchDirective/, 'with its words';
    ok +($httpd->configtest('ServerTokens Prod'))[0], 'a right one passes';
    my @children = $httpd->child_pids;
    cmp_ok scalar @children, '>=', 2, 'several children';
    cmp_ok $httpd->memory, '>', 100, 'they use memory';
    $httpd->graceful;
    ok await { !grep { is_alive($_) } @children }, 'graceful replaces them';
    $httpd->reconfigure("ScriptAlias /other/ \@FOLDER\@/cgi-bin/\n");
    $httpd->restart;
    is $client->get('/other/show')->status, 200, 'a restart reads the configuration again';
    like $httpd->access_log, qr{"GET /a\.txt HTTP/1\.1" 200}, 'the access log';
    my @all = ($httpd->parent_pid, Secsession::Process::descendants($httpd->parent_pid));
    ok $httpd->stop, 'it stops when asked';
    is_deeply [ grep { is_alive($_) } @all ], [], 'no process is left';
};

subtest 'the order of modules' => sub {
    for my $seed (1 .. 3) {
        my $shuffled = Secsession::Httpd->start(shuffle => $seed, modules => [qw(proxy proxy_fcgi)],
            module => 0);
        is $shuffled->get('/ready.txt')->status, 200, "order $seed";
        $shuffled->stop;
    }
};

subtest 'a test that dies leaves nothing' => sub {
    my $program = <<'PERL';
use lib 't/lib';
use Secsession::Test;
my $postgres = Secsession::Postgres->start;
my $httpd = Secsession::Httpd->start(module => 0);
print join(' ', map { ($_, Secsession::Process::descendants($_)) } $postgres->pid, $httpd->parent_pid), "\n";
print "folder ", $httpd->folder, "\n";
kill shift @ARGV, $$ if @ARGV;
die "on purpose\n";
PERL
    for my $signal (undef, 'TERM', 'KILL') {
        my ($exit, $out, $err) = run([ $^X, '-e', $program, $signal // () ]);
        my $how = $signal ? "killed by SIG$signal" : 'by die';
        my @pids = $out =~ /\b(\d+)\b(?=.*\nfolder)/g;
        cmp_ok scalar @pids, '>', 5, "servers ran ($how)";
        isnt $exit, 0, "it failed ($how)";
        wait_until { !grep { is_alive($_) } @pids } "no process is left ($how)";
        my ($folder) = $out =~ m{^folder (.*)/httpd$}m;
        run([ 'rm', '-rf', $folder ]);
    }
};

done_testing;
