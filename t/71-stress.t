# Several processes create and end sessions in every possible way, while two servers get requests
# without a pause, children of httpd are killed, these or their feeds are cut off or frozen, and
# PostgreSQL is restarted. Afterwards: no request that was started later than the COMMIT of an end
# plus the lease was accepted, nobody else was refused, and nobody saw anything of another user
# (I1, I2, I4, I8). STRESS_SECONDS=3600 makes it last an hour.
# asan: no

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(slurp);
use Secsession::Stress;
use Secsession::Stress::Verdict;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

my $SECONDS = $ENV{STRESS_SECONDS} || 60;
my $LEASE = 1;
my $CALM = 3;    # seconds between one trouble and the next, on average

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# --- the judge -----------------------------------------------------------------------------------

# A session made at 1 and ended at 10; or what else is said of it.
sub judged {
    my (%of) = @_;
    my $writers = join "\n", 'token 1 1 1.1 1000000', $of{writers} // 'end 1 session 9.9 10';
    my ($accepted, $refused) = ($of{accepted} // 10.2, $of{refused} // 10.3);
    return Secsession::Stress::Verdict->new(
        lease => $LEASE, writers => $writers,
        readers => join "\n", "session 1 5 5 0 $accepted $refused", 'total 10 0 0',
        $of{readers} // ()
    );
}

sub violations {
    my ($verdict) = @_;
    return join ' ', map { scalar(() = $verdict->$_) } qw(late lost wrong);
}

subtest 'the judge notices what must not be' => sub {
    is violations(judged()), '0 0 0', 'accepted within the lease';
    is violations(judged(accepted => 11.1)), '1 0 0', 'accepted behind it';
    is violations(judged(refused => 9.8)), '0 1 0', 'refused before its end';
    is violations(judged(writers => 'rolled 1 user 5')), '0 1 0',
        'refused, though what ended it was rolled back';
    is violations(judged(readers => 'wrong 1 a mixture')), '0 0 1', "somebody else's answer";
    my $all = "end 1 session 20 21\nwide all 9 9.1";
    is violations(judged(writers => "$all 0")), '1 0 0', 'everybody had been revoked earlier';
    is violations(judged(writers => "$all 1000001")), '1 0 0',
        'so had who had authenticated before a moment';
    is violations(judged(writers => "$all 1000000")), '0 1 0',
        'but not who authenticated at that moment';
    is violations(judged(writers => "end 1 session 9.9 10\nwide all 1 1.2 0", refused => 5)),
        '0 0 0',
        'a login that is under way while all are revoked may be refused';
    is violations(
        Secsession::Stress::Verdict->new(lease => 1, writers => 'token 1 1 2 3', readers => '')),
        '0 0 2',
        'readers that did not finish';
};

# --- the stress ----------------------------------------------------------------------------------

my %SERVER =
    (children => 3, threads => 16, crashes => 1, log_level => 'notice', config => <<'CONFIG');
SecSessionRealm stress
MaxKeepAliveRequests 1000
Header always set X-User "expr=%{REMOTE_USER}"
Header always set X-Session "%{SECSESSION_ID}e"
CONFIG

my ($postgres, $first) =
    start_servers(%SERVER, database => { settings => { max_connections => 200 } });
my $second = Secsession::Httpd->start(
    %SERVER, postgres => $postgres,
    config => Secsession::Test::standard_config(%SERVER),
    files => { 'static/page.html' => "<p>private</p>\n" }
);

# In any order, each again and again; PostgreSQL is restarted twice.
sub make_trouble {
    my ($stress, $until) = @_;
    my ($start, %made) = (now());
    my @restarts = map { $start + ($until - $start) * $_ } 0.35, 0.75;
    while (now() < $until) {
        sleep $CALM * (0.5 + rand);
        my $kind =
            @restarts && now() > $restarts[0]
            ? shift @restarts && 'restart'
            : (qw(child child feed feed frozen_feed frozen_children frozen_children graceful))
            [ rand 8 ];
        my $what = $stress->trouble($kind);
        $made{$what}++ if $what;
    }
    return \%made;
}

sub listed { my ($count) = @_; return join ', ', map { "$count->{$_} $_" } sort keys %$count }

sub milliseconds {
    my ($name, @sorted) = @_;
    return "$name: none" if !@sorted;
    return sprintf '%s: p50 %.1f, p99 %.1f, worst %.1f ms of %d', $name,
        map({ 1000 * $_ } @sorted[ $#sorted / 2, $#sorted * 0.99, -1 ]), scalar @sorted;
}

sub say_what_happened {
    my ($verdict, $made) = @_;
    my $count = $verdict->counts;
    note
        "$count->{sessions} sessions, $count->{asked} of them accepted and then refused; ended by: "
        . listed($count->{kinds});
    note
        "$count->{rolled_back} ends rolled back, $count->{went_on} times the session was accepted "
            . "later; "
        . "$count->{wide} times all were revoked";
    note
        "$count->{requests} requests: $count->{accepted} accepted, $count->{refused} refused, "
            . "$count->{unavailable} "
        . "unavailable, $count->{broken} cut off; trouble: "
        . listed($made);
    note milliseconds('from COMMIT to the start of the last accepted request',
        $verdict->latencies(0));
    note milliseconds('the same, where nothing was broken', $verdict->latencies(1));
    return $count;
}

sub is_none {
    my ($name, @violations) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is scalar(@violations), 0, $name;
    diag $_ for splice @violations, 0, 20;
    return;
}

my $stress = Secsession::Stress->new(postgres => $postgres, httpds => [ $first, $second ],
    connections => 64, writers => 8);
$stress->start;
my $made = make_trouble($stress, now() + $SECONDS);
ok $stress->finish, 'the writers and the readers did their work';
my $verdict = Secsession::Stress::Verdict->new(lease => $LEASE, $stress->records);
my $count = say_what_happened($verdict, $made);
is_none("no session was accepted after its end and the lease ($count->{sessions} sessions)",
    $verdict->late);
is_none(
    "nobody was logged out by trouble, nor by what was rolled back ($count->{requests} requests)",
    $verdict->lost);
is_none('nobody got an answer that was made for somebody else', $verdict->wrong);
cmp_ok $count->{asked}, '>', $count->{sessions} * 0.8,
    'nearly all sessions were asked before their end and after it';
cmp_ok $count->{went_on}, '>', 0, 'and some after the end that was rolled back';
done_testing;
