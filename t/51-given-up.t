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

# The processes that serve requests.
my $BACKENDS = "from pg_stat_activity where usename = 'httpd_web'
    and application_name not in ('mod_secsession feed', 'mod_secsession housekeeper')";
sub backends { return $postgres->value("select count(*) $BACKENDS") }

sub are_no_more_than {
    my ($most, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return cmp_ok($most, '<=', most(), $name)
        || diag($postgres->psql("select pid, backend_start, state, query $BACKENDS order by 2"));
}

# A look-up that is slow only because the machine is gets 503, too, and is asked for again.
sub is_served {
    my ($client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_until { $client->get('/app/show')->status == 200 } $name;
}

sub is_quiet {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_until {
        $postgres->value(
            "select count(*) from pg_stat_activity where usename = 'httpd_web' "
                . "and state <> 'idle'") == 0
    }
    $name;
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
        };
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
    is_served($alice, 'who is logged in is served');
    wait_until { $httpd->error_log =~ /SS116: .*\bpid $pid \(/ } 'and the log names the process';
    $stranger->run('rollback;');
    is login('bob')->finish->status, 303, 'when it lets go, the login works';
};

subtest 'a statement that takes long' => sub {
    my $before = live();
    slow(30);
    my ($most, @responses) = in_waves(3, sub { login('bob') });
    is join(' ', map { $_->status } grep { $_->status != 503 } @responses), '', 'logins get 503';
    are_no_more_than($most, 'no more processes of PostgreSQL than DBDMax allows');
    is_served($alice, 'who is logged in is served');
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
    };
    my ($most, @responses) =
        in_waves(3, sub { $idle->clone->start_request('GET', '/app/show', @navigation) });
    is scalar(grep { $_->status == 200 } @responses), 0, 'nobody gets in with it';
    are_no_more_than($most, 'no more processes of PostgreSQL than DBDMax allows');
    is_served($guest, 'others are served');
    is login('bob')->finish->status, 303, 'and log in';
    print {$psql} "rollback;\n";
    close $psql;
    is_quiet('nothing goes on');
};

sub waits_for_standby {
    return $postgres->value("select count(*) $BACKENDS and wait_event = 'SyncRep'");
}

subtest 'PostgreSQL waits for a standby that is away' => sub {
    sql('alter system set synchronous_standby_names = nobody; select pg_reload_conf()');
    await { $postgres->value('show synchronous_standby_names') eq 'nobody' };
    my %answers;
    wait_until {
        my @waiting = map { login('bob') } 1 .. 8;
        await { waits_for_standby() };
        my $is_served = $alice->get('/app/show')->status == 200 && waits_for_standby();
        $answers{ $_->finish->status }++ for @waiting;
        $is_served
    }
    'requests go on meanwhile';
    is_deeply [ keys %answers ], [503], 'logins get 503' or diag explain \%answers;
    is_quiet('no process waits on for it');
    ok count_in_log('SS117'), 'the log says what it may be';
    is count_in_log('SS101'), 0, 'and not that the database is away';
    sql('alter system reset synchronous_standby_names; select pg_reload_conf()');
    wait_until { login('bob')->finish->status == 303 } 'when it is back, logins work';
};

# One that has not been asked anything yet may be about to say that it is there. If that was stopped,
# no connection would have been made: after connect_timeout there would be another attempt.
sub serving_pids {
    return split /\n/, $postgres->psql(
        "select pid from pg_stat_activity where usename = 'httpd_web' and query <> ''");
}

subtest 'processes of PostgreSQL that are stopped' => sub {
    my %stopped;
    my $most = 0;
    for (1 .. 8) {
        $stopped{$_} = 1 for serving_pids();
        kill 'STOP', keys %stopped;
        my @running = map { $alice->clone->start_request('GET', '/app/show') } 1 .. 8;
        $_->finish for @running;
        my $now = backends();
        $most = $now if $now > $most;
    }
    are_no_more_than($most, 'are not replaced by others without end');
    kill 'CONT', keys %stopped;
    my $in_a_row = 0;
    wait_until {
        $in_a_row = $alice->get('/app/show')->status == 200 ? $in_a_row + 1 : 0;
        $in_a_row == 20
    }
    'when they go on, so do the sessions';
    are_no_more_than(backends(), 'on as many connections as before');
};

done_testing;
