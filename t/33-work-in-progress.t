# Work in progress is use: a session is not idle while a request of it runs, however long, whether
# anything is sent or not; and the end of the request counts. With the cache and without, for every
# server that shares the database.

use lib 't/lib';
use Secsession::Test;
use Time::HiRes 'time';

my $IDLE = 10;
my %programs = (
    stream => <<'PERL',
$| = 1;
print "Content-Type: text/event-stream\n\n";
my $end = time + 90;
until (-e "$state/stream.go" || time > $end) {
    print "data: on\n\n";
    select undef, undef, undef, 0.3;
}
PERL
    report => <<'PERL',
my ($name) = $ENV{QUERY_STRING} =~ /^(\w+)/;
open my $started, '>', "$state/$name.started" or die $!;
close $started;
my $end = time + 90;
select undef, undef, undef, 0.02 until -e "$state/$name.go" || time > $end;
print "Content-Type: text/plain\n\ndone $name\n";
PERL
);
my %layout = (
    children => 2, threads => 16, cgi => \%programs,
    files => { 'static/page.html' => "<p>private</p>\n" }
);

sub configuration {
    my ($cache) = @_;
    return Secsession::Test::standard_config(config => <<"CONFIG");
SecSessionIdleTimeout $IDLE
SecSessionCache $cache
RequestReadTimeout body=0
Timeout 120
<Location "/app/report/poll">
    SecSessionTouch Off
</Location>
CONFIG
}
my $postgres = Secsession::Postgres->start(log_statements => 1)->install;
my ($cached, $other, $uncached) =
    map { Secsession::Httpd->start(%layout, postgres => $postgres, config => configuration($_)) }
    qw(On On Off);

sub stored {
    my ($id, $columns) = @_;
    return $postgres->value(
        "select $columns from secsession.session_state where session_id = :'id'",
        vars => { id => $id }
    );
}
sub is_live { return stored($_[0], 'ending is null') eq 't' }

# So many seconds of the database's clock.
sub has_passed {
    my ($since, $seconds) = @_;
    return $postgres->psql(
        "select clock_timestamp() > '$since'::timestamptz + interval '$seconds s'") eq 't';
}
sub let_pass {
    my ($seconds) = @_;
    my $since = $postgres->psql('select clock_timestamp()');
    return wait_until { has_passed($since, $seconds) } "$seconds seconds pass";
}

# An upload that has begun, and whose rest is still to come.
sub begin_upload {
    my ($client) = @_;
    my $cookie = $client->cookies_for('/');
    my $upload = $client->send_bytes(
        "POST /app/show HTTP/1.1\r\nHost: localhost\r\nCookie: $cookie\r\nConnection: close\r\n"
            . "Content-Length: 10\r\n\r\nfirst",
        'POST', timeout => 30
    );
    return $upload;
}

# A person at a server, with something that takes longer than the idle timeout: how it begins, and
# how it ends.
my @work;
for my $case ([ 'a cache', $cached ], [ 'no cache', $uncached ]) {
    my ($where, $httpd) = @$case;
    my %begin = (
        report => sub { $_[0]->start_request('GET', '/app/report?report') },
        stream => sub { $_[0]->start_request('GET', '/app/stream') },
        upload => \&begin_upload,
    );
    for my $kind (sort keys %begin) {
        my $client = browser($httpd, 'alice');
        my $work = { kind => $kind, where => $where, httpd => $httpd, client => $client };
        $work->{id} = id_of($client);
        $work->{running} = $begin{$kind}->($client->clone);
        push @work, $work;
    }
}
my $poller = browser($cached, 'bob');
my $polled = id_of($poller);
my $polling = $poller->clone->start_request('GET', '/app/report/poll?poll');
my $nobody = id_of(browser($cached, 'bob'));

# A request that goes on while its session gets another token, and its server another configuration.
my $rotated = browser($cached, 'alice');
my $rotated_id = id_of($rotated);
my $through = $rotated->clone->start_request('GET', '/app/report?through');
$cached->slow_started('through');
$postgres->psql("update secsession.session set rotated_at = rotated_at - interval '1 hour'
    where session_id = '$rotated_id'");
has_heard($postgres);
$rotated->get('/static/page.html') for 1, 2;
$cached->graceful;

let_pass(2.5 * $IDLE);
is_live($_->{id}) or $_->{has_ended} = 1 for @work;
for my $work (@work) {
    ok !$work->{has_ended}, "$work->{kind}, $work->{where}: the session is not idle while it runs";
    is $_->client->set_token($work->{client}->token)->get('/static/page.html')->status, 200,
        'a click is served'
        for $work->{httpd}, $other;
}
ok is_live($rotated_id), 'nor after a graceful restart, under another token';
ok !is_live($nobody), 'a session without any is';
ok !is_live($polled), 'and one with what is no use of it';

# Nothing but the running requests have used the sessions from here on.
let_pass(1.5 * $IDLE);
my $ends = $postgres->psql('select clock_timestamp()');
$_->let_go('report') for $cached, $uncached;
$cached->let_go('through');
$_->{httpd}->let_go('stream') for @work;
for my $work (@work) {
    if ($work->{kind} eq 'upload') {
        syswrite $work->{running}{socket}, 'last.';
    }
    is $work->{running}->finish->status, 200, "$work->{kind}, $work->{where}: comes to its end";
}
is $through->finish->status, 200, 'as does that of the server of before';
for my $work (@work, { kind => 'another token', where => 'a cache', id => $rotated_id }) {
    my $counts = "last_seen_at >= '$ends'::timestamptz - interval '1 s'";
    wait_until { stored($work->{id}, $counts) eq 't' }
        "$work->{kind}, $work->{where}: its end counts as use";
}
let_pass(0.6 * $IDLE);
for my $work (@work) {
    my $client = $work->{httpd}->client->set_token($work->{client}->token);
    my $is_served = $client->get('/static/page.html')->status == 200;
    # By now a slow machine may have let the whole timeout pass.
    ok $is_served || has_passed($ends, $IDLE),
        "$work->{kind}, $work->{where}: and the idle timeout begins there";
}

subtest 'a request that is soon over costs nothing' => sub {
    my $alice = browser($cached, 'alice');
    my $id = id_of($alice);
    $alice->get('/static/page.html');
    my $calls = sub { $postgres->statements('httpd_web', qr/note_uses/) };
    my $before = $calls->();
    my %seen;
    $seen{ $alice->get('/static/page.html', keep_alive => 1)->status }++ for 1 .. 200;
    is_deeply \%seen, { 200 => 200 }, 'two hundred requests' or diag explain \%seen;
    has_heard($postgres);
    is $calls->() - $before, 0, 'no statement says that they were under way';
};

subtest 'a location with a shorter idle timeout' => sub {
    my $httpd = Secsession::Httpd->start(
        %layout, postgres => $postgres, config => Secsession::Test::standard_config(
            config => "<Location \"/app/\">\n    SecSessionIdleTimeout 10\n</Location>\n"
        )
    );
    my $alice = browser($httpd, 'alice');
    is stored(id_of($alice), '(session).idle_timeout'), 1800, 'the session has a longer one';
    my $report = $alice->clone->start_request('GET', '/app/report?short');
    $httpd->slow_started('short');
    let_pass(15);
    is $alice->get('/app/show')->status, 200, 'is no shorter for who has something under way there';
    $httpd->let_go('short');
    $report->finish;
};

done_testing;
