# Idle and absolute timeouts as a browser sees them: they follow the database's clock, are those
# that applied at the login, and cost few writes (I6). The superuser makes sessions older in the
# tables instead of waiting.
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await run scratch spew);
use Time::HiRes qw(time);

my ($IDLE, $ABSOLUTE) = (1800, 8 * 3600);
my $OVER = $IDLE * 1.01;    # the last use is known to a hundredth
my $LOCATIONS = <<'CONFIG';
<Location "/app/show/idle">
    SecSessionIdleTimeout 1m
</Location>
<Location "/app/show/absolute">
    SecSessionAbsoluteTimeout 10m
</Location>
<Location "/app/show/poll">
    SecSessionTouch Off
</Location>
<Location "/app/show/longer">
    SecSessionIdleTimeout 10h
    SecSessionAbsoluteTimeout 30d
</Location>
CONFIG

sub limits {
    my ($idle, $absolute) = @_;
    return "SecSessionIdleTimeout $idle\nSecSessionAbsoluteTimeout $absolute\n$LOCATIONS";
}

sub configuration { return Secsession::Test::standard_config(config => limits(@_)) }

my ($postgres, $httpd) = start_servers(config => limits('30m', '8h'));
my @navigation = (headers => [ [ Accept => 'text/html' ] ]);


sub update_session {
    my ($id, $set) = @_;
    return $postgres->psql("update secsession.session set $set where session_id = :'id'",
        vars => { id => $id });
}
sub not_used_for {
    my ($id, $seconds) = @_;
    update_session($id, "last_seen_at = now() - interval '$seconds s'");
    return has_heard($postgres);
}

# As if the user had authenticated so long ago, and been busy since.
sub logged_in_for {
    my ($id, $seconds) = @_;
    update_session(
        $id, "created_at = created_at - interval '$seconds s', last_seen_at = now(),
        authenticated_at = authenticated_at - interval '$seconds s', expires_at = expires_at -
        interval '$seconds s'"
    );
    return has_heard($postgres);
}

sub stored {
    my ($id, $columns) = @_;
    return $postgres->value("select $columns from secsession.session where session_id = :'id'",
        vars => { id => $id });
}

sub is_let_in {
    my ($client, $name, $path) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $response = $client->get($path // '/app/show', @navigation);
    is $response->status, 200, $name;
    is $response->header('Set-Cookie'), undef, "$name, and keeps the cookie";
    return;
}

# A change in the tables is heard within the lease.
sub is_sent_to_login {
    my ($client, $why, $name, $path) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    await { $client->clone->get($path // '/app/show')->status != 200 };
    my $response = $client->clone->get($path // '/app/show', @navigation);
    is $response->status, 303, $name;
    like $response->header('Location') // '', qr{/login\?return=[^&]*&why=$why\z},
        "$name, and told why: $why";
    is $client->clone->get($path // '/app/show')->status, 401, "$name: a script gets 401";
    return $response;
}

subtest 'who does nothing for the idle timeout has to log in again' => sub {    # ASVS 5.0 7.3.1
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    not_used_for($id, $IDLE - 10);
    is_let_in($alice, 'ten seconds before it she is let in');
    is_let_in($alice, 'which counted as use');
    not_used_for($id, $OVER);
    is_sent_to_login($alice, 'idle', 'after it she is sent to log in');
    is stored($id, 'end_reason'), 'idle', 'the session has ended for good';
    update_session($id, 'last_seen_at = now()');
    is_sent_to_login($alice, 'idle', 'and later use does not bring it back');
};

subtest 'what another site makes her browser send, and is refused, is no use' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my %refused = (
        'a form' => sub { $alice->post('/app/show', 'x=1', headers => [ [ 'Sec-Fetch-Site' => 'cross-site' ] ]) },
        'a form, by an older browser' =>
            sub { $alice->post('/pub/show', 'x=1', headers => [ [ Origin => 'https://evil.example' ] ]) },
        'a WebSocket' => sub {
            $alice->get('/app/show', headers => [ [ Origin => 'https://evil.example' ],
                [ Upgrade => 'websocket' ], [ Connection => 'Upgrade' ] ]);
        },
    );
    for my $what (sort keys %refused) {
        not_used_for($id, 300);
        is $refused{$what}->()->status, 403, "$what is refused";
        has_heard($postgres);
        is stored($id, "now() - last_seen_at >= interval '300 s'"), 't', '... and not noted';
    }
};

subtest 'who is busy for the absolute timeout has to log in again' => sub {    # ASVS 5.0 7.3.2
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my $end = stored($id, 'expires_at');
    is stored($id, 'extract(epoch from expires_at - authenticated_at)::int'), $ABSOLUTE,
        'the end is set at the login';
    for my $idle (200, 400, 600) {
        not_used_for($id, $idle);
        is_let_in($alice, "a request after $idle seconds");
    }
    is stored($id, 'now() - last_seen_at < interval \'30 s\''), 't',
        'requests move the time of the last use';
    is stored($id, 'expires_at'), $end, 'and never the absolute end';
    logged_in_for($id, $ABSOLUTE - 20);
    is_let_in($alice, 'twenty seconds before the end she is let in');
    logged_in_for($id, 20);
    is_sent_to_login($alice, 'absolute', 'after it she is sent to log in');
    is stored($id, 'end_reason'), 'absolute', 'the session has ended for good';
};

subtest 'logging in again sets a new absolute end' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    logged_in_for($id, $ABSOLUTE - 60);
    is $alice->login('alice', password_of('alice'))->status, 303,
        'she logs in again a minute before the end';
    is id_of($alice), $id, 'it is the same session';
    is stored($id, "expires_at - now() > interval '$ABSOLUTE s' - interval '1 minute'"), 't',
        'with the whole time before it';
    is stored($id, "now() - created_at > interval '7 hours'"), 't', 'though it began long ago';
    my $seen = environment_of($alice->get('/app/show'));
    is $seen->{SECSESSION_EXPIRES} - $seen->{SECSESSION_AUTHENTICATED}, $ABSOLUTE,
        'applications are told the new end';
};

subtest 'a location with a shorter timeout asks for a login there, and nowhere else' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    is_let_in($alice, 'right after the login she is let in', "/app/show/$_")
        for qw(idle absolute longer);
    is environment_of($alice->get('/app/show/idle'))->{SECSESSION_IDLE}, 60,
        'applications are told the shorter limit';
    is environment_of($alice->get('/app/show/longer'))->{SECSESSION_IDLE}, $IDLE,
        'and no longer one than the session has';

    not_used_for($id, 300);
    my $refused = is_sent_to_login(
        $alice, 'idle', 'five minutes idle: not where a minute is allowed',
        '/app/show/idle'
    );
    is $refused->header('Set-Cookie'), undef, 'her cookie is not deleted';
    is stored($id, "now() - last_seen_at >= interval '300 s'"), 't',
        'the refused requests were no use of the session';
    my $way = $refused->header('Location') =~ s{^https?://[^/]+}{}r;
    is $alice->get($way, @navigation)->status, 200, 'the login page asks for her password';
    is_sent_to_login($alice, 'idle', 'to look at it gives her nothing', '/app/show/idle');
    my $on = $alice->get('/login?return=%2Fapp%2Fshow%2Fidle', @navigation);
    is_deeply [ $on->status, $on->header('Location') =~ s{^https?://[^/]+}{}r ],
        [ 303, '/app/show/idle' ], 'opened by herself it sends her on';
    is_sent_to_login($alice, 'idle', 'which is no use either', '/app/show/idle');
    is $alice->get($way, @navigation)->status, 200, 'and ends at the page that asks for it';
    is stored($id, "now() - last_seen_at >= interval '300 s'"), 't', 'all of it was no use';
    is_let_in($alice, 'elsewhere the session lives');
    is_let_in($alice, 'and after a request elsewhere there too', '/app/show/idle');

    logged_in_for($id, 600);
    $refused = is_sent_to_login(
        $alice, 'absolute', 'ten minutes after the login: not where ten are allowed',
        '/app/show/absolute'
    );
    is $refused->header('Set-Cookie'), undef, 'her cookie is not deleted';
    is_let_in($alice, 'elsewhere the session lives');
    is stored($id, 'ended_at is null'), 't', 'and has not ended in the database';
    $alice->login('alice', password_of('alice'));
    is_let_in($alice, 'she logs in again and is let in', '/app/show/absolute');
};

subtest 'a location with a longer timeout does not lengthen a session' => sub {
    my ($idle, $absolute) = map { browser($httpd, 'alice') } 1 .. 2;
    not_used_for(id_of($idle), $OVER);
    logged_in_for(id_of($absolute), $ABSOLUTE);
    is_sent_to_login($idle, 'idle', 'the idle timeout of the login', '/app/show/longer');
    is_sent_to_login($absolute, 'absolute', 'the absolute timeout of the login',
        '/app/show/longer');
};

subtest 'a session keeps the limits of its login when the configuration changes' => sub {
    my ($idle, $absolute, $living) = map { browser($httpd, 'alice') } 1 .. 3;
    my $id = id_of($living);
    $httpd->reconfigure(configuration('4h', '20d'));
    $httpd->graceful;
    my $expires = environment_of($living->get('/app/show'))->{SECSESSION_EXPIRES};
    is $expires, stored($id, 'floor(extract(epoch from expires_at))'),
        'applications are told the old end';
    is environment_of($living->get('/app/show'))->{SECSESSION_IDLE}, $IDLE,
        'and the old idle timeout';
    not_used_for(id_of($idle), $OVER);
    logged_in_for(id_of($absolute), $ABSOLUTE);
    is_sent_to_login($idle, 'idle', 'a longer idle timeout revives nobody');
    # A server that has just been started purges: then nobody knows why any more.
    like $absolute->get('/app/show', @navigation)->header('Location'),
        qr{^/login\?return=[^&]*(?:&why=absolute)?\z}, 'nor does a longer absolute one';
    my $new = browser($httpd, 'alice');
    is stored(id_of($new), "idle_timeout || ' ' || absolute_timeout"), '14400 1728000',
        'a new login has the new limits';

    $httpd->reconfigure(configuration('5m', '1h'));
    $httpd->graceful;
    not_used_for(id_of($living), 303);
    is_sent_to_login($living, 'idle', 'shorter limits hold at once, for old sessions too');
    is stored($id, 'ended_at is null'), 't', 'as a limit of the place: the session has not ended';
    $httpd->reconfigure(configuration('30m', '8h'));
    $httpd->graceful;
    is_let_in($living, 'and where they are lifted she is let in');
};

# --- writes --------------------------------------------------------------------------------------

# Every row version of a session, written down by the database itself.
$postgres->psql(<<'SQL');
create table written (n bigserial, session_id uuid, last_seen_at timestamptz, expires_at timestamptz);
create function note_write() returns trigger language plpgsql security definer as
    'begin insert into public.written (session_id, last_seen_at, expires_at)
     values (new.session_id, new.last_seen_at, new.expires_at); return new; end';
create trigger note_write after insert or update on secsession.session for each row execute function note_write();
SQL

sub writes {
    my ($id) = @_;
    return $postgres->value("select count(*) from written where session_id = :'id'",
        vars => { id => $id });
}

subtest 'requests in a row do not write to the database each time' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my $before = writes($id);
    my @status = map { $alice->get('/static/page.html', keep_alive => 1)->status } 1 .. 200;
    is scalar(grep { $_ == 200 } @status), 200, 'two hundred requests are served';
    is writes($id) - $before, 0, 'none of them writes: a hundredth of the idle timeout has not passed';
    not_used_for($id, $IDLE / 10);
    $before = writes($id);
    $alice->get('/static/page.html', keep_alive => 1) for 1 .. 200;
    is writes($id) - $before, 1, 'then the first of two hundred writes, and no other';
    not_used_for($id, $IDLE / 10);
    $before = writes($id);
    my @running = map { $alice->start_request('GET', '/static/page.html') } 1 .. 24;
    is scalar(grep { $_->finish->status == 200 } @running), 24,
        'two dozen requests at once are served';
    is writes($id) - $before, 1, 'one of them writes';
};

subtest 'a session with a short idle timeout is written at most once a second' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    update_session($id, 'idle_timeout = 5');    # a tenth of it is half a second
    my $before = writes($id);
    my ($requests, $failed, $end) = (0, 0, time + 15);
    while (writes($id) < $before + 3 && time < $end) {
        $failed +=
            grep { $alice->get('/static/page.html', keep_alive => 1)->status != 200 } 1 .. 20;
        $requests += 20;
    }
    is $failed, 0, 'all requests are served';
    cmp_ok writes($id) - $before, '>=', 3, "the last use is kept up to date ($requests requests)";
    my $is_spaced = $postgres->value(<<'SQL', vars => { id => $id, before => $before });
select bool_and(gap >= interval '1 second') from (
    select last_seen_at - lag(last_seen_at) over (order by n) as gap, row_number() over (order by n) as row
    from written where session_id = :'id') w
where row > :before + 1
SQL
    is $is_spaced, 't', 'and between two writes a second passes';
};

subtest 'a page that polls keeps no session alive' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    not_used_for($id, $IDLE - 30);
    my $before = stored($id, 'last_seen_at');
    is_let_in($alice, 'it is served', '/app/show/poll') for 1 .. 3;
    is stored($id, 'last_seen_at'), $before, 'and the time of the last use stays';
    not_used_for($id, $OVER);
    is_sent_to_login($alice, 'idle', 'after the idle timeout it is not served', '/app/show/poll');
    my $busy = browser($httpd, 'alice');
    my $other = id_of($busy);
    not_used_for($other, $IDLE - 30);
    has_heard($postgres);
    is_let_in($busy, 'polled first', '/app/show/poll');
    is_let_in($busy, 'then used');
    wait_until { stored($other, "now() - last_seen_at < interval '20 s'") eq 't' }
        'which counts';
};

subtest 'a database whose clock is set back does not shorten a session' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    update_session($id, "last_seen_at = now() + interval '10 minutes'");
    my $ahead = stored($id, 'last_seen_at');
    is_let_in($alice, 'a request afterwards is served');
    is stored($id, 'last_seen_at'), $ahead, 'and the time of the last use stays where it was';
};

# --- clocks --------------------------------------------------------------------------------------

# A library that moves the clock of whoever loads it: libfaketime, as far as it is needed here.
my $SHIM = <<'C';
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) { const char *s = getenv("TEST_CLOCK_SHIFT"); return s ? atol(s) : 0; }
int clock_gettime(clockid_t id, struct timespec *ts) {
    int result = (int)syscall(SYS_clock_gettime, id, ts);
    if (result == 0 && id == CLOCK_REALTIME) ts->tv_sec += shift();
    return result;
}
int gettimeofday(struct timeval *restrict tv, void *restrict tz) {
    struct timespec ts; clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec; tv->tv_usec = ts.tv_nsec / 1000; return 0;
}
time_t time(time_t *t) {
    struct timespec ts; clock_gettime(CLOCK_REALTIME, &ts);
    if (t) *t = ts.tv_sec;
    return ts.tv_sec;
}
C

sub httpd_with_clock {
    my ($library, $shift) = @_;
    local $ENV{LD_PRELOAD} = $library;
    local $ENV{TEST_CLOCK_SHIFT} = $shift;
    return Secsession::Httpd->start(postgres => $postgres, config => configuration('30m', '8h'));
}

subtest 'a server whose clock is wrong treats sessions like the others' => sub {
    plan skip_all => 'the sanitizers need the place in LD_PRELOAD' if $ENV{SECSESSION_ASAN};
    my $folder = scratch('clock');
    spew("$folder/clock.c", $SHIM);
    my @command =
        ($ENV{CC} || 'cc', '-shared', '-fPIC', '-o', "$folder/clock.so", "$folder/clock.c");
    my ($exit, undef, $error) = run(\@command);
    is $exit, 0, 'a library that shifts the clock' or return diag $error;
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    for my $shift (400 * 86400, -400 * 86400) {
        my $wrong = httpd_with_clock("$folder/clock.so", $shift);
        my ($year) = $wrong->get('/ready.txt')->header('Date') =~ / (\d{4}) /;
        isnt $year, 1900 + (gmtime)[5], "a server that thinks it is $year";
        my $there = $wrong->client->set_token($alice->token);
        is_let_in($there, 'lets her in');
        my $before = stored($id, 'last_seen_at');
        my $late = browser($wrong, 'bob');
        is_let_in($late->clone, 'a login there');
        my $login = environment_of($late->get('/app/show'));
        is $login->{SECSESSION_EXPIRES} - $login->{SECSESSION_AUTHENTICATED}, $ABSOLUTE,
            'lasts as long as any';
        is_let_in($httpd->client->set_token($late->token), 'and here, where the clock is right');
        is stored($id, 'last_seen_at'), $before,
            'its requests do not move the time of the last use';
        not_used_for($id, $IDLE - 20);
        is_let_in($there, 'just before the idle timeout it lets her in');
        wait_until {
            $there->get('/app/show');
            stored($id, "now() - last_seen_at between '0' and interval '15 s'") eq 't'
        }
        'which was now, by the database, as soon as that server has heard';
        not_used_for(environment_of($late->get('/pub/show'))->{SECSESSION_ID}, $OVER);
        is_sent_to_login($late, 'idle', 'after it nobody');
        $wrong->stop;
    }
    is_let_in($alice, 'and here she is still logged in');
};

done_testing;
