# The database goes away, hangs, comes back, or has the wrong version: nobody gets in who should
# not, nobody is logged out, and httpd never needs a restart (I3, I4).
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await scratch);
use IO::Socket::UNIX;

my ($postgres, $httpd) = start_servers(children => 2, threads => 8, config => "DBDMax 3\n");
my $alice = browser($httpd, 'alice');
my $session = $alice->get('/app/show');
is $session->status, 200, 'alice is logged in';

sub is_unavailable {
    my ($response, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $response->status, 503, "$name: 503";
    ok $response->header('Retry-After'), "$name: says when to try again";
    is $response->header('Set-Cookie'), undef, "$name: the cookie is not taken away";
    unlike $response->body, qr/REMOTE_USER|private|<form/,
        "$name: neither the page nor a login form";
    unlike $response->raw, qr/SQL|postgres|dbname|statement|\bSS\d{3}\b/i,
        "$name: nor a word of what is behind";
    return;
}

sub count_in_log { my ($number) = @_; return scalar(() = $httpd->error_log =~ /\b$number: /g) }

my @navigation = (headers => [ [ Accept => 'text/html' ] ]);

# While the lease runs, cached sessions are served.
sub alice_is_not_served { return lease_ends { $alice->get('/static/page.html') } 'the lease ends' }

subtest 'the database is stopped' => sub {    # ASVS 5.0 16.3.4 16.5.1 16.5.2
    $postgres->stop('fast');
    alice_is_not_served();
    is_unavailable($alice->get('/app/show', @navigation), 'a page that needs a session');
    is_unavailable($alice->get('/static/page.html'), 'a file that needs a session');
    is_unavailable($alice->get('/login'), 'the login page, for who may be logged in');
    is_unavailable($alice->login('alice', password_of('alice')), 'a login');
    is_unavailable($alice->logout, 'a logout that did not happen');
    is_unavailable(browser($httpd)->login('alice', password_of('alice')),
        'the login of somebody new');
    is $alice->get('/pub/page.html')->status, 200, 'a page that needs no session is served';
    is $httpd->get('/app/show', @navigation)->status, 303,
        'who has no cookie is sent to log in, without SQL';
    is count_in_log('SS101'), 1, 'one error in the log, not one a request';
    $postgres->start_again;
    is $alice->get('/app/show')->status, 200,
        'the first request after its return works: still logged in';
    ok count_in_log('SS107') >= 1, 'the log says that it is over';
};

subtest 'httpd starts while the database is away' => sub {
    $postgres->stop('fast');
    $httpd->restart;
    is_unavailable($alice->get('/app/show', @navigation), 'a page that needs a session');
    $postgres->start_again;
    is $alice->get('/app/show')->status, 200, 'the first request after its return works';
};

subtest 'PostgreSQL crashes and restarts under load' => sub {
    my %seen;
    for my $round (1 .. 3) {
        my @running =
            map { $alice->start_request('GET', '/static/page.html', @navigation) } 1 .. 12;
        $postgres->stop('immediate');
        push @running,
            map { $alice->start_request('GET', '/static/page.html', @navigation) } 1 .. 4;
        $postgres->start_again;
        $seen{ $_->finish->status }++ for @running;
        is $alice->get('/static/page.html')->status, 200,
            "round $round: the first request afterwards works";
        $seen{ $alice->get('/static/page.html')->status }++ for 1 .. 20;
    }
    is join(' ', grep { !/^(?:200|503)$/ } sort keys %seen), '',
        'never a login page, never a 401, never an error';
    ok $seen{200} >= 60, 'every request afterwards was served';
};

subtest 'single connections are cut' => sub {
    for (1 .. 5) {
        $postgres->psql(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'httpd_web'");
        is $alice->get('/static/page.html')->status, 200, 'the next request works, without a 503';
    }
};

subtest 'the database hangs' => sub {
    $alice->get('/static/page.html') for 1 .. 8;
    $postgres->freeze;
    alice_is_not_served();
    my @running = map { $alice->start_request('GET', '/app/show', @navigation) } 1 .. 12;
    is $alice->get('/pub/page.html', jar => 0)->status, 200,
        'pages that need no session are served meanwhile';
    is_unavailable($_->finish, 'a request while it hangs') for @running;
    is_unavailable($alice->get('/app/show'), 'a later request');
    $postgres->thaw;
    my $in_a_row = 0;    # a child that is just finding out still answers 503
    wait_until {
        $in_a_row = $alice->get('/app/show')->status == 200 ? $in_a_row + 1 : 0;
        $in_a_row == 20
    }
    'it goes on in every child, and so do the sessions';
};

subtest 'one backend hangs, the others answer' => sub {
    my ($pid) = $postgres->backend_pids;
    kill 'STOP', $pid;
    my @status = map { $alice->get('/static/page.html')->status } 1 .. 30;
    kill 'CONT', $pid;
    ok((grep { $_ == 503 } @status) <= 4, 'only the requests that met it failed');
    is scalar(grep { $_ != 200 && $_ != 503 } @status), 0, 'none was sent to the login page';
};

subtest 'a table is locked' => sub {
    my @new = map { browser($httpd, 'alice') } 1 .. 10;
    my $writer = $postgres->conninfo('postgres') =~ /host=(\S+)/ ? $1 : die;
    open my $psql, '|-', 'psql', '-X', '-q', '-h', $writer, '-U', 'postgres', 'app'
        or die "psql: $!";
    $psql->autoflush(1);
    print {$psql} "begin; lock table secsession.session in access exclusive mode;\n";
    ok await(
        sub { $postgres->value(<<'SQL') eq 't' }, 10), 'somebody has locked the table of sessions';
select exists (select from pg_locks where mode = 'AccessExclusiveLock' and granted
               and relation = 'secsession.session'::regclass)
SQL
    is $alice->get('/static/page.html')->status, 200, 'who is in the cache does not notice';
    my @running = map { $_->start_request('GET', '/static/page.html', @navigation) } @new;
    is_unavailable($_->finish, 'a request that had to wait') for @running;
    print {$psql} "rollback;\n";
    close $psql;
    wait_until { $alice->get('/static/page.html')->status == 200 } 'afterwards requests work';
};

subtest 'the database is read-only, as during a failover' => sub {
    my $bob = browser($httpd, 'bob');
    $postgres->psql('alter database app set default_transaction_read_only = on');
    $postgres->psql(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'httpd_web'");
    is $alice->get('/static/page.html')->status, 200, 'running sessions go on';
    is_unavailable(browser($httpd)->login('bob', password_of('bob')), 'a login');
    is_unavailable($bob->logout, 'a logout that cannot be written');
    is $bob->get('/static/page.html')->status, 200, 'who could not log out is still logged in';
    ok count_in_log('SS103') >= 1, 'the log says so';
    $postgres->psql('alter database app reset default_transaction_read_only', db => 'postgres');
    $postgres->psql(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'httpd_web'",
        db => 'postgres');
    is $bob->logout->status, 303, 'then the logout works';
    is $bob->get('/static/page.html')->status, 401, 'and is one';
};

subtest 'the schema is not the one that the module needs' => sub {
    my $version = sub {
        return 'create or replace function secsession.schema_version() returns integer '
            . "language sql stable security definer as 'select $_[0]'";
    };
    my %trouble = (
        'older, or missing' => [ 'SS104', 'alter schema secsession rename to elsewhere',
            'alter schema elsewhere rename to secsession' ],
        'newer' => [ 'SS105', $version->(99),
            $version->($postgres->value('select secsession.schema_version()')) ],
    );
    for my $case (sort keys %trouble) {
        my ($number, $break, $mend) = @{ $trouble{$case} };
        $postgres->psql($break);
        $httpd->restart;
        is_unavailable($alice->get('/static/page.html', @navigation), "schema $case");
        ok count_in_log($number), "the log says what to do: $number";
        $postgres->psql($mend);
        is $alice->get('/static/page.html')->status, 200,
            'once it is right, the first request works';
    }
};

subtest 'a peer that accepts and never answers' => sub {
    my $folder = scratch('deaf');
    my $deaf = IO::Socket::UNIX->new(Local => "$folder/.s.PGSQL.5432", Listen => 50)
        or die "socket: $!";
    chmod 0777, "$folder/.s.PGSQL.5432" or die "chmod: $!";
    my $other = Secsession::Httpd->start(children => 1,
        config => <<"CONFIG", files => { 'a/page.txt' => 'x' });
DBDriver pgsql
DBDMin 0
DBDKeep 1
DBDParams "host=$folder dbname=app user=nobody"
SecSession On
<Location "/a/">
    AuthType SecSession
    Require valid-user
</Location>
CONFIG
    my $client = $other->client->set_token('A' x 43);
    my @running = map { $client->start_request('GET', '/a/page.txt') } 1 .. 6;
    is $other->get('/ready.txt')->status, 200, 'pages that need no session are served meanwhile';
    is_unavailable($_->finish, 'a request') for @running;
};

is $alice->get('/app/show')->status, 200, 'after all that alice is still logged in';
my $token = $alice->token;
unlike $httpd->error_log . $postgres->log, qr/\Q$token\E/, 'no log holds her token';
done_testing;
