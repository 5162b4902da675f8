# OWASP ASVS 5.0, rule by rule: chapter 7, and the rules about sessions in chapters 3, 6 and 16.
# Each subtest begins with the number of its rule, is a short attack or check with the default
# configuration, and is named in docs/security.md. Other tests go into more detail and name the
# rule as "ASVS 5.0" and its numbers with a blank between them.

use lib 't/lib';
use Secsession::Test;
use JSON::PP 'decode_json';
use Secsession::Httpd;
use Secsession::Process qw(checkout slurp);

my $HERE = 't/80-asvs.t';
my $COOKIE = '__Host-secsession';
my $docs = join "\n", map { slurp(checkout() . "/docs/$_.md") } qw(directives security operations);
my ($postgres, $httpd) =
    start_servers(children => 2, threads => 16, throttle => '5 5m', config => <<'CONFIG');
SecSessionLog logs/events.json
ScriptAliasMatch "^/(?:money|own|bobs)/(show)" "@FOLDER@/cgi-bin/$1"
<Location "/bobs/">
    AuthType SecSession
    Require user bob
</Location>
<Location "/money/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require session-fresh 5m
</Location>
<Location "/sessions">
    SetHandler secsession-sessions
    AuthType SecSession
    Require valid-user
</Location>
<Location "/own/">
    SecSessionAppLogin On
</Location>
ScriptAliasMatch "^/own/(headers)" "@FOLDER@/cgi-bin/$1"
CONFIG

sub sql { my ($text, %vars) = @_; return $postgres->psql($text, vars => \%vars) }
sub status {
    my ($client, $path, @more) = @_;
    return $client->get($path // '/static/page.html', @more)->status;
}
sub with_token { return $httpd->client->set_token($_[0]) }
sub age {
    my ($client, $columns, $interval) = @_;
    my $set = join ', ', map { "$_ = $_ - interval '$interval'" } split ' ', $columns;
    sql("update secsession.session set $set where session_id = :'id'", id => id_of($client));
    has_heard($postgres);
    return $client;
}
sub events { my ($where) = @_; return sql("select count(*) from secsession.event where $where") }
sub ours { return grep { /^\Q$COOKIE\E=/ } $_[0]->all_headers('Set-Cookie') }

# --- chapter 7 -----------------------------------------------------------------------------------

subtest '7.1.1 the timeouts are documented as they are' => sub {
    browser($httpd, 'alice');
    is sql(
        'select idle_timeout / 60, absolute_timeout / 3600 from secsession.session where ended_at '
            . 'is null'
    ), '30|8', 'a session of the default';
    like $docs, qr/^\| `standard` \| 30m \| 8h \|/m, 'is the one in the documentation';
    like $docs, qr/NIST SP 800-63B-4/, 'with the levels of NIST';
};
subtest '7.1.2 how many sessions a user may have is documented' => sub {
    like $docs, qr/^\* Default: `SecSessionMaxPerUser 0` \(any number\)$/m, 'any number';
    my @many = map { browser($httpd, 'alice') } 1 .. 4;
    is scalar(grep { status($_) == 200 } @many), 4, 'and so it is';
};
subtest '7.1.3 sessions beside those of others are documented' => sub {
    like $docs, qr/^## Users of another AuthType/m,
        'what a revocation can do where others authenticate';
};
subtest '7.2.1 a token is verified by the server' => sub {
    my $token = browser($httpd, 'alice')->token;
    for my $at (0, 20, 42) {
        my $changed = $token;
        substr($changed, $at, 1) = substr($changed, $at, 1) eq 'A' ? 'Q' : 'A';
        is status(with_token($changed)), 401, "one character changed at $at: refused";
    }
};
subtest '7.2.2 a token is made for its session' => sub {
    my %seen = map { browser($httpd, 'alice')->token => 1 } 1 .. 20;
    is scalar(keys %seen), 20, 'the same user gets another one with every login';
};
subtest '7.2.3 a token has 256 random bits' => sub {
    my $token = browser($httpd, 'alice')->token;
    like $token, qr/\A[A-Za-z0-9_-]{43}\z/, '43 characters of 64; see also t/81-wstg-sess-01.t';
};
subtest '7.2.4 a login makes a new token, and ends the old one' => sub {
    my $alice = browser($httpd, 'alice');
    my $before = $alice->token;
    $alice->login('alice', password_of('alice'));
    isnt $alice->token, $before, 'who authenticates again has another token';
    is status(with_token($before)), 401, 'the old one is worth nothing';
};
subtest '7.3.1 a session that nobody uses ends' => sub {
    is status(age(browser($httpd, 'alice'), 'last_seen_at', '29 min')), 200, 'not after 29 minutes';
    is status(age(browser($httpd, 'alice'), 'last_seen_at', '31 min')), 401,
        'but after half an hour';
};
subtest '7.3.2 a session that is always used ends' => sub {
    is status(age(browser($httpd, 'alice'), 'authenticated_at expires_at', '7 h')), 200,
        'not after seven hours';
    is status(age(browser($httpd, 'alice'), 'authenticated_at expires_at', '481 min')), 401,
        'but after eight';
};
subtest '7.4.1 what has ended is over' => sub {
    my $alice = browser($httpd, 'alice');
    my $copy = $alice->clone;
    is status($copy, undef, keep_alive => 1), 200, 'another connection';
    $alice->logout;
    is status($copy, undef, keep_alive => 1), 401, 'after the logout it is refused';
    is_deeply [ map { status($copy->clone) } 1 .. 8 ], [ (401) x 8 ], 'in every process';
};
subtest '7.4.2 who is disabled is out' => sub {
    my @sessions = map { browser($httpd, 'bob') } 1 .. 3;
    sql(
        q{create table public.account (name text primary key); insert into public.account
            values ('bob');
        create trigger gone after update or delete on public.account for each row
        execute function secsession.revoke_on_change('name');
        delete from public.account});
    has_heard($postgres);
    is_deeply [ map { status($_) } @sessions ], [ (401) x 3 ],
        'with the row of the user all sessions are gone';
};
subtest '7.4.3 a changed password can end the other sessions' => sub {
    my ($here, $there) = map { browser($httpd, 'alice') } 1, 2;
    is status($here, '/own/headers?SecSession-Revoke:+others'), 200, 'the application says so';
    has_heard($postgres);
    is_deeply [ map { status($_) } $here, $there ], [ 200, 401 ],
        'this one goes on, the other does not';
};
subtest '7.4.4 a logout is there for every page' => sub {
    is browser($httpd, 'alice')->get('/logout')->status, 200,
        'a link to it works: pages have to show it';
};
subtest '7.4.5 administrators end sessions' => sub {
    my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
    sql(q{select secsession.revoke_user('alice', 'test')});
    has_heard($postgres);
    is_deeply [ map { status($_) } $alice, $bob ], [ 401, 200 ], 'of a user';
    sql(q{select secsession.revoke_all('test')});
    has_heard($postgres);
    is status($bob), 401, 'of everybody';
};
subtest '7.5.1 7.5.3 what is sensitive asks for the password again' => sub {
    my $alice = browser($httpd, 'alice');
    is status($alice, '/money/show'), 200, 'a fresh login';
    is status(age($alice, 'authenticated_at', '6 min'), '/money/show'), 401,
        'is not fresh for ever';
};
subtest '7.5.2 users see and end their sessions' => sub {
    my ($here, $there) = map { browser($httpd, 'alice') } 1, 2;
    my $id = id_of($there);
    like $here->get('/sessions')->body, qr/\Q$id\E/, 'the other one is there';
    is $here->post_form('/sessions', { end => $id })->status, 303, 'can be ended';
    has_heard($postgres);
    is status($there), 401, 'and is over';
};
subtest '7.6.1 how long a login elsewhere lasts is documented' => sub {
    like $docs, qr/prompt=login/, 'what to ask the provider for';
};
subtest '7.6.2 nobody is logged in unasked' => sub {
    my $rows = sql('select count(*) from secsession.session');
    $httpd->get('/pub/page.html') for 1 .. 100;
    is sql('select count(*) from secsession.session'), $rows, 'a hundred visits make no session';
};

# --- cookies and other sites ---------------------------------------------------------------------

subtest '3.3.1 3.3.2 3.3.3 3.3.4 3.3.5 the cookie' => sub {
    my $alice = browser($httpd, 'alice');
    my $token = $alice->token;
    age($alice, 'rotated_at', '1 hour');
    my @responses = (
        $httpd->client->login('alice', password_of('alice')), $alice->get('/static/page.html'),
        with_token('x')->get('/pub/page.html'), $alice->logout
    );
    my @cookies = map { ours($_) } @responses;
    is scalar(@cookies), 4, 'at the login, with the next token, for a bad one, at the logout';
    my $attributes = qr{Path=/; Secure; HttpOnly; SameSite=Lax};
    like $_, qr/\A__Host-secsession=[\w-]{0,43}; $attributes(?:; Max-Age=0)?\z/,
        'Secure, __Host-, SameSite, HttpOnly'
        for @cookies;
    is scalar(grep { length > 128 } @cookies), 0, 'and short';
    is scalar(
        grep {
            index($_->body
                    . join('', map { "@$_" } grep { lc $_->[0] ne 'set-cookie' } @{ $_->headers }),
                $token)
                >= 0
        } @responses
        ),
        0,
        'the token is in no body and no other field';
};
subtest '3.5.1 3.5.3 other sites cannot post' => sub {
    my $alice = browser($httpd, 'alice');
    my @from = ([ 'Sec-Fetch-Site' => 'cross-site' ], [ Origin => 'https://evil.example' ],
        [ Origin => 'null' ]);
    is_deeply [ map { $alice->post('/app/show', 'x=1', headers => [$_])->status } @from ],
        [ (403) x 3 ], 'whatever the browser says of them';
    is $alice->post('/app/show', 'x=1', headers => [ [ 'Sec-Fetch-Site' => 'same-origin' ] ])
        ->status, 200, 'our own pages can';
};
subtest '3.5.8 other sites cannot load what needs a session' => sub {
    my ($cookie) = ours($httpd->client->login('alice', password_of('alice')));
    like $cookie, qr/SameSite=Lax/,
        'browsers leave the cookie out: t/60-browser.t tries it with one';
    is $httpd->get(
        '/static/page.html',
        headers => [
            [ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Mode' => 'no-cors' ],
            [ 'Sec-Fetch-Dest' => 'image' ]
        ]
        )->status,
        401, 'and what comes without it is refused';
};

# --- passwords -----------------------------------------------------------------------------------

subtest '6.3.1 guessing passwords is slow' => sub {
    my @statuses = map { $httpd->client->login('mallory', "guess $_")->status } 1 .. 8;
    is_deeply [ @statuses[ 0 .. 4 ] ], [ (401) x 5 ], 'five tries';
    is_deeply [ @statuses[ 5 .. 7 ] ], [ (429) x 3 ], 'then a pause';
    is browser($httpd, 'bob')->get('/static/page.html')->status, 200, 'which is not that of others';
};
subtest '6.3.8 who has an account cannot be seen' => sub {
    my @pages = map { $httpd->client->login($_, 'wrong') } 'alice', 'nobody';
    is $pages[0]->status, $pages[1]->status, 'the same status';
    is $pages[0]->body =~ s/alice/nobody/gr, $pages[1]->body,
        'and page, for a wrong password and an unknown user; t/10-login.t compares the work';
};

# --- chapter 16 ----------------------------------------------------------------------------------

subtest '16.2.1 16.2.2 16.2.4 an event says who, what, where and when' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my ($event) =
        grep { ($_->{session_id} // '') eq $id && $_->{event} eq 'authenticated' }
        map { decode_json($_) }
        split /\n/, slurp($httpd->folder . '/logs/events.json');
    like $event->{at}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'the time, in UTC';
    is_deeply [ @$event{qw(user_name realm client_addr actor)} ],
        [qw(alice localhost 127.0.0.1 httpd_web)], 'who and where, in JSON';
};
subtest '16.2.3 what is logged where is documented' => sub {
    my %numbers = map { $_ => 1 } $httpd->error_log =~ /\b(SS\d{3}):/g;
    cmp_ok scalar(keys %numbers), '>', 0, 'messages of this test';
    is_deeply [ grep { $docs !~ /^\| $_ \|/m } sort keys %numbers ], [],
        'are all in the list; t/43-log-numbers.t has the others';
};
subtest '16.2.5 no log has a token or a password' => sub {
    my $alice = browser($httpd, 'alice');
    my $logs =
          $httpd->said
        . $httpd->access_log
        . slurp($httpd->folder . '/logs/events.json')
        . $postgres->log;
    ok index($logs, $alice->token) < 0 && index($logs, password_of('alice')) < 0,
        'neither is there; t/46-secrecy.t looks everywhere';
};
subtest '16.3.1 logins are recorded' => sub {
    my @before =
        map { events("event = '$_' and user_name = 'bob'") } qw(authenticated login_failed);
    browser($httpd, 'bob');
    $httpd->client->login('bob', 'wrong');
    is_deeply [ map { events("event = '$_' and user_name = 'bob'") }
            qw(authenticated login_failed) ], [ map { $_ + 1 } @before ],
        'those that succeed, and those that do not';
    is events(
        "event in ('authenticated', 'login_failed') and detail ->> 'method' is distinct from 'form'"
    ), 0, 'each with its method';
};
subtest '16.3.2 refused requests are in httpd\'s log' => sub {
    my $lines = () = $httpd->access_log =~ /" 401 /g;
    $httpd->get('/static/page.html');
    wait_until { (() = $httpd->access_log =~ /" 401 /g) > $lines } 'one more, of nobody';
    is status(browser($httpd, 'alice'), '/bobs/show'), 403,
        'a user asks for what is another one\'s';
    like $httpd->error_log,
        qr{\[client 127\.0\.0\.1:\d+\] AH01631: user alice: authorization failure for "/bobs/show"},
        'with the name, and where from';
    wait_until { $httpd->access_log =~ m{^127\.0\.0\.1 alice "GET /bobs/show HTTP/1\.1" 403 }m }
        'there, too';
};
subtest '16.3.3 attempts to get round are recorded' => sub {
    my $alice = browser($httpd, 'alice');
    my ($old, $id) = ($alice->token, id_of($alice));
    $alice->login('alice', password_of('alice'));
    sql(
        q{update secsession.other_token set retired_at = retired_at - interval '1 hour', }
            . q{grace_until = grace_until - interval '1 hour' where retired_at is not null}
    );
    status(with_token($old));
    is events("event = 'reuse_detected' and session_id = '$id'"), 1, 'the use of an old token';
    cmp_ok events("event = 'login_throttled'"), '>', 0, 'too many passwords';
    like $httpd->error_log, qr/SS218:/, 'requests of other sites';
};
subtest '16.4.1 nobody writes into the log' => sub {
    $httpd->client->login("eve\r\nforged: line\e[31m", 'wrong');
    $httpd->client->login("eve\xc2\x9b31m", 'wrong',
        headers => [ [ 'User-Agent' => "agent\tforged \xc2\x9b31m" ] ]);
    my $logs = join '', $httpd->error_log, $httpd->access_log,
        slurp($httpd->folder . '/logs/events.json');
    like $logs, qr/login failed in realm localhost for user \(not a user name\)/,
        'a name that cannot be one is not repeated';
    unlike $logs, qr/^forged/m, 'no line begins with what was typed';
    unlike $logs, qr/[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/, 'and nothing reaches a terminal';
};
subtest '16.3.4 16.5.1 16.5.2 16.5.3 a database that is away' => sub {
    my $alice = browser($httpd, 'alice');
    $postgres->stop('immediate');
    lease_ends { $alice->get('/app/show') } 'refuses with 503';
    unlike $alice->get('/app/show')->body, qr/SQL|postgres|dbname|secsession\./i,
        'without a word of why';
    is status($httpd->client, '/pub/page.html'), 200, 'and pages for everybody are there';
    like $httpd->error_log, qr/SS10[13]: the session database/, 'which is in the log';
    $postgres->start_again;
    wait_until { status($alice) == 200 } 'until it is back: nobody was logged out';
};
subtest '16.5.4 a process that crashes' => sub {
    my $alice = browser($httpd, 'alice');
    my ($child) = $httpd->child_pids;
    kill 'KILL', $child;
    is_deeply [
        map {
            eval { status($alice->clone) } // 0
        } 1 .. 10
        ],
        [ (200) x 10 ], 'takes no session with it';
};

subtest 'docs/security.md names every rule, with tests that are there' => sub {
    my $text = slurp(checkout() . '/docs/security.md');
    my %rows = $text =~ /^\| (\d+\.\d+\.\d+) \| .*? \| ([^|]*) \|$/mg;
    my %named = map { $_ => ["$HERE"] }
        map { /\b(\d+\.\d+\.\d+)\b/g } slurp(checkout() . "/$HERE") =~ /^subtest '(.*?)'/mg;
    is_deeply [ sort keys %rows ], [ sort keys %named ], 'the rules of this file';
    for my $file (grep { $_ ne $HERE }
        map { s{^\Q@{[ checkout() ]}\E/}{}r }
        glob checkout() . '/t/*.t ' . checkout() . '/t/unit/*.c')
    {
        # A comment may go on in its next line.
        my $text = slurp(checkout() . "/$file") =~ s/\n *[#*] / /gr;
        my %once = map { $_ => 1 } map { split } $text =~ /\bASVS 5\.0((?: \d+\.\d+\.\d+)+)/g;
        push @{ $named{$_} }, $file for keys %once;
    }
    for my $number (sort keys %rows) {
        is_deeply [ sort $rows{$number} =~ m{(t/[\w./-]+)}g ], [ sort @{ $named{$number} } ],
            "$number: the tests that name it";
    }
    is_deeply [ grep { $text !~ /\b\Q$_\E\b/ } sort keys %named ], [],
        'and no test names a rule that is not there';
};

done_testing;
