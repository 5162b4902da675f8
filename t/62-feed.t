# The feed: one process of each server listens for what the cache must not believe any more, and
# when it dies another one takes over; no last use is lost, and no trouble of the connection lets
# anybody in.
# mpm: all
use lib 't/lib';
use Secsession::Test;
use Secsession::Cached;
use Secsession::Process qw(await checkout scratch slurp);
use IO::Socket::UNIX;
use Time::HiRes 'time';

my ($postgres, $httpd) = start_servers(
    children => 3, threads => 8, database => { log_statements => 1 },
    login => 'SecSessionIdleTimeout 200s',
);
watch_cache($postgres);

# The child of this httpd that has the feed's connection, by the other end of its Unix socket.
sub feed_host {
    my ($server) = @_;
    my ($backend) = feeds();
    for my $line (split /\n/, `ss -xpnH 2>/dev/null`) {
        next unless $line =~ /"postgres",pid=$backend\b/;
        my ($peer) = $line =~ /\s(\d+)\s+users:/;
        my ($other) = grep { /\s\Q$peer\E\s+\*\s/ && !/"postgres"/ } split /\n/, `ss -xpnH`;
        return $1 if ($other // '') =~ /pid=(\d+)/;
    }
    return undef;
}

# What it is to be restarted with a use that only the cache knows of: younger than a tenth of the
# idle timeout, and more than a second after the one before, since both sides round to a second.
sub use_is_kept {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $alice = browser($httpd, 'alice');
    my $at = "select extract(epoch from last_seen_at) from secsession.session where session_id = '"
        . id_of($alice) . q(');
    my $now = sub { sql('select extract(epoch from clock_timestamp())') };
    is_cached($alice) or return fail('in the cache');
    my $before = $now->();
    await { $now->() > $before + 1.1 };
    is_in($alice) or return fail('in use');
    $httpd->graceful;
    return wait_until { sql($at) > $before + 1 } $name;
}

subtest 'over a graceful restart no last use is lost' => sub {
    use_is_kept('a use younger than a tenth of the idle timeout is written too');
    my $arguments = 'uuid[], bigint[], pg_snapshot, double precision';
    sql(<<"SQL");
        alter function secsession.heartbeat($arguments) rename to heartbeat_itself;
        create function secsession.heartbeat($arguments,
            out version integer, out seen pg_snapshot, out news text)
        language sql security definer as \$\$
            select pg_sleep(0.1);
            select * from secsession.heartbeat_itself(\$1, \$2, \$3, \$4);
        \$\$;
SQL
    use_is_kept("and while a heartbeat is under way: $_") for 1 .. 5;
    sql(<<"SQL");
        drop function secsession.heartbeat($arguments);
        alter function secsession.heartbeat_itself($arguments) rename to heartbeat;
SQL
};

subtest 'sessions past their absolute end are removed without anybody\'s doing' => sub {
    my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
    my @ids = map { id_of($_) } $alice, $bob;
    sql("update secsession.session set expires_at = now() where session_id = '$ids[0]'");
    $httpd->graceful;
    my $left = sub { sql("select count(*) from secsession.session where session_id = '$_[0]'") };
    wait_until { $left->($ids[0]) == 0 } 'one that is past it goes';
    is $left->($ids[1]), 1, 'one that is not stays';
    is is_in($bob), 1, 'and is live';
};

subtest 'one process of a server listens, and another when it dies' => sub {
    ok has_one_feed(), 'one connection listens';
    my $alice = browser($httpd, 'alice');
    for my $round (1 .. 3) {
        ok is_cached($alice), 'sessions are cached';
        my ($backend) = feeds();
        my $host = feed_host($httpd) // BAIL_OUT('no process of httpd has the feed\'s connection');
        ok scalar(grep { $_ == $host } $httpd->child_pids),
            'its process is a child, never the parent';
        kill 'KILL', $host;
        wait_until { my @now = feeds(); @now == 1 && $now[0] ne $backend }
            'after SIGKILL another process listens';
        my $bob = browser($httpd, 'bob');
        ok is_cached($bob), 'sessions are cached again';
        sql("select secsession.revoke_user('bob', 'test')");
        goes($bob, 'and revocations obeyed');
    }
    $httpd->graceful;
    ok has_one_feed(), 'after a graceful restart one listens';
    my $most = 0;
    for (1 .. 3) {
        $httpd->graceful;
        my $now = () = feeds();
        $most = $now if $now > $most;
    }
    is $most <= 1, 1, 'and never two at once';
    ok is_cached($alice), 'the session has lived through all that';
};

# In what slices of time a thread runs that is scheduled as usual, in ns; 0 where the kernel does
# not say.
sub slice_of {
    my ($thread) = @_;
    my $attributes = "\0" x 48;
    syscall(&SYS_sched_getattr, $thread + 0, $attributes, 48, 0) == 0 or return 0;
    return (unpack 'LLQlLQ', $attributes)[5];
}

subtest 'the feed need not wait for busy processors' => sub {
    plan skip_all => 'no syscall.ph' unless eval { require 'syscall.ph' };
    plan skip_all => 'the kernel knows no slices' unless slice_of($$);
    plan skip_all => 'system calls are filtered'
        if slurp('/proc/self/status') =~ /^Seccomp:\s*[^0]/m;
    my $usual = slice_of($$);
    my @children;
    wait_until {
        @children = map {
            [ map { slice_of(m{(\d+)$}) } glob "/proc/$_/task/*" ]
        } $httpd->child_pids;
        @children && !grep {
            1 != grep { $_ == 100_000 } @$_
        } @children
    }
    'one thread of each child asks for short slices';
    is scalar(grep { $_ != 100_000 && $_ != $usual } map { @$_ } @children), 0, 'no other';
};

subtest 'the feed\'s connection is cut' => sub {
    my $alice = browser($httpd, 'alice');
    for (1 .. 5) {
        ok is_cached($alice), 'in the cache';
        my ($backend) = feeds();
        sql(
            "select pg_terminate_backend($backend);
                select secsession.revoke_session(session_id, 'test')
            from secsession.active_session where user_name = 'alice'"
        );
        goes($alice, 'a revocation right after that is obeyed within the lease');
        $alice = browser($httpd, 'alice');
        ok has_one_feed(), 'it listens again';
    }
};

subtest 'a feed that hears nothing is not believed when the lease is over' => sub {
    my $alice = browser($httpd, 'alice');
    ok is_cached($alice), 'in the cache';
    ok has_one_feed(), 'one listens';
    my ($backend) = feeds();
    kill 'STOP', $backend;
    sql("select secsession.revoke_user('alice', 'test')");
    wait_until { !is_in($alice) }
        'its server process is stopped: the revocation is obeyed all the same';
    my $bob = browser($httpd, 'bob');
    ok is_in($bob), 'meanwhile every request asks the database';
    wait_until { scalar grep { $_ ne $backend } feeds() } 'another connection takes its place';
    kill 'CONT', $backend;
    ok is_cached($bob), 'and sessions are cached again';
    like $httpd->error_log, qr/SS109: .*SS111: /s, 'the log says so';
};

subtest 'children do not linger because of the feed' => sub {
    my $folder = scratch('deaf');
    my $deaf = IO::Socket::UNIX->new(Local => "$folder/.s.PGSQL.5432", Listen => 50)
        or die "socket: $!";
    chmod 0777, "$folder/.s.PGSQL.5432" or die "chmod: $!";
    my %feeds = (
        'listens' => $postgres->conninfo('httpd_web'),
        'waits for a connection' => "host=$folder dbname=app user=nobody",
    );
    for my $what (sort keys %feeds) {
        my $other = Secsession::Httpd->start(postgres => $postgres, children => 2,
            config => "SecSession On\nSecSessionFeed \"$feeds{$what}\"\n");
        await { $what ne 'listens' || feeds() > 1 };
        $other->stop;
        unlike $other->error_log, qr/still did not exit/, "httpd ends while its feed $what";
    }
};

subtest 'trouble of the feed makes no storm' => sub {
    sql('create database empty');
    my $lost = Secsession::Httpd->start(
        postgres => $postgres, children => 2, files => { 'static/page.html' => 'private' },
        config => Secsession::Test::standard_config(
            config => 'SecSessionFeed "' . $postgres->conninfo('httpd_web')
                =~ s/dbname=app/dbname=empty/r . "\"\n"
        )
    );
    wait_until { $lost->error_log =~ /SS109/ }
        'a feed into a database without the schema is noticed';
    my $refusals = sub { scalar(() = $postgres->log =~ /schema "secsession" does not exist/g) };
    my ($before, $began) = ($refusals->(), time);
    await { $refusals->() >= $before + 3 };
    cmp_ok + (time - $began), '>', 0.3, 'and not asked for without a pause';
    my $alice = browser($lost, 'alice');
    is is_in($alice), 1, 'sessions work';
    sql("select secsession.revoke_user('alice', 'test')");
    is is_in($alice), '', 'and a revocation is obeyed by the next request';
    $lost->stop;

    sql('create database other');
    my %other = (db => 'other', vars => { roles => 'secsession' });
    is + ($postgres->script(checkout() . '/store/install.sql', %other))[0], 0,
        'the same schema in another database';
    my $elsewhere = Secsession::Httpd->start(
        postgres => $postgres, children => 2, files => { 'static/page.html' => 'private' },
        config => Secsession::Test::standard_config(
            config => 'SecSessionFeed "' . $postgres->conninfo('httpd_web')
                =~ s/dbname=app/dbname=other/r . "\"\n"
        )
    );
    wait_until { $elsewhere->error_log =~ /SS113/ }
        'a feed into another database with the schema is noticed';
    $alice = browser($elsewhere, 'alice');
    is is_in($alice), 1, 'sessions work';
    sql("select secsession.revoke_user('alice', 'test')");
    is is_in($alice), '', 'and a revocation is obeyed by the next request';
    $elsewhere->stop;
};

subtest 'a table that somebody locks makes no queue of the feed\'s connections' => sub {
    my $alice = browser($httpd, 'alice');
    sql("update secsession.session set idle_timeout = 20 where session_id = '@{[ id_of($alice) ]}'");
    has_heard($postgres);
    ok is_cached($alice), 'in the cache';
    my $host = $postgres->conninfo('postgres') =~ /host=(\S+)/ ? $1 : die;
    open my $psql, '|-', 'psql', '-X', '-q', '-h', $host, '-U', 'postgres', 'app' or die "psql: $!";
    $psql->autoflush(1);
    print {$psql} "begin; lock table secsession.session in share mode;\n";
    my $most = 0;
    my $until = time + 4;
    while (time < $until) {
        is_in($alice) or last;
        my $now = () = feeds();
        $most = $now if $now > $most;
    }
    is $most, 1, 'for longer than a lease and a tenth of the idle timeout: one connection';
    ok is_in($alice), 'who is in the cache does not notice';
    print {$psql} "rollback;\n";
    close $psql;
};

done_testing;
