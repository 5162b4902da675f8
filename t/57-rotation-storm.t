# Ten thousand rotations, with browsers that lose responses, get them late and in another order,
# request several pages at once, and let requests wait for longer than the grace: no honest user is
# logged out, and every retired token is recognised as such.

use lib 't/lib';
use Secsession::Test;
use Digest::SHA qw(sha256 sha256_hex);
use MIME::Base64 qw(decode_base64url encode_base64url);
use POSIX '_exit';
use Secsession::Process qw(await scratch slurp spew);
use Time::HiRes 'time';

my ($SESSIONS, $WORKERS, $ROTATIONS) = (500, 2, 10_000);
my $CONFIG = "SecSessionRotateInterval 1s\nSecSessionRotateGrace 1s\n";
my ($postgres, $first) = start_servers(children => 2, threads => 16, config => $CONFIG);
my $second = Secsession::Httpd->start(
    postgres => $postgres, children => 2, threads => 16,
    config => Secsession::Test::standard_config(config => $CONFIG),
    files => { 'static/page.html' => "<p>private</p>\n" }
);
my @SERVERS = ($first, $second);
my $BROWSER = [ [ 'User-Agent' => 'Browser' ] ];

my @tokens = map { encode_base64url(sha256("token $_ " . rand)) } 1 .. $SESSIONS;
sub hash_of { return sha256_hex(decode_base64url($_[0])) }
$postgres->psql(
    "select count(secsession.authenticate(row(decode(h, 'hex'), null, 'localhost', 'user' || n,
        'form', null, '192.0.2.1', 'Browser', 3600, 36000)::secsession.login))
    from unnest(string_to_array(:'hashes', ' ')) with ordinality as t (h, n)",
    vars => { hashes => join ' ', map { hash_of($_) } @tokens }
);

# What is due in a list of pairs [when, token], which it leaves there no longer.
sub due {
    my ($list) = @_;
    my $now = time;
    my @due = map { $_->[1] } grep { $_->[0] <= $now } @$list;
    @$list = grep { $_->[0] > $now } @$list;
    return @due;
}

# One browser: the token it has, all that it ever had, answers that are still on their way to it,
# and requests that wait, with the token that it had when they were made.
sub step {
    my ($browser) = @_;
    have($browser, $_) for due($browser->{late});
    push @{ $browser->{queue} }, [ time + rand 20, $browser->{token} ] if rand() < 0.3;
    my @under_way = map {
        $SERVERS[ rand @SERVERS ]->client->set_token($_)
            ->start_request('GET', '/static/page.html', headers => $BROWSER)
    } due($browser->{queue}), ($browser->{token}) x (1 + int rand 3);
    for my $response (map { $_->finish } @under_way) {
        $browser->{refused} .= $response->status . ' ' if $response->status != 200;
        my ($next) = ($response->cookie('__Host-secsession') // next) =~ /=([^;]+)/ or next;
        my $luck = rand;
        next if $luck < 0.15;    # lost
        if ($luck < 0.4) {
            push @{ $browser->{late} }, [ time + rand 3, $next ];
        } else {
            have($browser, $next);
        }
    }
    return;
}

sub have {
    my ($browser, $token) = @_;
    $browser->{token} = $token;
    $browser->{had}{$token} = 1;
    return;
}

sub rotations {
    return $postgres->value("select count(*) from secsession.event where event = 'rotated'");
}

# Each worker writes down the browsers that were refused, and for each a line of all tokens, the one
# it has first.
sub work {
    my ($mine, $file) = @_;
    my @browsers =
        map { { token => $_, had => { $_ => 1 }, late => [], queue => [], refused => '' } } @$mine;
    until (-e "$file.stop") {
        step($_) for @browsers;
    }
    $_->{late} = [] for @browsers;
    step($_) for @browsers;    # each has used the token that it has
    spew(
        $file,
        join '',
        map { join(' ', $_->{refused} =~ s/ /,/gr || '-', $_->{token}, keys %{ $_->{had} }) . "\n" }
            @browsers
    );
    return;
}

my $folder = scratch('storm');
my @pids;
for my $worker (0 .. $WORKERS - 1) {
    my @mine = @tokens[ grep { $_ % $WORKERS == $worker } 0 .. $#tokens ];
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        my $is_done = eval { work(\@mine, "$folder/$worker"); 1 };
        warn $@ unless $is_done;
        _exit($is_done ? 0 : 1);
    }
    push @pids, $pid;
}
await { rotations() >= $ROTATIONS } 1800;    # however slow the machine is
spew("$folder/$_.stop", '') for 0 .. $WORKERS - 1;
is Secsession::Process::wait_for($_, 60), 0, 'a worker has done its work' for @pids;

my @browsers = map { [ split ' ' ] } map { split /\n/, slurp("$folder/$_") } 0 .. $WORKERS - 1;
cmp_ok rotations(), '>=', $ROTATIONS, 'so many rotations';
is scalar(@browsers), $SESSIONS, 'by so many browsers';
is_deeply [ grep { $_->[0] ne '-' } @browsers ], [], 'nobody was ever refused';
is $postgres->value("select count(*) from secsession.event where event = 'reuse_detected'"), 0,
    'nothing was taken for theft';
is $postgres->value("select count(*) from secsession.active_session where user_name like 'user%'"),
    $SESSIONS, 'every session is there';
is $postgres->value(
    "select count(*) from (select session_id from secsession.token where retired_at is null
        and offered_grace is null
    group by session_id having count(*) <> 1) s"
    ),
    0, 'with one token each';

# Of every second browser a thief who looks like it comes an hour later, when no request can still
# have waited; of the others one who looks otherwise, who is found out after the grace: whatever was
# stolen.
$postgres->psql(
    "update secsession.other_token t set retired_at = retired_at - s.late,
        grace_until = grace_until - s.late
    from (
        select session_id, case when right(user_name, 1)::int % 2 = 0 then interval '1 hour'
            else interval '1 min' end as late from secsession.session) s
    where s.session_id = t.session_id and retired_at is not null"
);
my %looks_like_it = map { $_ => 1 } split /\n/,
    $postgres->psql(
    "select encode(t.token_hash, 'hex') from secsession.token t
    join secsession.session using (session_id) where right(user_name, 1)::int % 2 = 0"
    );
my %is_retired = map { $_ => 1 } split /\n/,
    $postgres->psql(
    "select encode(token_hash, 'hex') from secsession.token where retired_at is not null");
my ($stolen, $found, $ended) = (0, 0, 0);
for my $browser (@browsers) {
    my ($refused, $current, @had) = @$browser;
    my @retired = grep { $is_retired{ hash_of($_) } } @had or next;
    my $token = $retired[ rand @retired ];
    my @looks = $looks_like_it{ hash_of($token) } ? (headers => $BROWSER) : ();
    $stolen++;
    $found += $first->client->set_token($token)->get('/static/page.html', @looks)->status == 401;
}
has_heard($postgres) for @SERVERS;
$ended += $second->client->set_token($_->[1])->get('/static/page.html')->status == 401
    for @browsers;
cmp_ok $stolen, '>', $SESSIONS * 0.9, 'of nearly every browser something could be stolen';
is $found, $stolen, 'every use of it is refused';
is $postgres->value("select count(*) from secsession.event where event = 'reuse_detected'"),
    $stolen, 'is written down';
is $ended, $stolen, 'and ends the session';

done_testing;
