# Look-ups that arrive at the same time are sent to the database together (store/lookups.c): each
# gets its own answer, and none waits for a lock that somebody holds.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use Secsession::Process 'await';
use Secsession::Psql;

# --- what lookup_many() settles ------------------------------------------------------------------

# Without a web server, which would purge what is past its end.
my $postgres = calls_of(Secsession::Postgres->start->install);

subtest 'the answer is the same as that of lookup()' => sub {
    my %made = (
        live => '',
        'used long ago' => "last_seen_at = now() - interval '900 s'",
        idle => "last_seen_at = now() - interval '1011 s'",
        absolute => "expires_at = now() - interval '1 s'",
        'to be compared' =>
            "credential_stamp = sha256('x'), stamp_checked_at = now() - interval '2 min'",
        map { ("ended: $_" => "ended_at = now(), end_reason = '$_'") }
            qw(idle absolute revoked reuse logout evicted),
    );
    for my $token (sort keys %made) {
        login($token, 'alice');
        set_session($token, $made{$token}) if $made{$token};
    }
    my $revoked = 'of a user who was revoked';
    login($revoked, 'carol');
    # So that it gets no tombstone yet.
    my $holder = Secsession::Psql->new($postgres);
    $holder->run("begin; update secsession.session set user_agent = 'held'
        where user_name = 'carol';");
    sql("select secsession.revoke_user('carol', 'test')");
    call("begin_session(sha256('anonymous'), 'r', null, null, 1000, 1000, null)");
    login('retired', 'alice');
    login('again', 'alice', old => 'retired');
    login('offering', 'alice');
    set_session('offering', "rotated_at = now() - interval '1 h'");
    sql(
        "select secsession.offer_token(session_id, token_hash, sha256('offered'), 900, 10)
            from secsession.token
        where token_hash = sha256('offering')"
    );
    sql(
        "update secsession.other_token set retired_at = now() - interval '1 min', "
            . "grace_until = now() where token_hash = sha256('retired')"
    );
    my @tokens = (sort(keys %made), $revoked, qw(anonymous retired again offering offered unknown));
    my $all = join ' || ', map { "sha256('$_')" } @tokens;
    my $rows = 'select (select array_agg(s order by session_id) from secsession.session s), '
        . '(select array_agg(t order by token_hash) from secsession.token t), (select count(*) '
        . 'from secsession.event_log)';
    my $before = sql($rows);
    my @many = split /\n/, sql(
        "select m.is_settled, (m.answer).state, (m.answer).end_reason, (m.answer).user_name,
        (m.answer).session_id from secsession.lookup_many($all, 'r') m", user => 'httpd_web'
    );
    is scalar @many, scalar @tokens, 'there is an answer for each';
    is sql($rows), $before, 'and nothing was changed by asking';
    my %left;
    for my $token (@tokens) {
        my ($is_settled, @answer) = split /\|/, shift @many;
        $left{$token} = 1 if $is_settled eq 'f';
        next if $is_settled eq 'f';
        my $one = look($token);
        my @words =
            $one->{state} && $one->{state} eq 'ended'
            ? qw(state end_reason)
            : qw(state end_reason user_name session_id);
        is_deeply [ map { $_ // '' } @answer[ 0 .. $#words ] ], [ map { $_ // '' } @$one{@words} ],
            "$token: the same answer";
    }
    is_deeply [ sort keys %left ], [
        sort 'used long ago', 'idle', 'absolute', 'to be compared', $revoked,
        'offered', 'retired'
        ],
        'left to lookup() is where there is something to write or to decide';
    is sql(
        "select count(*) filter (where is_settled and answer is null) from "
            . "secsession.lookup_many($all, 'elsewhere')",
        user => 'httpd_web'
        ),
        scalar @tokens, 'in another realm all are unknown';
    is sql('select count(*) from secsession.lookup_many(null, null)', user => 'httpd_web'), 0,
        'nothing asked, nothing answered';
};

# --- many browsers at once -----------------------------------------------------------------------

($postgres, my $httpd) = start_servers(
    children => 1, threads => 24, config => "SecSessionCache Off\nDBDMax 10\n",
    database => { log_statements => 1, settings => { autovacuum => 'off' } }
);
calls_of($postgres);

sub session_of { return environment_of($_[0])->{SECSESSION_ID} // '' }
sub somebody_waits {
    return await { $postgres->value('select count(*) from pg_locks where not granted') > 0 };
}
sub count_together { return $postgres->statements(undef, qr/lookup_many/) }

# What it returns unlocks the table, or the rows, that $sql locks.
sub hold {
    my ($sql) = @_;
    open my $psql, '|-', $postgres->client, '-q', '-o', '/dev/null' or die "psql: $!";
    $psql->autoflush(1);
    print {$psql} "begin; $sql;\nselect 'held';\n";
    my $is_held =
        q{select exists (select from pg_stat_activity where state = 'idle in transaction' and }
            . q{query = $$select 'held';$$)};
    await { $postgres->value($is_held) eq 't' } or die "cannot hold: $sql\n";
    return sub { print {$psql} "rollback;\n"; close $psql };
}

my @browsers = map {
    { name => $_ % 3 ? 'alice' : 'bob', client => browser($httpd, $_ % 3 ? 'alice' : 'bob') }
} 1 .. 12;
$_->{session} = session_of($_->{client}->get('/app/show')) for @browsers;
my $gone = browser($httpd, 'alice');
$gone->clone->logout;
my $idle = browser($httpd, 'alice');
my $used = browser($httpd, 'bob');
my %stranger = (gone => $gone, idle => $idle, unknown => $httpd->client->set_token('A' x 43));
my @navigation = (headers => [ [ Accept => 'text/html' ] ]);

subtest 'each browser is answered for its own session' => sub {
    my %id = (idle => id_of($idle), used => id_of($used));
    for my $round (1 .. 3) {
        sql(
            "update secsession.session set last_seen_at = now() - interval '20 min' where "
                . "session_id = '$id{used}'"
        );
        sql(
            "update secsession.session set last_seen_at = now() - interval '1 h' where session_id "
                . "= '$id{idle}'"
        ) if $round == 2;
        my $before = count_together();
        my $release = hold('lock table secsession.session in access exclusive mode');
        my @running = map { [ $_, $_->{client}->start_request('GET', '/app/show') ] } @browsers;
        my %others =
            map { ($_ => $stranger{$_}->clone->start_request('GET', '/app/show', @navigation)) }
            keys %stranger;
        my $also = $used->start_request('GET', '/app/show');
        somebody_waits();
        $release->();
        is join(' ', map { session_of($_->[1]->finish) } @running),
            join(' ', map { $_->{session} } @browsers),
            "round $round: nobody has another's session";
        is session_of($also->finish), $id{used}, 'whose use is to be written is served, too';
        is sql(
            "select last_seen_at > now() - interval '1 min' from secsession.session where "
                . "session_id = '$id{used}'"
            ), 't',
            'and it is written';
        my %said = map { ($_ => $others{$_}->finish) } keys %others;
        like $said{gone}->header('Location'), qr{^/login\?.*$}, 'who has logged out is not in';
        unlike $said{unknown}->header('Location'), qr/why=/, 'nor who was never in';
        is $said{idle}->status, $round == 1 ? 200 : 303, 'nor who has been away for too long';
        like $said{idle}->header('Location'), qr/why=idle/, 'which is said' if $round > 1;
        cmp_ok count_together() - $before, '>=', 1, 'several were asked in one statement';
    }
};

subtest 'who holds a session keeps no look-up waiting' => sub {
    my $late = browser($httpd, 'alice');
    my $id = id_of($late);
    sql("update secsession.session set expires_at = now() - interval '1 s' where session_id = '$id'"
    );
    my $release = hold("select from secsession.session where session_id = '$id' for update");
    my $answer = $late->clone->get('/app/show', @navigation);
    like $answer->header('Location'), qr/why=absolute/, 'it is refused while it is held';
    my @served = map { $_->{client}->start_request('GET', '/static/page.html') } @browsers;
    is scalar(grep { $_->finish->status == 200 } @served), scalar @served, 'all others are served';
    is sql("select ended_at from secsession.session where session_id = '$id'"), '',
        'nothing is written meanwhile';
    $release->();
    $late->get('/app/show', @navigation);
    is sql("select end_reason from secsession.session where session_id = '$id'"), 'absolute',
        'but by the next request';
};

subtest 'requests are answered even if their connections are cut while they wait' => sub {
    my $release = hold('lock table secsession.session in access exclusive mode');
    my @running = map { $_->{client}->start_request('GET', '/app/show') } @browsers;
    somebody_waits();
    sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'httpd_web'");
    $release->();
    is join(' ', map { session_of($_->finish) } @running),
        join(' ', map { $_->{session} } @browsers), 'each by its own session';
};

my %errors = (
    'the right to look up many is gone' => [
        'revoke execute on function secsession.lookup_many(bytea, text) from secsession_httpd',
        'grant execute on function secsession.lookup_many(bytea, text) to secsession_httpd'
    ],
    'its answer has too few rows' => [
        'alter function secsession.lookup_many(bytea, text) rename to real;
        create function secsession.lookup_many(token_hashes bytea, realm text)
        returns table (is_settled boolean, answer secsession.session_answer) language sql
        as $$select true, null::secsession.session_answer$$',
        'drop function secsession.lookup_many; alter function secsession.real rename to lookup_many'
    ],
);

subtest 'an error lets nobody in and logs nobody out' => sub {
    for my $case (sort keys %errors) {
        my ($break, $mend) = @{ $errors{$case} };
        $postgres->psql($break);
        my $release = hold('lock table secsession.session in access exclusive mode');
        my @running = map { $_->{client}->start_request('GET', '/app/show') } @browsers;
        somebody_waits();
        $release->();
        my @answers = map { $_->finish } @running;
        is scalar(grep { $_->status == 503 || ($_->status == 200 && session_of($_)) } @answers),
            scalar @answers,
            "$case: served by the other statement, or 503";
        cmp_ok scalar(grep { $_->status == 503 } @answers), '>=', 1, 'some are 503';
        is scalar(grep { $_->header('Set-Cookie') } @answers), 0, 'no cookie is taken away';
        $postgres->psql($mend);
        is join(' ', map { session_of($_->{client}->get('/app/show')) } @browsers),
            join(' ', map { $_->{session} } @browsers),
            'afterwards all go on';
    }
};

# --- one connection, several users ---------------------------------------------------------------

subtest 'a connection that several users share does not remember any of them' => sub {
    my $cached = Secsession::Httpd->start(postgres => $postgres, children => 1, threads => 4,
        config => Secsession::Test::standard_config());
    for my $server ($httpd, $cached) {
        my $shared = $server->client;
        my @seen = map {
            my $browser = $_;
            session_of(
                $shared->set_token($browser->{client}->token)->get('/app/show', keep_alive => 1));
        } @browsers[ 0, 0, 1, 2, 1, 1, 0 ];
        is join(' ', @seen), join(' ', map { $_->{session} } @browsers[ 0, 0, 1, 2, 1, 1, 0 ]),
            'each token has its own session';
        is $shared->set_token('A' x 43)->get('/app/show', keep_alive => 1)->status, 401,
            'a token that nobody has, none';
        is $shared->clear->get('/app/show', keep_alive => 1)->status, 401, 'no cookie, none';
    }
};

# --- the names of statements ---------------------------------------------------------------------

# FNV-1a, as store/dbd.c names them.
sub hash_of {
    my ($text) = @_;
    use integer;
    no warnings 'portable';
    my $hash = 0xcbf29ce484222325;
    $hash = ($hash ^ ord) * 0x100000001b3 for split //, $text;
    return sprintf '%016x', $hash;
}

# A pooler may hand on a server connection on which an older release has prepared its statements.
subtest 'a statement of another release is never run in place of ours' => sub {
    my $version = sql('select secsession.schema_version()');
    my %text_of = $postgres->log =~ /\] httpd_web\@\S+ LOG:  execute (secsession\w+): (.*)/g;
    cmp_ok scalar keys %text_of, '>=', 2, 'statements are prepared';
    is_deeply [ sort keys %text_of ],
        [ sort map { "secsession_${version}_" . hash_of($_) } values %text_of ],
        'each under a name that follows from its text and from the version of the schema';
};

done_testing;
