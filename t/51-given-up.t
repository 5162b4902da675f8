# What a request has given up does not go on in PostgreSQL: no process is left behind, no login
# takes effect after it was answered with 503, and others are served meanwhile.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Psql;
use Secsession::Process qw(await spew);

my ($children, $max) = (2, 3);
my ($postgres, $httpd) = start_servers(
    children => $children, threads => 8,
    config => "SecSessionCache Off\nDBDMax $max\nDBDMin 0\n",
);
my @navigation = (headers => [ [ Accept => 'text/html' ] ]);

sub sql { return $postgres->psql(@_) }
sub count_in_log { my ($number) = @_; return scalar(() = $httpd->error_log =~ /\b$number: /g) }
sub live { return $postgres->value('select count(*) from secsession.active_session') }

# Under prefork there are as many children as requests.
sub most { return $max * scalar($httpd->child_pids) }

sub backends {
    return $postgres->value(
        "select count(*) from pg_stat_activity where usename = 'httpd_web'
        and application_name not in ('mod_secsession feed', 'mod_secsession housekeeper')");
}

sub is_quiet {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_until {
        $postgres->value(
            "select count(*) from pg_stat_activity where usename = 'httpd_web' "
                . "and state <> 'idle'") == 0
    }
    10, $name;
}

# Every login takes so long, until that is called off.
sub slow {
    my ($seconds) = @_;
    sql(<<"SQL");
create function public.slow() returns trigger language plpgsql
as \$\$begin perform pg_sleep($seconds); return null; end\$\$;
create trigger slow after insert on secsession.session for each row execute function public.slow();
SQL
    return;
}
sub fast { return sql('drop trigger slow on secsession.session; drop function public.slow()') }

# Starts requests in waves, and returns the responses and the most backends that were seen.
sub in_waves {
    my ($waves, $start) = @_;
    my ($most, @responses) = (0);
    for (1 .. $waves) {
        my @running = map { $start->() } 1 .. 8;
        await {
            my $now = backends();
            $most = $now if $now > $most;
            !grep { !$_->is_answered } @running
        }
        10;
        push @responses, map { $_->finish } @running;
    }
    return ($most, @responses);
}

sub login {
    my ($user) = @_;
    my $client = $httpd->client;
    return $client->start_request(
        "POST", "/login",
        body => "username=$user&password=" . password_of($user) =~ tr{ }{+}r,
        headers => [
            [ "Content-Type" => "application/x-www-form-urlencoded" ],
            [ Origin => $client->origin ]
        ]
    );
}

my $alice = browser($httpd, 'alice');

# First, since the log repeats itself once a minute only.
subtest 'somebody holds what a login needs' => sub {
    my $stranger = Secsession::Psql->new($postgres);
    my ($pid) = $stranger->run('select pg_backend_pid();') =~ /(\d+)/;
    $stranger->run('begin; lock table secsession.session in share row exclusive mode;');
    is login('bob')->finish->status, 503, 'it gets 503';
    is $alice->get('/app/show')->status, 200, 'who is logged in is served';
    wait_until { $httpd->error_log =~ /SS116: .*\bpid $pid \(/ } 10, 'and the log names the process';
    $stranger->run('rollback;');
    is login('bob')->finish->status, 303, 'when it lets go, the login works';
};

subtest 'a statement that takes long' => sub {
    my $before = live();
    slow(30);
    my ($most, @responses) = in_waves(3, sub { login('bob') });
    is join(' ', map { $_->status } grep { $_->status != 503 } @responses), '', 'logins get 503';
    cmp_ok $most, '<=', most(), 'no more processes of PostgreSQL than DBDMax allows';
    is $alice->get('/app/show')->status, 200, 'who is logged in is served';
    is_quiet('PostgreSQL does not go on with them');
    fast();
    is live(), $before, 'none of them took effect';
    is count_in_log('SS101'), 0, 'the log does not say that the database is away';
    ok count_in_log('SS116'), 'but that a statement was given up';
    is login('bob')->finish->status, 303, 'then a login works';
};

subtest 'a request that has waited for a connection' => sub {
    sql('truncate secsession.session cascade');
    $alice = browser($httpd, 'alice');
    my $before = live();
    slow(1.1);
    my ($most, @responses) = in_waves(2, sub { login('bob') });
    is_quiet('nothing goes on');
    is live() - $before, scalar(grep { $_->status == 303 } @responses),
        'as many sessions begin as logins were answered so';
    fast();
};

subtest 'a row that somebody has locked' => sub {
    my $idle = browser($httpd, 'alice');
    my $id = id_of($idle);
    my $guest = browser($httpd, 'bob');
    sql("update secsession.session set last_seen_at = now() - interval '1 d' "
            . "where session_id = '$id'");
    open my $psql, '|-', $postgres->client, '-q', '-o', '/dev/null' or die "psql: $!";
    $psql->autoflush(1);
    print {$psql} "begin; select from secsession.session where session_id = '$id' for update;\n";
    await {
        $postgres->value(
            "select count(*) from pg_stat_activity where state = 'idle in transaction'") == 1
    }
    10;
    my ($most, @responses) =
        in_waves(3, sub { $idle->clone->start_request('GET', '/app/show', @navigation) });
    is scalar(grep { $_->status == 200 } @responses), 0, 'nobody gets in with it';
    cmp_ok $most, '<=', most(), 'no more processes of PostgreSQL than DBDMax allows';
    is $guest->get('/app/show')->status, 200, 'others are served';
    is login('bob')->finish->status, 303, 'and log in';
    print {$psql} "rollback;\n";
    close $psql;
    is_quiet('nothing goes on');
};

subtest 'PostgreSQL waits for a standby that is away' => sub {
    sql('alter system set synchronous_standby_names = nobody; select pg_reload_conf()');
    await { $postgres->value('show synchronous_standby_names') eq 'nobody' } 10;
    my @waiting = map { login('bob') } 1 .. 4;
    my ($served, $answers) = (0, 0);
    await {
        $answers++;
        $served++ if $alice->get('/app/show')->status == 200;
        !grep { !$_->is_answered } @waiting
    }
    10;
    cmp_ok $served, '>=', 1, 'requests go on meanwhile';
    is $served, $answers, 'all of them';
    is join(' ', map { $_->finish->status } @waiting), '503 503 503 503', 'logins get 503';
    is_quiet('no process waits on for it');
    ok count_in_log('SS117'), 'the log says what it may be';
    is count_in_log('SS101'), 0, 'and not that the database is away';
    sql('alter system reset synchronous_standby_names; select pg_reload_conf()');
    wait_until { login('bob')->finish->status == 303 } 10, 'when it is back, logins work';
};

subtest 'processes of PostgreSQL that are stopped' => sub {
    my %stopped;
    my $most = 0;
    for (1 .. 8) {
        $stopped{$_} = 1 for $postgres->backend_pids;
        kill 'STOP', keys %stopped;
        my @running = map { $alice->clone->start_request('GET', '/app/show') } 1 .. 8;
        $_->finish for @running;
        my $now = backends();
        $most = $now if $now > $most;
    }
    cmp_ok $most, '<=', most(), 'are not replaced by others without end';
    kill 'CONT', keys %stopped;
    my $in_a_row = 0;
    wait_until {
        $in_a_row = $alice->get('/app/show')->status == 200 ? $in_a_row + 1 : 0;
        $in_a_row == 20
    }
    20, 'when they go on, so do the sessions';
    cmp_ok backends(), '<=', most(), 'on as many connections as before';
};

done_testing;
