# The cache, the feed and the lease in every order of their steps: SPIN searches t/model/cache.pml
# for an order in which a revoked session is accepted, or a token gets the session of another one;
# and t/model/rotation.pml for one in which a browser is refused that is alone with its session, or
# a thief goes on for longer than he may. There is none; but if any rule is taken away, there is
# one. And what the whole models should be able to reach is reached.
# asan: no
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run scratch slurp spew checkout);

my ($spin) = grep { -x } map { "$_/spin" } split /:/, $ENV{PATH};
plan skip_all => 'spin is not installed' unless $spin;

# What a search is about; t/model/README.md says it at length.
my @late = qw(LATE MAX_TIME=3);
my @session = (@late, 'KIND=SESSION');
my @user = (@late, 'KIND=USER');
my @short = qw(LATE LEASE=1 MAX_TIME=1 MAX_LOSSES=0 SILENT);
my @others = (@session, qw(MAX_LOSSES=0 SILENT OTHERS));
my @slots = qw(SLOTS WORDS FILLERS=2 KIND=LOGOUT);
my @early = qw(LEASE=1 MAX_TIME=1 KIND=SESSION);

my ($promised, $not_late) = ('errors: 0', '!(late)');
my $only_mine = qr/keys==1|data==/;
my ($served, $not_both) = (qr/served \(at/, qr/next_party/);

# Of rotation.pml.
my @rotations = (
    [ $promised, 'a browser alone with its session is always served' ],
    [ $promised, 'a thief who looks like it does not go on beside it', 'THIEF=1' ],
    [ $promised, 'one who looks otherwise not even for the time of a queue', 'THIEF=2' ],

    [ $served, 'a retired token is served to requests that waited', 'BREAK_QUEUE' ],
    [ $served, 'a token is offered before it is current', 'BREAK_OFFER_FIRST' ],
    [ $served, 'a token is kept for longer than requests wait', 'BREAK_INTERVAL' ],
    [ $not_both, 'not for ever', qw(THIEF=1 BREAK_QUEUE_ENDS) ],
    [ $not_both, 'to who has the next token, not to who logged in', qw(THIEF=2 BREAK_OF_NEXT) ],
    [ $not_both, 'a token is retired once', qw(THIEF=1 BREAK_RETIRED_ONCE) ],

    (map { [ $_, "it happens to a browser: $_", "WITNESS=$_" ] } qw(QUEUED IN_GRACE LOST)),
    (map { [ $_, "it happens with a thief: $_", 'THIEF=2', "WITNESS=$_" ] }
        qw(THIEF_IS_FIRST LATE_OFFER ALARM_BY_OWNER ALARM_BY_THIEF)),
);

# Of cache.pml.
my @searches = (
    # The whole protocol.
    [ $promised, 'a revoked session is not accepted later than the lease', @session ],
    [ $promised, 'nor is one of a revoked user, wherever the login commits', @user ],
    [ $promised, 'nor any when all are revoked', @late, 'KIND=ALL' ],
    [ $promised, 'nor after a logout, here at once',
        @late, qw(KIND=LOGOUT MAX_LOSSES=0 SILENT) ],
    [ $promised, 'nor when others end sessions that share its floor', @others ],
    [ $promised, 'nor when its slot is just being written',
        @session, qw(MAX_LOSSES=0 SILENT WORDS) ],
    [ $promised, 'a request before that gets what is its own', @early, 'MAX_LOSSES=0' ],
    [ $promised, 'two fillers of a slot: none gets what is another\'s', @slots, 'OTHERS' ],
    [ $promised, 'three fillers of a slot', qw(SLOTS WORDS FILLERS=3 KIND=LOGOUT) ],

    # Without one of its rules.
    [ $not_late, 'the generation is read before the query',
        @session, 'BREAK_GENERATION_BEFORE_QUERY' ],
    [ $not_late, 'a notification raises a floor', @session, 'BREAK_FLOOR' ],
    [ $not_late, 'a floor is raised, the slot not just blanked',
        @session, 'BREAK_FLOOR_NOT_BLANK' ],
    [ $not_late, 'the generation counts up before a floor is raised', @session, 'BREAK_COUNT_UP' ],
    [ $not_late, 'a floor is only raised, never lowered', @others, 'BREAK_RAISE_ONLY' ],
    [ $not_late, 'the lease counts from before the heartbeat', @session, 'BREAK_LEASE_FROM_BEGIN' ],
    [ $not_late, 'a heartbeat brings the news, since NOTIFY may not come', @session, 'BREAK_NEWS' ],
    [ $not_late, 'the news are obeyed before the lease is extended', @session, 'BREAK_NEWS_FIRST' ],
    [ $not_late, 'the first heartbeat of a connection empties the cache',
        @session, 'BREAK_FLOOR_ALL_AT_FIRST' ],
    [ $not_late, 'it is emptied after that, not before',
        @session, 'BREAK_FLOOR_ALL_AFTER_SNAPSHOT' ],
    [ $not_late, 'nothing is news before the commit', @session, 'BREAK_CHANGE_NOT_EARLIER' ],
    [ $not_late, 'nothing becomes news after the commit', @session, 'BREAK_CHANGE_NOT_LATER' ],
    [ $not_late, 'a login is met by a revocation that it could not see',
        @short, qw(KIND=USER BREAK_LOGIN_SEEN) ],
    [ $not_late, 'a reader obeys the lease', @session, 'BREAK_LEASE' ],
    [ $not_late, 'a reader reads the lease before the floors',
        @session, 'BREAK_LEASE_BEFORE_FLOORS' ],
    [ $not_late, 'a reader compares the session\'s floor', @session, 'BREAK_SESSION_KEY_CHECK' ],
    [ $not_late, 'a reader compares the user\'s floor', @user, 'BREAK_USER_KEY_CHECK' ],
    [ $not_late, 'a reader compares the floor of all', @late, qw(KIND=ALL BREAK_FLOOR_ALL_CHECK) ],
    [ $not_late, 'the clock is never set back', @session, 'BREAK_MONOTONIC_CLOCK' ],
    [ $not_late, 'one feed at a time', @short, qw(KIND=SESSION BREAK_FEED_LOCK) ],
    [ $not_late, 'a logout raises the floor itself', @late, qw(KIND=LOGOUT BREAK_OWN_STEP) ],
    [ $not_late, 'by the session, not by the token that was presented',
        @late, qw(KIND=LOGOUT BREAK_OWN_STEP_BY_SESSION) ],
    [ $not_late, 'and after its commit', @late, qw(KIND=LOGOUT BREAK_OWN_STEP_AFTER_COMMIT) ],
    [ $only_mine, 'a filler makes the sequence odd first', @slots, 'BREAK_MAKE_ODD' ],
    [ $only_mine, 'a filler takes the slot by compare-and-swap', @slots, 'BREAK_SWAP' ],
    [ $only_mine, 'a filler skips a slot that is odd', @slots, 'BREAK_ODD_IS_TAKEN' ],
    [ $only_mine, 'a reader skips a slot that is odd', @slots, 'BREAK_ODD_IS_MISS' ],
    [ $only_mine, 'a reader reads the sequence again', @slots, 'BREAK_RECHECK' ],
    [ $only_mine, 'a reader compares the hash', @slots, 'BREAK_HASH' ],

    # A precaution: the floor of all raised as the others are, two feeds at once do no harm.
    [ $promised, 'two feeds, where no floor is ever lowered',
        @short, qw(KIND=SESSION BREAK_FEED_LOCK RAISE_FLOOR_ALL) ],

    # What must happen, so that the whole protocol shows something.
    (map { [ $_, "it happens: $_", @early, "WITNESS=$_" ] }
        qw(HIT HIT_WITHIN_LEASE HIT_AFTER_TAKEOVER HIT_CONNECTED_AGAIN)),
    (map { [ $_, "it happens to a late request: $_", @session, "WITNESS=$_" ] }
        qw(TAKEOVER STOP NO_ANSWER BETWEEN_HEARTBEATS BEFORE_THE_ANSWER NEWS LEASE_RUNS LEASE_OVER
        BY_FLOOR_ALL BY_SESSION_KEY)),
    [ 'BY_USER_KEY', 'it happens to a late request: BY_USER_KEY', @user, 'WITNESS=BY_USER_KEY' ],
    (map { [ $_, "it happens to a slot: $_", @slots, "WITNESS=$_" ] }
        qw(ODD CHANGED ANOTHER_TOKEN)),
);

my %model_of = map { $_ => 'rotation' } @rotations;
push @searches, @rotations;

sub command_of {
    my ($search) = @_;
    my (undef, undef, @macros) = @$search;
    return join ' ', 't/model/search', $model_of{$search} // 'cache', map { "-D$_" } @macros;
}

# Two at a time, each with its answer in a file.
my $folder = scratch('searches');
my $list = '';
while (my ($n, $search) = each @searches) {
    $list .= checkout() . '/' . command_of($search) . " >$folder/$n 2>&1 || true\n";
}
run([ 'xargs', '-P2', '-d', '\n', '-n1', 'sh', '-c' ], stdin => $list, timeout => 600);

sub is_found {
    my ($said, $what) = @_;
    return $said =~ /assertion violated .*$what/ if ref $what;
    return $said =~ /assertion violated +\Q$what\E/ if $what eq $not_late;
    return $said =~ /errors: 0/ && $said !~ /not completed|too small/ if $what eq $promised;
    return $said =~ /assertion violated \((\d+)!=\1\)/;
}

while (my ($n, $search) = each @searches) {
    my ($expected, $name, @macros) = @$search;
    my $said = slurp("$folder/$n");
    my $broken = (grep { /^BREAK_/ } @macros) && $expected ne $promised;
    ok is_found($said, $expected), $broken ? "a rule that is needed: $name" : $name
        or diag command_of($search), "\n", substr $said, 0, 6000;
    note "$1 states, $2 MB" if $said =~ /(\d+) states, stored.*?([\d.]+)\s+total actual memory/s;
}

# A rule or a witness that is in the model only would show nothing.
my $model = slurp('t/model/cache.pml') . slurp('t/model/rotation.pml');
my @witnesses = map { "WITNESS=$_" } $model =~ /\bwitness\((?!what)(\w+)\)/g;
my %in_model = map { $_ => 1 } @witnesses, $model =~ /\b(BREAK_[A-Z_]+)/g;
my %searched = map { $_ => 1 } grep { /^(?:BREAK_|WITNESS=)/ } map { @$_[ 2 .. $#$_ ] } @searches;
is_deeply [ sort keys %searched ], [ sort keys %in_model ],
    'every rule and every witness of the model is searched';

done_testing;
