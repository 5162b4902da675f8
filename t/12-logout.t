# Logging out: the session is over for everybody who has its token, the browser clears what it has
# stored, no other site can log anybody out, and a logout that failed is never reported as
# successful (ASVS 5.0 7.4.1).
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process 'await';

my $NAME = '__Host-secsession';
my $DELETED = "$NAME=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
my $CLEARED = '"cache", "storage"';
my $GUESSED = 'G' x 42 . 'A';
my $PLAIN = 'SameSite=Strict Path=/app Domain=plain.example';

sub logout_at {
    my ($path, $more) = @_;
    return
        qq{<Location "$path">\nSetHandler secsession-logout\nRequire all }
            . qq{granted\n$more\n</Location>\n};
}

sub virtual_host {
    my ($name, $more) = @_;
    return "<VirtualHost 127.0.0.1:\@PORT\@>\nServerName $name\n$more\n</VirtualHost>\n";
}

my ($postgres, $httpd) = start_servers(
    children => 2, database => { log_statements => 1 }, config => join('',
        logout_at('/bye', "SecSessionLogoutHome /pub/page.html\nSecSessionClearSiteData none"),
        logout_at('/bye-all', 'SecSessionClearSiteData cookies cache storage executionContexts'),
        logout_at('/bye-cache', 'SecSessionClearSiteData cache'),
        logout_at('/bye-off', 'SecSession Off'),
        logout_at('/bye-short', 'SecSessionIdleTimeout 1s')
    ),
    vhosts => join '',
    virtual_host('localhost', ''),
    virtual_host('other.example', 'SecSessionRealm other'),
    virtual_host('again.example', 'SecSessionRealm localhost'),
    virtual_host('plain.example', "SecSessionRealm plain\nSecSessionCookie sid $PLAIN Insecure")
);

sub ours { return grep { /\A\Q$NAME\E\s*=/ } $_[0]->all_headers('Set-Cookie') }

sub who {
    my ($client, %opt) = @_;
    my $page = $client->get('/app/show', %opt);
    return environment_of($page)->{REMOTE_USER} // $page->status;
}

# The fields of Fetch Metadata that a browser sends for something on one of our pages.
sub wanted {
    my ($mode, $dest) = @_;
    return (
        [ 'Sec-Fetch-Site' => 'same-origin' ],
        [ 'Sec-Fetch-Mode' => $mode ], [ 'Sec-Fetch-Dest' => $dest ]
    );
}
my @OWN_LINK = wanted('navigate', 'document');

sub with_token { return $httpd->client->set_token($_[0]) }
sub first {
    my ($response, @names) = @_;
    return map { join '|', $response->all_headers($_) } @names;
}

# How a session stands, and its events since the login.
sub state_of {
    my ($id) = @_;
    my $sql =
        "select coalesce(ending, 'live') from secsession.session_state where session_id = :'id'";
    return $postgres->psql($sql, vars => { id => $id });
}

sub events_of {
    my ($id) = @_;
    return join ' ', split /\n/, $postgres->psql(<<'SQL', vars => { id => $id });
select event from secsession.event where session_id = :'id' and event not in ('created', 'authenticated') order by at
SQL
}

sub is_logout {
    my ($response, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $cleared = exists $opt{cleared} ? $opt{cleared} : $CLEARED;
    is_deeply [ $response->status,
        first($response, qw(Location Set-Cookie Clear-Site-Data Cache-Control)) ],
        [ 303, $opt{home} // '/', $opt{cookie} // $DELETED, $cleared, 'no-store' ], $name;
}

subtest 'who logs out is logged out, and the browser forgets' => sub {
    my $alice = browser($httpd, 'alice');
    my ($token, $id) = ($alice->token, id_of($alice));
    my $open = $alice->clone;
    is who($open, keep_alive => 1), 'alice', 'another connection is open';
    is_logout($alice->logout, 'the answer: home, the cookie deleted, cache and storage cleared');
    is $alice->token, undef, 'the browser has no cookie any more';
    is who($alice), 401, 'the browser is logged out';
    is who($open, keep_alive => 1), 401, 'so is its other connection';
    is_deeply [ map { who(with_token($token)) } 1 .. 16 ], [ (401) x 16 ],
        'the token is worth nothing to anybody, in every child';
    is_deeply [ state_of($id), events_of($id) ], [ 'logout', 'logout' ],
        'the session has ended, and the audit trail says so';
    is $postgres->psql(
        <<'SQL', vars => { id => $id }), 'localhost|alice|127.0.0.1|httpd_web', 'whose it was';
select realm, user_name, client_addr, actor from secsession.event where session_id = :'id' and event = 'logout'
SQL
    like $httpd->error_log, qr/SS206: user alice logged out of realm localhost: session $id ended/,
        'and the log';
    my $again = with_token($token);
    is $again->login('alice', password_of('alice'))->status, 303, 'one can log in again';
    isnt id_of($again), $id, 'to another session';
    is_deeply [ state_of($id), who(with_token($token)) ], [ 'logout', 401 ],
        'the first stays as it is';
};

subtest 'what is cleared, and where one arrives, is the site\'s choice' => sub {
    my %said = (
        '/bye' => [ '/pub/page.html', '' ],
        '/bye-all' => [ '/', '"cookies", "cache", "storage", "executionContexts"' ],
        '/bye-cache' => [ '/', '"cache"' ], '/bye-short' => [ '/', $CLEARED ],
    );
    for my $path (sort keys %said) {
        my $alice = browser($httpd, 'alice');
        my $token = $alice->token;
        is_logout($alice->logout(path => $path), $path, home => $said{$path}[0],
            cleared => $said{$path}[1]);
        is who(with_token($token)), 401, "$path: logged out";
    }
    my $alice = browser($httpd, 'alice');
    is $alice->logout(path => '/bye-off')->status, 500,
        'where SecSession is Off the handler says so';
    is who($alice), 'alice', 'and does nothing';
    like $httpd->error_log, qr/SS211/, 'the log, too';
    my $plain = $httpd->client(host => 'plain.example', cookie_name => 'sid');
    my $attributes = 'Path=/app; Domain=plain.example; HttpOnly; SameSite=Strict';
    like $plain->login('alice', password_of('alice'))->header('Set-Cookie'),
        qr/\Asid=.{43}; \Q$attributes\E\z/,
        'a cookie of one\'s own';
    my $response = $plain->post('/logout', '', headers => [ [ Cookie => 'sid=' . $plain->token ] ]);
    is_logout($response, 'is deleted with its own attributes',
        cookie => "sid=; $attributes; Max-Age=0");
};

subtest 'only the session of this browser ends' => sub {
    my ($here, $there) = map { browser($httpd, 'alice') } 1 .. 2;
    my $bob = browser($httpd, 'bob');
    is_logout($here->logout, 'one of two sessions');
    is_deeply [ who($here), who($there), who($bob) ], [ 401, 'alice', 'bob' ],
        'the other one goes on, and other people\'s';
    my %realm = ('other.example' => [ 'alice', 'live' ], 'again.example' => [ 401, 'logout' ]);
    for my $host (sort keys %realm) {
        my $alice = browser($httpd, 'alice');
        my $id = id_of($alice);
        my $elsewhere = $httpd->client(host => $host)->set_token($alice->token);
        is_logout($elsewhere->logout, "$host: a logout");
        my $what =
            $host eq 'other.example'
            ? 'of another realm ends nothing here'
            : 'of the same realm does';
        is_deeply [ who($alice), state_of($id) ], $realm{$host}, $what;
    }
};

subtest 'other sites cannot log anybody out' => sub {
    my ($own, $port) = ($httpd->client->origin, $httpd->port);
    my @cases = (
        [ POST => 1, 'an old browser' ],
        [ POST => 1, 'our page', [ 'Sec-Fetch-Site' => 'same-origin' ] ],
        [ POST => 1, 'our origin', [ Origin => $own ] ],
        [ POST => 1, 'typed', [ 'Sec-Fetch-Site' => 'none' ] ],
        [ POST => 1, 'TLS ends before us', [ Origin => "https://localhost:$port" ] ],
        [ POST => 0, 'another site', [ 'Sec-Fetch-Site' => 'cross-site' ] ],
        [ POST => 0, 'a neighbour', [ 'Sec-Fetch-Site' => 'same-site' ] ],
        [ POST => 0, 'another origin', [ Origin => 'http://evil.example' ] ],
        [ POST => 0, 'no origin to be named', [ Origin => 'null' ] ],
        [ POST => 0, 'another port', [ Origin => 'http://localhost:1' ] ],
        [ POST => 0, 'a longer host', [ Origin => "$own.evil.example" ] ],
        [
            POST => 0, 'our origin, another site', [ Origin => $own ],
            [ 'Sec-Fetch-Site' => 'cross-site' ]
        ],
        [
            POST => 1, 'our page, which does not name its origin', [ Origin => 'null' ],
            [ 'Sec-Fetch-Site' => 'same-origin' ]
        ],
        [
            POST => 0, 'another site, which does not name its origin', [ Origin => 'null' ],
            [ 'Sec-Fetch-Site' => 'cross-site' ]
        ],
        [ GET => 1, 'a link on our page', @OWN_LINK ],
        [ GET => 0, 'our page, but not where to', [ 'Sec-Fetch-Site' => 'same-origin' ] ],
        (
            map { [ GET => 0, "our page, for a $_->[2]", wanted(@$_) ] }
                [ 'no-cors', 'image', 'picture' ],
            [ 'no-cors', 'script', 'script' ],
            [ 'no-cors', 'style', 'style sheet' ],
            [ 'cors', 'empty', 'fetch()' ],
            [ 'no-cors', 'empty', 'link that is fetched ahead' ],
            [ 'navigate', 'iframe', 'frame' ],
            [ 'navigate', 'object', 'object' ]
        ),
        (
            map { [ GET => 0, "our page, ahead: $_->[0]", @OWN_LINK, $_ ] }
                [ 'Sec-Purpose' => 'prefetch' ],
            [ 'Sec-Purpose' => 'prefetch;prerender' ],
            [ Purpose => 'prefetch' ],
            [ 'X-Moz' => 'prefetch' ],
            [ 'X-Purpose' => 'preview' ]
        ),
        [ GET => 0, 'an old browser' ],
        [ GET => 0, 'another site', [ 'Sec-Fetch-Site' => 'cross-site' ] ],
        [ GET => 0, 'a neighbour', [ 'Sec-Fetch-Site' => 'same-site' ] ],
        [ GET => 0, 'typed, or a link in a mail', [ 'Sec-Fetch-Site' => 'none' ] ],
        [ GET => 0, 'empty', [ 'Sec-Fetch-Site' => '' ] ],
        [ GET => 0, 'our Referer', [ Referer => "$own/" ] ],
        [ GET => 0, 'in capitals', [ 'Sec-Fetch-Site' => 'SAME-ORIGIN' ] ],
        [
            GET => 0, 'two of them', [ 'Sec-Fetch-Site' => 'same-origin' ],
            [ 'Sec-Fetch-Site' => 'cross-site' ]
        ],
        [ HEAD => 0, 'our page', [ 'Sec-Fetch-Site' => 'same-origin' ] ],
        (
            map { [ $_ => 0, 'our page', [ 'Sec-Fetch-Site' => 'same-origin' ] ] }
                qw(PUT DELETE OPTIONS PATCH)
        ),
    );
    my %refused = (POST => 403, GET => 200, HEAD => 200, OPTIONS => 200);
    for my $case (@cases) {
        my ($method, $works, $name, @headers) = @$case;
        my $alice = browser($httpd, 'alice');
        my $response = $alice->request($method, '/logout', headers => \@headers);
        if ($works) {
            is_logout($response, "$method, $name: logged out");
            is who($alice), 401, "$method, $name: really";
            next;
        }
        is_deeply [ $response->status, first($response, qw(Set-Cookie Clear-Site-Data)) ],
            [ $refused{$method} // 405, '', '' ], "$method, $name";
        is who($alice), 'alice', "$method, $name: the session goes on";
        my @allowed = grep { !/^(?:OPTIONS|TRACE)$/ } split /[, ]+/,
            $response->header('Allow') // '';
        is_deeply [ sort @allowed ], [qw(GET HEAD POST)], "$method, $name: Allow says what is"
            if $response->status == 405;
    }
};

subtest 'who follows a link to log out is asked' => sub {    # ASVS 5.0 7.4.4
    my $alice = browser($httpd, 'alice');
    my $page = $alice->get('/logout');
    my %fields = ('Content-Type' => 'text/html; charset=utf-8', 'Cache-Control' => 'no-store',
        'X-Content-Type-Options' => 'nosniff',
        'X-Frame-Options' => 'DENY', 'Referrer-Policy' => 'same-origin');
    is_deeply { map { $_ => first($page, $_) } keys %fields }, \%fields, 'header fields';
    like $page->header('Content-Security-Policy'),
        qr/\Adefault-src 'none';.* form-action 'self'; frame-ancestors 'none'\z/,
        'no site can frame it';
    like $page->body, qr{<html lang="en">.*viewport.*<h1>Log out</h1>.*<form method="post">}s,
        'a page for people';
    is_deeply [ $page->body =~ /<(?:input|button)[^>]*>[^<]*/g ],
        ['<button type="submit">Log out'], 'with one button';
    unlike $page->body, qr/<script|https?:|alice/i, 'and nothing else';
    is $alice->request('HEAD', '/logout')->body, '', 'HEAD';
    is_logout($alice->logout, 'the button works');
    is $alice->get('/logout')->status, 200, 'who is logged out already may ask, too';
};

subtest 'logging out without a session does no harm' => sub {
    my $before = $postgres->value('select count(*) from secsession.event');
    my $statements = $postgres->statements(undef, qr/logout/);
    is_logout($httpd->client->logout, 'without a cookie', cookie => '');
    is_logout(with_token($GUESSED)->logout, 'with a useless one');
    is_logout(with_token('x')->logout, 'with a malformed one');
    my $two =
        $httpd->client->post('/logout', '', headers => [ [ Cookie => "$NAME=$GUESSED; $NAME=x" ] ]);
    is_logout($two, 'with two');
    is $postgres->value('select count(*) from secsession.event'), $before, 'nothing is noted';
    is $postgres->statements(undef, qr/logout/), $statements, 'and nothing written';
    my %ending = (
        idle => [
            'expired_idle',
            "update secsession.session set last_seen_at = now() - interval '31 minutes' where "
                . "session_id = :'id'"
        ],
        absolute => [
            'expired_absolute',
            "update secsession.session set expires_at = now() - interval '1 second' where "
                . "session_id = :'id'"
        ],
        revoked => [ 'revoked', "select secsession.revoke_session(:'id', 'test')" ],
    );
    for my $why (sort keys %ending) {
        my ($event, $sql) = @{ $ending{$why} };
        my $alice = browser($httpd, 'alice');
        my ($id, $token) = (id_of($alice), $alice->token);
        $postgres->psql($sql, vars => { id => $id });
        is_logout(with_token($token)->logout, "$why: a logout") for 1 .. 2;
        is_deeply [ state_of($id), events_of($id) ], [ $why, $event ],
            "$why: the session has ended as it had";
    }
};

subtest 'who logs out twice, or from many tabs, is logged out once' => sub {
    my $alice = browser($httpd, 'alice');
    my ($id, $token) = (id_of($alice), $alice->token);
    my @tabs = map { with_token($token) } 1 .. 8;
    my @running = map { $_->start_request('POST', '/logout', body => '') } @tabs;
    is_logout($_->finish, 'one of eight at once') for @running;
    is_logout(with_token($token)->logout, 'and once more');
    is_deeply [ state_of($id), events_of($id) ], [ 'logout', 'logout' ], 'one event';
    my $again = browser($httpd, 'alice');
    my $old = $again->token;
    $again->login('alice', password_of('alice'));
    is with_token($old)->logout->status, 303, 'a token that was replaced at a login';
    is who($again), 'alice', 'logs nobody out';
};

subtest 'the body of a logout is not read' => sub {
    my %body = (
        'a form' => 'username=bob&password=battery+staple', 'a megabyte' => 'x' x (1 << 20),
        'nothing' => '',
        'NUL' => "\0" x 100
    );
    for my $name (sort keys %body) {
        my $alice = browser($httpd, 'alice');
        my $token = $alice->token;
        my $response = $alice->post("/logout?return=//evil.example/&$NAME=$GUESSED", $body{$name},
            headers => [ [ 'Content-Type' => 'text/plain' ] ]);
        is_logout($response, $name);
        is who(with_token($token)), 401, "$name: logged out";
    }
};

# Runs the block while somebody's transaction is open that has done this.
sub while_open {
    my ($sql, $block) = @_;
    open my $psql, '|-', 'psql', '-X', '-q', '-h', $postgres->host, '-U', 'postgres', 'app'
        or die "psql: $!";
    $psql->autoflush(1);
    print {$psql} "begin; $sql;\n";
    my $locks =
        "select count(*) from pg_stat_activity where state = 'idle in transaction' and usename = "
            . "'postgres'";
    await { $postgres->value($locks) == 1 } or die "no lock\n";
    $block->();
    print {$psql} "rollback;\n";
    return close $psql;
}

sub is_no_logout {
    my ($response, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply [ $response->status, !!$response->header('Retry-After'),
        first($response, qw(Set-Cookie Clear-Site-Data Location)) ],
        [ 503, 1, '', '', '' ], "$name: 503, and the browser forgets nothing";
}

sub holding { return "select from secsession.session where session_id = '$_[0]' for update" }

subtest 'a logout waits for nobody who holds the session' => sub {
    my ($alice, $again) = map { browser($httpd, 'alice') } 1 .. 2;
    my ($id, $token) = (id_of($alice), $alice->token);
    while_open(
        holding($id),
        sub {
            is_logout($alice->logout, 'somebody holds it');
            is_deeply [ map { who(with_token($token)) } 1 .. 16 ], [ (401) x 16 ],
                'and it has ended, in every child';
            is state_of($id), 'logout', 'by a logout';
            is_logout(with_token($token)->logout, 'once more');
        }
    );
    ok await(sub { events_of($id) ne '' }), 'when it is let go the audit trail is written';
    is events_of($id), 'logout', 'with one event';

    ($id, $token) = (id_of($again), $again->token);
    while_open(
        holding($id),
        sub {
            is $again->login('alice', password_of('alice'))->status, 303,
                'who logs in again does not wait for long, either';
            isnt id_of($again), $id, 'and has another session';
            is who(with_token($token)), 401, 'while the one before has ended';
        }
    );
    is who($again), 'alice', 'she stays logged in';
};

subtest 'a logout that failed is not reported as successful' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    my $no_writing = 'lock table secsession.session in share mode';
    my $waiting =
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = "
            . "'httpd_web'";
    my $running;
    while_open($no_writing, sub {
        $running = $alice->start_request('POST', '/logout', body => '');
        ok await(sub { $postgres->value($waiting) == 1 }), 'the database cannot end it yet';
        ok !$running->is_answered, 'nothing is said before it has';
    });
    is_logout($running->finish, 'then it has');
    is_deeply [ state_of($id), who($alice) ], [ 'logout', 401 ], 'really';
    $alice = browser($httpd, 'alice');
    $id = id_of($alice);
    while_open($no_writing, sub { is_no_logout($alice->logout, 'it waits too long') });
    is_deeply [ who($alice), state_of($id) ], [ 'alice', 'live' ], 'nor does it happen afterwards';
    while_open($no_writing,
        sub { is $alice->clone->login('alice', password_of('alice'))->status, 503, 'a login, too' }
    );
    is_deeply [ who($alice), state_of($id) ], [ 'alice', 'live' ], 'its old token is still good';
    $postgres->psql('revoke execute on function secsession.logout from secsession_httpd');
    is_no_logout($alice->logout, 'the database refuses');
    is_no_logout($alice->get('/logout', headers => \@OWN_LINK), 'by a link, too');
    is who($alice), 'alice', 'the session goes on';
    $postgres->psql('grant execute on function secsession.logout to secsession_httpd');
    $postgres->stop('fast');
    is_no_logout($alice->logout, 'the database is away');
    is_logout($httpd->client->logout, 'who has no session need not wait for it', cookie => '');
    $postgres->start_again;
    is_deeply [ who($alice), state_of($id), events_of($id) ], [ 'alice', 'live', '' ],
        'the session goes on';
    is_logout($alice->logout, 'and can be ended now');
    is state_of($id), 'logout', 'it has';
    # What the server has seen meanwhile may be about to be written to the session.
    ok await(sub { events_of($id) eq 'logout' }), 'and the audit trail says so';
};

done_testing;
