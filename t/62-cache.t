# Sessions in shared memory: a request usually costs no SQL statement; everything that ends or
# changes a session is noticed, whoever does it; one process of each server listens for this, and
# when it dies another one takes over.
# mpm: all
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await checkout scratch slurp);
use IO::Socket::UNIX;
use Time::HiRes 'time';

my ($postgres, $httpd) = start_servers(
    children => 3, threads => 8, database => { log_statements => 1 },
    login => 'SecSessionIdleTimeout 20s',
);

sub sql { return $postgres->psql(@_) }
sub lookups { return $postgres->statements('httpd_web', qr/secsession\.lookup/) }
sub is_in { return $_[0]->clone->get('/static/page.html')->status == 200 }
sub feeds {
    return split /\n/,
        sql("select pid from pg_stat_activity where application_name = 'mod_secsession feed'");
}
sub has_one_feed { return await { my @now = feeds(); @now == 1 } 5 }

# The session is in the cache: it was asked for, and the second request asked nobody.
sub is_cached {
    my ($client) = @_;
    return await {
        my $before = lookups();
        is_in($client) && lookups() == $before;
    } 5;
}

sub goes {
    my ($client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_until { !is_in($client) } 1, $name;
}

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

subtest 'in steady state requests cost no SQL, in any child' => sub {
    my $alice = browser($httpd, 'alice');
    ok is_cached($alice), 'after a few requests the session is in the cache';
    my $before = lookups();
    is scalar(grep { $alice->clone->get('/app/show')->status == 200 } 1 .. 40), 40,
        'forty more requests';
    is lookups() - $before, 0, 'ask nothing';
    my ($cached, $asked) = map { environment_of($_->get('/app/show')) } $alice,
        browser($httpd, 'alice');
    is_deeply [ map { $cached->{$_} } qw(REMOTE_USER AUTH_TYPE SECSESSION_IDLE) ],
        [ map { $asked->{$_} } qw(REMOTE_USER AUTH_TYPE SECSESSION_IDLE) ],
        'programs are told the same';
    my $id = $cached->{SECSESSION_ID};
    is
        join(' ',
        map { $cached->{$_} } qw(SECSESSION_CREATED SECSESSION_AUTHENTICATED SECSESSION_EXPIRES)),
        sql(
        "select floor(extract(epoch from created_at)) || ' ' || floor(extract(epoch
            from authenticated_at))
            || ' ' || floor(extract(epoch from expires_at)) from secsession.session
            where session_id = '$id'"
        ),
        'and what the database has';
};

my %ENDS = (
    'revoke_session' => "select secsession.revoke_session('ID', 'test')",
    'revoke_user' => "select secsession.revoke_user('alice', 'test')",
    'revoke_user in a realm' => "select secsession.revoke_user('alice', 'test', 'localhost')",
    'revoke_address' => "select secsession.revoke_address('127.0.0.0/8', 'test')",
    'revoke_before' => "select secsession.revoke_before(now(), 'test')",
    'revoke_all' => "select secsession.revoke_all('test')",
    'revoke_all in a realm' => "select secsession.revoke_all('test', 'localhost')",
    'a serializable revoke_user' =>
        "begin isolation level serializable; select secsession.revoke_user('alice', 'test');
            commit",
    'an UPDATE by hand' =>
        "update secsession.session set ended_at = now(), end_reason = 'revoked' where session_id = "
            . "'ID'",
    'an UPDATE of the token' =>
        "update secsession.session set token_hash = null where session_id = 'ID'",
    'a DELETE by hand' => "delete from secsession.session where session_id = 'ID'",
    'a TRUNCATE' => 'truncate secsession.session cascade',
    'its absolute end moved by hand' =>
        "update secsession.session set expires_at = now() where session_id = 'ID'",
    'its last use moved by hand' =>
        "update secsession.session set last_seen_at = now() - interval '1 d' where session_id = "
            . "'ID'",
    'what a restore or a replica does' => "set session_replication_role = replica;
        update secsession.session set ended_at = now(), end_reason = 'revoked'
        where session_id = 'ID'; reset session_replication_role",
    'purge' =>
        "update secsession.session set expires_at = now() where session_id = 'ID'; select "
            . "secsession.purge()",
);

subtest 'every way in which a session can end is heard' => sub {
    for my $way (sort keys %ENDS) {
        my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
        my $id = id_of($alice);
        ok is_cached($alice) && is_cached($bob), 'two sessions are in the cache';
        my $end = $ENDS{$way} =~ s/ID/$id/gr;
        sql("begin; $end; rollback") unless $end =~ /^begin/;
        ok is_cached($alice), "$way that is rolled back ends nothing";
        sql($end);
        goes($alice, "$way does");
        my $spared = $way !~ /address|before|all|TRUNCATE|tokens/;
        is is_in($bob), $spared, 'and who is not meant stays' if $spared;
    }
};

subtest 'an end that was moved by hand is obeyed when it comes' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    ok is_cached($alice), 'in the cache';
    sql("update secsession.session set expires_at = now() + interval '2 s' where session_id = '$id'"
    );
    is is_in($alice), 1, 'before it the session goes on';
    wait_until { !is_in($alice) } 4, 'and ends without anybody\'s doing';
};

subtest 'a logout ends what only this server still takes for live' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    ok is_cached($alice), 'in the cache';
    sql("begin; alter table secsession.session disable trigger session_changed;
        update secsession.session set last_seen_at = now() - interval '1 h'
        where session_id = '$id';
        alter table secsession.session enable always trigger session_changed; commit"
    );
    is $alice->clone->logout->status, 303,
        'the database takes the session for idle, its user logs out';
    is sql("select end_reason from secsession.session where session_id = '$id'"), 'idle',
        'it is written that it has ended';
    goes($alice, 'and told');
};

subtest 'what this server does itself it obeys at once' => sub {
    my $alice = browser($httpd, 'alice');
    my $old = $alice->clone;
    ok is_cached($alice), 'a session in the cache';
    is $alice->login('alice', password_of('alice'))->status, 303, 'its user logs in again';
    ok !is_in($old), 'the next request with the old token is refused';
    ok is_cached($alice), 'the new one is in the cache';
    my $stolen = $alice->clone;
    is $alice->logout->status, 303, 'the user logs out';
    ok !is_in($stolen), 'the next request is refused';
};

subtest 'very many at once are heard, and none is forgotten' => sub {
    my @browsers = map { browser($httpd, 'alice') } 1 .. 5;
    sql(
        "insert into secsession.session (token_hash, realm, user_name, auth_method,
            created_at, authenticated_at,
            last_seen_at, idle_timeout, absolute_timeout, expires_at)
        select sha256(n::text::bytea), 'localhost', 'crowd', 'form', now(), now(), now(), 1000,
        1000, now() + interval '1000 s'
        from generate_series(1, $_) n") for 9000;
    ok is_cached($_), 'in the cache' for @browsers;
    sql(
        "update secsession.session set ended_at = now(), end_reason = 'revoked'
            where user_name = 'alice' and ended_at is null
        or user_name = 'crowd' and session_id in (select session_id from secsession.session
        where user_name = 'crowd' limit 2000)"
    );
    goes($_, 'one of two thousand') for @browsers;
    my $bob = browser($httpd, 'bob');
    ok is_cached($bob), 'another in the cache';
    my $before = lookups();
    sql(
        "update secsession.session set ended_at = now(), end_reason = 'revoked' where user_name = "
            . "'crowd' and ended_at is null"
    );
    wait_until { is_in($bob) && lookups() > $before } 2,
        'so many that the whole cache is asked for again';
    is sql('select pg_notification_queue_usage() < 0.01'), 't', 'and the messages are few';
};

subtest 'the time of last use reaches the database in batches' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my $seen = sub { sql("select last_seen_at from secsession.session where session_id = '$id'") };
    my $before = $seen->();
    ok is_cached($alice), 'in the cache';
    my $asked = lookups();
    wait_until { is_in($alice) && $seen->() gt $before } 8,
        'after a tenth of the idle timeout it is written';
    is lookups(), $asked, 'though no request asked the database';
    my $writes = sql("select n_tup_upd from pg_stat_user_tables where relname = 'session'");
    my @several = ($seen->());
    my $until = time + 5;
    while (time < $until) {
        is_in($alice) or last;
        my $now = $seen->();
        push @several, $now if $now ne $several[-1];
    }
    cmp_ok scalar @several, '<=', 4,
        'at most once in a tenth of the idle timeout, two seconds here';
    cmp_ok scalar @several, '>=', 2, 'and again and again';
};

# What it is to be restarted with a use that only the cache knows of: younger than a tenth of the idle
# timeout, and more than a second after the one before, since both sides round to a second.
sub use_is_kept {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $alice = browser($httpd, 'alice');
    my $at = "select extract(epoch from last_seen_at) from secsession.session where session_id = '"
        . id_of($alice) . q(');
    my $now = sub { sql('select extract(epoch from clock_timestamp())') };
    is_cached($alice) or return fail('in the cache');
    my $before = $now->();
    await { $now->() > $before + 1.1 } 5;
    is_in($alice) or return fail('in use');
    $httpd->graceful;
    return wait_until { sql($at) > $before + 1 } 3, $name;
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
    wait_until { $left->($ids[0]) == 0 } 5, 'one that is past it goes';
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
        wait_until { my @now = feeds(); @now == 1 && $now[0] ne $backend } 2,
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
    5, 'one thread of each child asks for short slices';
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
    wait_until { !is_in($alice) } 1.5,
        'its server process is stopped: the revocation is obeyed all the same';
    my $bob = browser($httpd, 'bob');
    ok is_in($bob), 'meanwhile every request asks the database';
    wait_until { scalar grep { $_ ne $backend } feeds() } 10, 'another connection takes its place';
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
        await { $what ne 'listens' || feeds() > 1 } 5;
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
    wait_until { $lost->error_log =~ /SS109/ } 5,
        'a feed into a database without the schema is noticed';
    my $refusals = sub { scalar(() = $postgres->log =~ /schema "secsession" does not exist/g) };
    my ($before, $began) = ($refusals->(), time);
    await { $refusals->() >= $before + 3 } 10;
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
    wait_until { $elsewhere->error_log =~ /SS113/ } 5,
        'a feed into another database with the schema is noticed';
    $alice = browser($elsewhere, 'alice');
    is is_in($alice), 1, 'sessions work';
    sql("select secsession.revoke_user('alice', 'test')");
    is is_in($alice), '', 'and a revocation is obeyed by the next request';
    $elsewhere->stop;
};

subtest 'a table that somebody locks makes no queue of the feed\'s connections' => sub {
    my $alice = browser($httpd, 'alice');
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

subtest 'a cache that is too small' => sub {
    my $small = Secsession::Httpd->start(
        postgres => $postgres, files => { 'static/page.html' => 'private' },
        config => Secsession::Test::standard_config(config => "SecSessionCacheSlots 1\n")
    );
    my @browsers = map { browser($small, 'alice') } 1 .. 40;
    await { lookups(); is_in($_) for @browsers; $small->error_log =~ /SS112/ } 5;
    is scalar(grep { !is_in($_) } @browsers), 0, 'serves all sessions';
    is scalar(() = $small->error_log =~ /SS112/g), 1, 'and says once that it is full';
    $small->stop;
};

subtest 'an outage of the database that is shorter than SecSessionStale' => sub {
    my $patient = Secsession::Httpd->start(
        postgres => $postgres, files => { 'static/page.html' => 'private' },
        config => Secsession::Test::standard_config(
            config => "SecSessionLease 300ms\nSecSessionStale 1h\n"
        )
    );
    my ($alice, $bob) = map { browser($patient, $_) } qw(alice bob);
    await { is_in($alice) } 2;
    my $asked = lookups();
    await { $asked = lookups(); is_in($alice); lookups() == $asked } 5;
    $postgres->stop('fast');
    my $until = time + 1;
    my %seen;
    $seen{ $alice->clone->get('/static/page.html')->status }++ while time < $until;
    is join(' ', keys %seen), '200', 'is not noticed by who is logged in and known';
    is $bob->get('/static/page.html')->status, 503, 'who is not yet known gets 503';
    is $alice->clone->logout->status, 503, 'a logout too';
    $postgres->start_again;
    sql("select secsession.revoke_user('alice', 'test')");
    goes($alice, 'once it is back revocations are obeyed');
    $patient->stop;
};

subtest 'servers that share a database must agree' => sub {
    my $users = users_file(scratch('users'));
    my @hosts =
        map { "<VirtualHost *:1>\nSecSession On\nSecSessionLease ${_}s\n</VirtualHost>\n" } 1 .. 2;
    my ($ok, $said) = $httpd->configtest(join '', @hosts);
    ok !$ok, 'httpd -t refuses them';
    like $said, qr/SS304: .*DBDParams.*SecSessionLease/, 'and says why';
};

done_testing;
