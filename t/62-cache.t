# Sessions in shared memory: a request usually costs no SQL statement; everything that ends or
# changes a session is noticed, whoever does it. Who tells the cache is in t/62-feed.t.
# mpm: all
use lib 't/lib';
use Secsession::Test;
use Secsession::Cached;
use Secsession::Process 'await';
use Time::HiRes 'time';

my ($postgres, $httpd) = start_servers(
    children => 3, threads => 8, database => { log_statements => 1 },
    login => 'SecSessionIdleTimeout 10m',
);
watch_cache($postgres);

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
    wait_until { !is_in($alice) } 'and ends without anybody\'s doing';
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
    wait_until { is_in($bob) && lookups() > $before }
        'so many that the whole cache is asked for again';
    is sql('select pg_notification_queue_usage() < 0.01'), 't', 'and the messages are few';
};

subtest 'the time of last use reaches the database in batches' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my $seen = sub { sql("select last_seen_at from secsession.session where session_id = '$id'") };
    sql("update secsession.session set idle_timeout = 20 where session_id = '$id'");
    has_heard($postgres);
    my $before = $seen->();
    ok is_cached($alice), 'in the cache';
    my $asked = lookups();
    wait_until { is_in($alice) && $seen->() gt $before }
        'after a tenth of the idle timeout it is written';
    is lookups(), $asked, 'though no request asked the database';
    my @several = ($seen->());
    wait_until {
        my $now = $seen->();
        push @several, $now if $now ne $several[-1];
        is_in($alice) && @several == 4
    }
    'and again and again';
    my $seconds = sql("select extract(epoch from '$several[-1]'::timestamptz - '$several[0]')");
    # The seconds of both sides are rounded.
    cmp_ok $seconds, '>=', 2 * $#several - 2,
        'at most once in a tenth of the idle timeout, two seconds here';
};

subtest 'a cache that is too small' => sub {
    my $small = Secsession::Httpd->start(
        postgres => $postgres, files => { 'static/page.html' => 'private' },
        config => Secsession::Test::standard_config(config => "SecSessionCacheSlots 1\n")
    );
    my @browsers = map { browser($small, 'alice') } 1 .. 40;
    await { lookups(); is_in($_) for @browsers; $small->error_log =~ /SS112/ };
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
    await { is_in($alice) };
    my $asked = lookups();
    await { $asked = lookups(); is_in($alice); lookups() == $asked };
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
    my @hosts =
        map { "<VirtualHost *:1>\nSecSession On\nSecSessionLease ${_}s\n</VirtualHost>\n" } 1 .. 2;
    my ($ok, $said) = $httpd->configtest(join '', @hosts);
    ok !$ok, 'httpd -t refuses them';
    like $said, qr/SS304: .*DBDParams.*SecSessionLease/, 'and says why';
};

done_testing;
