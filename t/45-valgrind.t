# httpd under valgrind's memcheck: a login, requests, a logout, trouble with the database, and a
# graceful restart. This module must not access memory that it should not, nor leak any.
# asan: no
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await scratch slurp spew);

my ($valgrind) = grep { -x } map { "$_/valgrind" } split /:/, $ENV{PATH};
plan skip_all => 'valgrind is not installed' unless $valgrind;

# httpd itself is Debian's; what it and its other modules do is not our business here.
my $folder = scratch('valgrind');
chmod 0777, $folder;
my $place = Secsession::Httpd::installation();
my $program = $place->{program};
$place->{program} = spew("$folder/httpd", <<"SH", 0755);
#!/bin/sh
exec $valgrind --leak-check=full --show-leak-kinds=definite --keep-debuginfo=yes --num-callers=40 \\
    --xml=yes --xml-file=$folder/report.%p --child-silent-after-fork=no $program "\$@"
SH

my ($postgres, $httpd) = start_servers(children => 1, threads => 3, config => "DBDMax 2\n",
    database => { settings => { log_min_messages => 'fatal' } });
my @navigation = (headers => [ [ Accept => 'text/html' ] ]);

subtest 'a day of a session' => sub {
    for my $round (1 .. 2) {
        my $alice = $httpd->client;
        is $alice->login('nobody', 'wrong', return => '/app/show')->status, 401, 'a failed login';
        is $alice->login('alice', password_of('alice'))->status, 303, 'a login';
        is $alice->get($_)->status, 200, $_ for qw(/static/page.html /app/show /pub/show /logout);
        is $alice->get('/login')->status, 303, 'who is logged in needs no login page';
        my @running = map { $alice->start_request('GET', '/static/page.html') } 1 .. 6;
        is scalar(grep { $_->finish->status == 200 } @running), 6, 'several requests at once';
        is $alice->login('alice', password_of('alice'))->status, 303, 'a login again';
        is $alice->get('/static/nothing')->status, 404, 'a page that is not there';
        is $alice->clone->set_token('A' x 43)->get('/app/show', @navigation)->status, 303,
            'an unknown token';
        is $alice->clone->set_token('x' x 4000)->get('/app/show', @navigation)->status, 303,
            'what is no token';
        is $alice->clone->logout->status, 303, 'a logout';
        is $alice->get('/app/show', @navigation)->status, 303, 'after it';
    }
};

subtest 'trouble with the database' => sub {
    my $alice = $httpd->client;
    $alice->login('alice', password_of('alice'));
    my $cut =
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'httpd_web'";
    cmp_ok $postgres->value($cut), '>=', 1, 'its connections are cut';
    is $alice->get('/static/page.html')->status, 200, 'a request goes on';
    my $right = 'execute on function secsession.lookup(bytea, text, integer, integer, inet, text)';
    $postgres->psql("revoke $right from secsession_httpd");
    my $new = $httpd->client;
    $new->login('alice', password_of('alice'));
    is $new->get('/static/page.html')->status, 503, 'a statement is refused';
    $postgres->psql("grant $right to secsession_httpd");
    $postgres->stop('immediate');
    lease_ends { $alice->get('/static/page.html') } 'the database is stopped, and the lease over';
    $postgres->start_again;
    is $alice->get('/static/page.html')->status, 200, 'and back';
};

subtest 'restarts' => sub {
    my $alice = browser($httpd, 'alice');
    my ($old) = $httpd->child_pids;
    $httpd->graceful;
    is $alice->get('/static/page.html')->status, 200, 'a session goes on after a graceful restart';
    wait_until { !grep { $_ == $old } $httpd->child_pids } 'the old child has ended';
    ok $httpd->stop, 'httpd stops when it is asked to';
};

# What valgrind found, where a function of ours is in the stack.
sub found {
    my ($file) = @_;
    my $report = slurp($file);
    my @errors = $report =~ m{<error>(.*?)</error>}gs;
    return map { summary($_) } grep { m{<obj>[^<]*/mod_secsession\.so</obj>} } @errors;
}

sub summary {
    my ($error) = @_;
    my ($kind) = $error =~ m{<kind>(.*?)</kind>};
    my @stack = map {
        my ($function) = m{<fn>(.*?)</fn>};
        my ($file, $line) = (m{<file>(.*?)</file>}, m{<line>(.*?)</line>});
        ($function // '?') . ($file ? " ($file:" . ($line // '?') . ')' : '');
    } $error =~ m{<frame>(.*?)</frame>}gs;
    return join "\n    ", $kind, @stack;
}

my @reports = glob "$folder/report.*";
cmp_ok scalar(grep { slurp($_) =~ m{</valgrindoutput>} } @reports), '>=', 3,
    'the parent and two children ran to their end under valgrind';
is join("\n", map { found($_) } @reports), '',
    'no invalid access, no use of what was never set, nothing lost';

done_testing;
