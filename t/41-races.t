# Many requests at once, from several processes, while sessions end, httpd restarts, its children
# are killed and its connections to the database are cut.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(at_end await scratch slurp);
use List::Util qw(max shuffle);
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($postgres, $httpd) = start_servers(children => 2, threads => 8);
my $LOADERS = 4;
my %loading;
at_end { kill 'KILL', keys %loading; return };

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub revoke {
    return $postgres->psql("select secsession.revoke_user('$_[0]', 'test')", user => 'admin_role');
}

# Whether each of these tokens is good.
sub all_live {
    my ($server, @tokens) = @_;
    return !grep { $server->client->set_token($_)->get('/static/page.html')->status != 200 }
        @tokens;
}

# --- the load ------------------------------------------------------------------------------------

# Processes that each do the same again and again, until told to stop, and write down what they saw:
# when it began and ended, and what $do->($n) returned, or "died".
sub start_load {
    my ($do, $loaders) = @_;
    my $folder = scratch('load');
    for my $n (1 .. $loaders // $LOADERS) {
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
            open my $out, '>', "$folder/$n" or POSIX::_exit(1);
            $out->autoflush(1);
            srand $n;
            until (-e "$folder/stop") {
                my $begin = now();
                my $result = eval { $do->($n) } // 'died ' . $@ =~ s/\s+/ /gr;
                print {$out} "$begin ", now(), " $result\n";
            }
            POSIX::_exit(0);
        }
        $loading{$pid} = 1;
    }
    return { folder => $folder, loaders => $loaders // $LOADERS, pids => [ keys %loading ] };
}

sub rounds_of { my ($load, $n) = @_; return slurp("$load->{folder}/$n") =~ tr/\n// }

sub observations {
    my ($load) = @_;
    my @lines = map { split /\n/, slurp("$load->{folder}/$_") } 1 .. $load->{loaders};
    return map { my %seen; @seen{qw(begin end result)} = split / /, $_, 3; \%seen } @lines;
}

# Until each process has done it $n times more.
sub let_run {
    my ($load, $n) = @_;
    my @wanted = map { $n + rounds_of($load, $_) } 1 .. $load->{loaders};
    return await { !grep { rounds_of($load, $_) < $wanted[ $_ - 1 ] } 1 .. $load->{loaders} };
}

sub finish_load {
    my ($load) = @_;
    Secsession::Process::spew("$load->{folder}/stop", '');
    for my $pid (@{ $load->{pids} }) {
        waitpid $pid, 0;
        delete $loading{$pid};
    }
    return observations($load);
}

sub tally {
    my %count;
    $count{ $_->{result} =~ s/ .*//sr }++ for @_;
    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# Requests with these tokens, one after the other, over connections that are kept or not; each as of
# a browser that has not heard of any end of its session yet.
sub requests_with {
    my ($server, $path, $keep_alive, @tokens) = @_;
    my $client = $server->client;
    return sub {
        $client->set_token($tokens[ rand @tokens ]);
        return $client->get($path, keep_alive => $keep_alive)->status;
    };
}

# --- sessions that end ---------------------------------------------------------------------------

my %endings = (
    'the user is revoked' => sub { revoke('alice') },
    'the session is revoked' => sub {
        $postgres->psql(
            "select secsession.revoke_session(session_id, 'test') from secsession.active_session
            where user_name = 'alice'"
        );
    },
    'everybody is revoked' => sub { $postgres->psql("select secsession.revoke_all('test')") },
    'her address is revoked' =>
        sub { $postgres->psql("select secsession.revoke_address('127.0.0.0/8', 'test')") },
    'all of before are revoked' =>
        sub { $postgres->psql("select secsession.revoke_before(now(), 'test')") },
    'she logs out' => sub { $_[0]->clone->logout->status == 303 or die },
    'she logs in again' =>
        sub { $_[0]->clone->login('alice', password_of('alice'))->status == 303 or die },
);

subtest
    'once a session has ended no request that starts once the server has heard is served, however '
        . 'many are under way'
    => sub {
    for my $ending (sort keys %endings) {
        my $alice = browser($httpd, 'alice');
        my ($path, $keep) = $ending =~ /revoked/ ? ('/static/page.html', 1) : ('/app/show', 0);
        my $load = start_load(requests_with($httpd, $path, $keep, $alice->token));
        let_run($load, 8) or fail 'requests are served';
        my $begin = now();
        $endings{$ending}->($alice);
        has_heard($postgres) if $ending =~ /revoked/;
        my $end = now();
        let_run($load, 8) or fail 'requests are answered';
        my @seen = finish_load($load);
        my @before = grep { $_->{end} < $begin } @seen;
        my @after = grep { $_->{begin} > $end } @seen;
        is tally(@before), '200:' . @before, "$ending: until then all requests are served";
        is tally(@after), '401:' . @after, 'then none, from the first on';
        is tally(grep { $_->{result} !~ /^(?:200|401)$/ } @seen), '', 'and none meets an error';
    }
};

subtest 'several logouts of one session at once, among requests' => sub {
    my $alice = browser($httpd, 'alice');
    my ($token, $bob) = ($alice->token, browser($httpd, 'bob'));
    my $origin = [ Origin => $alice->origin ];
    my (@logouts, @requests);
    for (1 .. 5) {
        push @requests, map { $_->clone->start_request('GET', '/static/page.html') } $alice, $bob;
        push @logouts,
            $alice->clone->start_request('POST', '/logout', headers => [$origin], body => '');
    }
    is_deeply [ map { $_->finish->status } @logouts ], [ (303) x 5 ], 'all are answered alike';
    my @status = map { $_->finish->status } @requests;
    is scalar(grep { $_ != 200 && $_ != 401 } @status), 0, 'no request meets an error';
    is scalar(grep { $status[$_] != 200 } grep { $_ % 2 } 0 .. $#status), 0,
        'those of somebody else are all served';
    is $httpd->client->set_token($token)->get('/static/page.html')->status, 401,
        'the session has ended';
    is $postgres->value(
        "select count(*) from secsession.event where event = 'logout' and user_name = 'alice'
        and session_id = (select session_id from secsession.token
            where token_hash = sha256(decode(:'token', 'base64')))",
        vars => { token => $token =~ tr{-_}{+/}r . '=' }), 1, 'once, says the audit trail';
};

subtest 'logins go on while their user is revoked again and again' => sub {
    revoke('alice');
    my $load = start_load(sub {
        my $client = $httpd->client;
        my $status = $client->login('alice', password_of('alice'))->status;
        return $status . ' ' . ($client->token // '');
    });
    my @revoked;
    for (1 .. 6) {
        let_run($load, 3) or fail 'logins go on';
        my $begin = now();
        revoke('alice');
        push @revoked, { begin => $begin, end => now() };
    }
    let_run($load, 3);
    my @seen = finish_load($load);
    is tally(grep { $_->{result} !~ /^(?:303|401) / } @seen), '',
        'each login succeeds or is refused, and none meets an error';
    my $last = $revoked[-1];
    my %good =
        map { my ($token) = $_->{result} =~ /^303 (.+)/; $token ? ($token => $_) : () } @seen;
    my (@risen, @lost);
    for my $token (keys %good) {
        my $status = $httpd->client->set_token($token)->get('/static/page.html')->status;
        push @risen, $good{$token} if $status != 401 && $good{$token}{end} < $last->{begin};
        push @lost, $good{$token} if $status != 200 && $good{$token}{begin} > $last->{end};
    }
    is scalar(@risen), 0, 'who was logged in before a revocation is out (of ' . keys(%good) . ')';
    is scalar(@lost), 0, 'who logged in after the last one is in';
    my $met = sub {
        my ($login) = @_;
        return grep { $login->{begin} < $_->{end} && $login->{end} > $_->{begin} } @revoked;
    };
    is tally(grep { $_->{result} =~ /^401/ && !$met->($_) } @seen), '',
        'only logins that a revocation met were refused';
};

# --- httpd ---------------------------------------------------------------------------------------

subtest 'graceful restarts under load: nobody notices' => sub {
    my @tokens = map { browser($httpd, $_)->token } qw(alice bob) x 3;
    my $load = start_load(requests_with($httpd, '/static/page.html', 0, @tokens));
    for (1 .. 3) {
        let_run($load, 10) or fail 'requests go on';
        $httpd->graceful;
    }
    let_run($load, 10);
    my @seen = finish_load($load);
    is tally(@seen), '200:' . @seen, 'every request is served';
    ok all_live($httpd, @tokens), 'every session goes on';
};

subtest 'children of httpd are killed under load: sessions go on' => sub {    # ASVS 5.0 16.5.4
    my $fragile = Secsession::Httpd->start(
        postgres => $postgres, children => 2, crashes => 1,
        config => Secsession::Test::standard_config(), files => { 'static/page.html' => 'private' }
    );
    my @tokens = map { browser($fragile, $_)->token } qw(alice bob) x 3;
    my $load = start_load(requests_with($fragile, '/static/page.html', 0, @tokens));
    my $kills = 0;
    for (1 .. 3) {
        let_run($load, 10) or fail 'requests go on';
        await { $fragile->child_pids > 1 } or fail 'there is another child';
        my ($victim) = shuffle($fragile->child_pids);
        $kills += kill 'KILL', $victim;
        await { !grep { $_ == $victim } $fragile->child_pids };
    }
    let_run($load, 10) or fail 'requests go on';
    my @seen = finish_load($load);
    my @cut = grep { $_->{result} =~ /^died closed before|^died .*(?:reset|Connection)/ } @seen;
    is tally(grep { $_->{result} !~ /^died/ } @seen), '200:' . (@seen - @cut),
        'every request that was answered was served';
    cmp_ok scalar @cut, '<=', $kills * $LOADERS,
        "only those failed that were in a killed child ($kills were killed)";
    ok all_live($fragile, @tokens), 'every session goes on';
    wait_until { $postgres->backend_pids <= 40 }
        'and the dead children keep no connection to the database';
    revoke('alice');
    has_heard($postgres);
    ok !all_live($fragile, $tokens[0]), 'revocations are obeyed as before';
    $fragile->stop;
};

# --- the database --------------------------------------------------------------------------------

sub cut {
    my ($how_many) = @_;
    return $postgres->value(
        "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity
        where usename = 'httpd_web' order by random() limit $how_many) victim"
    );
}

my %cutting = (
    'one connection to the database is cut at a time' => 1,
    'all connections to the database are cut at once' => 1000,
);
for my $name (sort { $cutting{$a} <=> $cutting{$b} } keys %cutting) {
    subtest "$name: nobody is logged out, and nobody sees an error" => sub {
        my @tokens = map { browser($httpd, $_)->token } qw(alice bob) x 3;
        my $load = start_load(requests_with($httpd, '/static/page.html', 1, @tokens));
        my $cut = 0;
        for (1 .. 12) {
            let_run($load, 4) or fail 'requests go on';
            $cut += cut($cutting{$name});
        }
        let_run($load, 10) or fail 'requests go on';
        my @seen = finish_load($load);
        cmp_ok $cut, '>=', 12, "$cut connections were cut";
        is scalar(grep { $_->{result} =~ /^[34]/ } @seen), 0, 'nobody was sent to log in';
        is tally(@seen), '200:' . @seen, 'and every request was served';
        ok all_live($httpd, @tokens), 'every session goes on';
    };
}

subtest 'logins and logouts whose connection is cut happen once or not at all' => sub {
    my $load = start_load(
        sub {
            my $client = $httpd->client;
            my $login = $client->login('bob', password_of('bob'))->status;
            return "$login -" if $login != 303;
            my $token = $client->token;
            my $page = $client->get('/static/page.html')->status;
            my $logout = $client->clone->logout->status;
            return join ' ', $login, $page, $logout,
                $client->set_token($token)->get('/static/page.html')->status;
        }
    );
    for (1 .. 10) {
        let_run($load, 1) or fail 'logins go on';
        cut(1);
    }
    let_run($load, 3);
    my @seen = finish_load($load);
    my $fits =
        qr/^(?:303 200 303 401|503 -|303 503 .*|303 200 503 (?:200|401|503)|303 200 303 503)$/;
    is_deeply [ grep { $_ !~ $fits } map { $_->{result} } @seen ], [],
        'who was told that he is in is in; who was told that he is out is out';
    cmp_ok scalar(grep { $_->{result} eq '303 200 303 401' } @seen), '>=', @seen - 10,
        'nearly all did not notice';
    is $postgres->value(
        "select count(*) from (select session_id from secsession.event where user_name = 'bob'
        and event in ('created', 'logout') group by session_id, event having count(*) > 1) twice"
        ),
        0,
        'no login or logout was done twice';
};

done_testing;
