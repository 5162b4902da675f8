# What the role of the web server can do to others, if somebody has taken the web server over:
# nothing beyond what it is told to do. What it holds or sends delays nobody, and nothing that it
# makes up keeps a session alive.
use lib 't/lib';
use Secsession::Test;
use POSIX ();
use Secsession::Psql;

my $postgres =
    Secsession::Postgres->start(settings => { autovacuum => 'off', deadlock_timeout => '100ms' })
    ->install;
$postgres->psql('create database elsewhere');

sub sql { return $postgres->psql(@_) }
sub as_httpd { return $postgres->psql($_[0], user => 'httpd_web') }
sub as_admin {
    return $postgres->psql("set statement_timeout = '10s';\n$_[0]", user => 'admin_role');
}
sub refused { return $postgres->psql_fails($_[0], user => 'httpd_web') }

sub login {
    my ($token, $user, %opt) = @_;
    my $old = $opt{old} ? "sha256('$opt{old}')" : 'null';
    my $seen = $opt{seen} // 'secsession.login_moment()';
    my $most = $opt{most} // 0;
    return "select concat_ws('/', state, end_reason) from secsession.authenticate(row(sha256("
        . "'$token'), $old, 'r', '$user', 'form', $seen, '192.0.2.1', null, 1000, "
        . "2000)::secsession.login, most_sessions => $most)";
}
sub state_of {
    return as_httpd("select concat_ws('/', state, end_reason) from "
            . "secsession.lookup(sha256('$_[0]'), 'r', 0, 0)");
}

subtest 'it cannot read, write or lock a table' => sub {
    my @relations = split /\n/, sql(q(select oid::regclass from pg_class
        where relnamespace = 'secsession'::regnamespace and relkind in ('r', 'p', 'v')));
    for my $relation (@relations) {
        like refused("select from $relation"), qr/permission denied/, "$relation is not read";
        like refused("begin; lock table $relation in access share mode"), qr/permission denied/,
            'nor locked';
    }
    like refused('delete from secsession.revocation'), qr/permission denied/,
        'no revocation is taken back';
    like refused('insert into secsession.change (key) values (1)'), qr/permission denied/,
        'nor is news made up';
};

subtest 'it calls no function but its own' => sub {
    for my $call (
        "revoke_all('x')", "revoke_user('alice', 'x')", 'end_sessions(null, null, null)',
        'make_durable()', 'write_tombstones(null, null, null, null)', 'notify_servers(null)',
        "log_event('revoked', null, null, null, null, null)", 'set_horizon(null)',
        'touch(null, null)', 'sweep_wide(1)', 'reset_throttle(null, null)'
    ) {
        like refused("select secsession.$call"), qr/permission denied/, $call;
    }
};

subtest 'a moment of login that is made up' => sub {
    as_httpd(login('past', 'alice'));
    my $xmax = sql('select pg_snapshot_xmax(pg_current_snapshot())');
    my $future = $xmax + 1000;
    is as_httpd(login('future', 'alice', seen => "'$future:$future:'")), 'ended/revoked',
        'that is still to come is refused';
    as_admin(q(select secsession.revoke_user('alice', 'x')));
    is as_httpd(login('oldest', 'alice', seen => "'1:1:'")), 'ended/revoked',
        'that is long past is older than every revocation';
    is state_of($_), $_ eq 'past' ? 'ended/revoked' : '', "$_ is not served" for qw(past future);
    like refused(login('wrong', 'alice', seen => "'2:1:'")), qr/invalid input/,
        'and what is none is refused';
};

subtest 'a moment of login that is made up to see what is not over yet' => sub {
    # As revocations may be: one that has not committed, and one behind others that have begun later.
    my %forged = (
        'nobody runs' => sub { my (undef, $xmax) = @_; return "$xmax:$xmax:" },
        'the revocation alone does not' => sub {
            my ($running, $xmax, @others) = @_;
            my @xip = grep { $_ != $running } @others;
            return ($xip[0] // $xmax) . ":$xmax:" . join ',', @xip;
        },
    );
    for my $what (sort keys %forged) {
        my $admin = Secsession::Psql->new($postgres, 'admin_role');
        my $other = Secsession::Psql->new($postgres);
        $admin->run(q(begin; select secsession.revoke_user('mallory', 'x');));
        my $running = $admin->run('select pg_current_xact_id();');
        $other->run('begin; select pg_current_xact_id();');
        sql('select pg_current_xact_id()');
        my ($xmax, $xip) = sql('select pg_current_snapshot()') =~ /^\d+:(\d+):(.*)$/;
        my $seen = $forged{$what}->($running, $xmax, split /,/, $xip);
        my $token = "forged $what";
        is as_httpd(login($token, 'mallory', seen => "'$seen'")), 'ended/revoked', "$what: refused";
        $admin->run('commit;');
        is state_of($token), '', 'nor is it served when the revocation has committed';
        is as_httpd(login("$token later", 'mallory')), 'live', 'a true moment is good';
        is state_of("$token later"), 'live', 'while others still run';
        $other->run('rollback;');
    }
};

subtest 'it holds every session that there is' => sub {
    as_httpd(login("held$_", "user$_")) for 1 .. 20;
    my $holder = Secsession::Psql->new($postgres, 'httpd_web');
    $holder->run('begin;');
    for my $n (1 .. 20) {
        my $id = sql("select session_id from secsession.token where token_hash = sha256('held$n')");
        $holder->run("select secsession.client_moved('$id', '203.0.113.$n', 'log');");
    }
    as_admin("select secsession.$_")
        for "revoke_user('user1', 'x')", "revoke_address('192.0.2.1', 'x')", "revoke_before(now(), 'x')", "revoke_all('x')";
    is state_of("held$_"), 'ended/revoked', "session $_ is refused" for 1, 20;
    is as_httpd(login('after', 'user1')), 'live', 'and who logs in then is in';
    as_httpd('select secsession.sweep(1000)') for 1 .. 10;
    is state_of('held2'), 'ended/revoked', 'also when all that can be written is written';
    is state_of('after'), 'live', 'without harm to others';
    $holder->run('rollback;');
    my $calls = 0;
    as_httpd('select secsession.sweep(1000)')
        while sql('select count(*) from secsession.revocation where swept_at is null')
        && ++$calls < 50;
    is sql(q(select count(*) from secsession.session s join secsession.token t using (session_id)
        where s.ended_at is null and t.token_hash <> sha256('after'))), 0,
        'and when it lets go, the rest is';
    is sql(q(select count(*) from secsession.event_log where event = 'revoked'
        and session_id is not null and actor <> 'admin_role')), 0,
        'in the name of who has revoked';
};

subtest 'many transactions that it leaves open' => sub {
    my @open = map { Secsession::Psql->new($postgres, 'httpd_web') } 1 .. 20;
    my $n = 0;
    for my $psql (@open) {
        $psql->run('begin; ' . login('open' . ++$n, "user$n") . ';');
    }
    my $seen = as_httpd(q(select seen from secsession.heartbeat('{}', '{}', null)));
    as_httpd(login('told', 'dora'));
    my $key = sql(q(select secsession.key_of_user('dora')));
    is as_admin(q(select secsession.revoke_user('dora', 'x'))), 1, 'a user is revoked';
    is state_of('told'), 'ended/revoked', 'at once';
    like as_httpd("select news from secsession.heartbeat('{}', '{}', '$seen')"), qr/$key/,
        'and web servers hear of it';
    as_admin(q(select secsession.revoke_user('user1', 'x')));
    $_->run('commit;') for @open;
    is state_of('open1'), 'ended/revoked', 'a login that was left open meanwhile is not served';
    is state_of('open2'), 'live', 'others are';
};

subtest 'what it tells web servers' => sub {
    as_httpd(login('ended', 'eve'));
    my $id = sql(q(select session_id from secsession.token where token_hash = sha256('ended')));
    as_admin(q(select secsession.revoke_user('eve', 'x')));
    as_httpd("select secsession.heartbeat('{$id}', '{0}', null, 0)");
    as_httpd("select secsession.note_uses('{$id}', '{0}', 0)");
    is state_of('ended'), 'ended/revoked', 'a use that it makes up revives nobody';
    like refused(q(select secsession.announce('all'))), qr/16 hexadecimal digits/,
        'what it announces is one key';
    is as_httpd(q(select secsession.logout(null, 'r', gen_random_uuid()))), 0,
        'a session that does not exist is not ended';
    is sql('select count(*) from secsession.revocation where session_id is not null
        and swept_at is null'), 0, 'and leaves no row';
};

# Each statement is answered by psql, or refused.
subtest 'two browsers change users, each of whom may have one session' => sub {
    my @browsers = map {
        my $browser = $_;
        join "\n", map {
            my ($user, $old) = (($_ + $browser) % 2 ? 'alice' : 'bob', $_ - 1);
            login("swap$browser.$_", $user, most => 1, old => $_ > 1 ? "swap$browser.$old" : undef)
                . ';'
        } 1 .. 150;
    } 1, 2;
    my @running = map {
        my ($sql, $file) = ($_, Secsession::Process::scratch('swap') . '/said');
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            Secsession::Process::spew($file,
                eval { $postgres->psql($sql, user => 'httpd_web') } // $@);
            POSIX::_exit(0);
        }
        [ $pid, $file ]
    } @browsers;
    my $said = join "\n", map { waitpid $_->[0], 0; Secsession::Process::slurp($_->[1]) } @running;
    unlike $said, qr/ERROR/, 'no login fails, for a deadlock or otherwise';
    is scalar(() = $said =~ /^live$/mg), 300, 'each is accepted';
    cmp_ok sql(q(select count(*) from secsession.active_session
        where user_name in ('alice', 'bob'))), '<=', 2, 'and nobody has more than one in the end';
};

done_testing;
