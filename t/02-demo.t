# make demo as a visitor sees it: both applications, the line that it prints, logout, the idle
# timeout, and nothing is left behind.
# asan: no
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run scratch free_port checkout is_alive await slurp at_end);

my $folder = scratch('demo') . '/run';
my %environment = (DEMO_FOLDER => $folder, DEMO_PORT => free_port(), DEMO_IDLE => '4s');

sub demo {
    my ($action) = @_;
    return run([ checkout() . '/conf/demo/run', $action ], env => \%environment);
}

sub demo_pids {
    return
        grep { slurp("/proc/$_/cmdline") =~ /\Q$folder\E/ } map { m{(\d+)$} } glob '/proc/[0-9]*';
}

at_end { demo('stop'); return };

my ($exit, $said, $err) = demo('start');
is $exit, 0, 'the demo starts' or BAIL_OUT($err);
my ($port) = $said =~ m{http://localhost:(\d+)/};
my ($user) = $said =~ /^\s+user\s+(\S+)$/m;
my ($password) = $said =~ /^\s+password\s+(\S+)$/m;
my ($revoke) = $said =~ /^\s+(\S*psql .*)$/m;
ok $port && $user && $password && $revoke, 'it says where, who, and how to throw that user out';

my @pids = demo_pids();
cmp_ok scalar @pids, '>', 2, 'its servers run';
is +(demo('start'))[1], $said, 'starting it again changes nothing';

my @as_browser = (headers => [ [ Accept => 'text/html' ] ]);
my $browser = Secsession::Client->new(port => $port);

sub log_in {
    my ($path) = @_;
    my $response = $browser->get($path, @as_browser);
    return 'no login page'
        unless $response->status == 303 && $response->header('Location') =~ m{^/login\?return=};
    my $page = $browser->get($response->header('Location'), @as_browser)->body;
    my ($return) = $page =~ /name="return"[^>]*value="([^"]*)"/;
    return $browser->login($user, $password, return => $return)->header('Location');
}

like $browser->get('/')->body, qr{href="/cgi/".*href="/php/"}s,
    'the first page leads to both applications';
is $browser->get('/php/index.php')->status, 401, 'a program without a session is refused';
is $browser->login($user, 'wrong')->status, 401, 'a wrong password is refused';
is log_in('/cgi/'), '/cgi/', 'the form leads back to the page that was asked for';

for my $application ([ '/cgi/', 'note' ], [ '/php/', 'task' ]) {
    my ($path, $field) = @$application;
    is $browser->post_form($path, { $field => "fish & <chips> $field" })->status, 303,
        "$path takes a $field";
    my $page = $browser->get($path)->body;
    like $page, qr/fish &amp; &lt;chips&gt; $field/, "$path shows it";
    like $page, qr{<dt>User</dt><dd>$user</dd>\s*<dt>Session</dt><dd>[0-9a-f-]{36}</dd>},
        "$path knows who is there";
    like $page, qr{<form method="post" action="/logout">}, "$path has a way out";
}
my ($task) = $browser->get('/php/')->body =~ /name="done" value="(\w+)"/;
$browser->post_form('/php/', { done => $task });
unlike $browser->get('/php/')->body, qr/fish/, 'a task that is done goes';

is +(run([ 'sh', '-c', $revoke ]))[0], 0, 'the printed line works';
wait_until { $browser->get('/cgi/')->status == 401 } 'and the user is out';
is $browser->get('/php/')->status, 401, 'of both applications';

is log_in('/php/'), '/php/', 'the user can log in again';
is $browser->get('/php/')->status, 200, 'and is in';
my $stolen = $browser->clone;
is $browser->logout->status, 303, 'logging out';
is $stolen->get('/php/')->status, 401, 'ends the session, not only the cookie';

log_in('/cgi/');
is $browser->get('/cgi/')->status, 200, 'in once more';
# A request would keep the session alive: the view is asked instead.
my $active = $revoke =~ s/-c .*/-At -c "select count(*) from secsession.active_session"/r;
wait_until { (run([ 'sh', '-c', $active ]))[1] eq "0\n" } 'without a request the session ends';
my $after = $browser->get('/cgi/', @as_browser);
is $after->status, 303, 'and the user is asked to log in';
like $after->header('Location'), qr/why=idle/, 'and told why';

my $connect = $revoke =~ s/-U demo_admin/-U demo_httpd/r;
SKIP: {
    skip 'one system user plays all roles', 1 if $> != 0;
    isnt +(run([ 'sh', '-c', $connect ]))[0], 0, 'only httpd may log in as httpd';
}

is +(demo('stop'))[0], 0, 'the demo stops';
is_deeply [ demo_pids(), grep { is_alive($_) } @pids ], [], 'no process is left';
ok !-e $folder, 'nor its folder';
is +(demo('stop'))[0], 0, 'stopping it again changes nothing';

done_testing;
