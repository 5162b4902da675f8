# Users see their own sessions and can end one or all others, and pages learn how long the session
# will last without extending it (the handler secsession-sessions; ASVS 5.0 7.5.2).
# mpm: all

use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, database => { log_statements => 1 }, config => <<'CONFIG');
<Location "/sessions">
    SetHandler secsession-sessions
    SecSessionLogoutHome /pub/page.html
    AuthType SecSession
    SecSessionLoginPage /login
    Require valid-user
</Location>
<Location "/left">
    SetHandler secsession-sessions
    SecSessionTouch Off
    Require all granted
</Location>
CONFIG
my @HTML = ([ Accept => 'text/html' ]);
my @JSON = ([ Accept => 'application/json' ]);

sub is_in { return $_[0]->clone->get('/static/page.html')->status == 200 }
sub listed {
    return [
        $_[0]->get('/sessions', headers => \@HTML)->body =~ /name="end" value="([0-9a-f-]{36})"/g ];
}
sub finish { my ($client, $which) = @_; return $client->post_form('/sessions', { end => $which }) }

subtest 'a user sees the sessions of their own' => sub {
    my @alice = map { browser($httpd, 'alice') } 1 .. 3;
    my $bob = browser($httpd, 'bob');
    my $page = $alice[0]->get('/sessions', headers => [ @HTML, [ 'User-Agent' => 'x' ] ]);
    is $page->status, 200, 'a page';
    is_deeply [ sort @{ listed($alice[0]) } ], [ sort map { id_of($_) } @alice ],
        'with all of hers';
    unlike $page->body, qr/\Q@{[ id_of($bob) ]}/, 'and nobody else\'s';
    is scalar(() = $page->body =~ /\(this one\)/g), 1, 'one of which is this one';
    like $page->body, qr/from 127\.0\.0\.1<br>logged in just now, used just now/,
        'where from, and since when';
    like $page->header('Content-Security-Policy'), qr/default-src 'none'.*frame-ancestors 'none'/,
        'a page as strict as the login page';
    is $page->header('Cache-Control'), 'no-store', 'that nobody stores';
    unlike $page->raw, qr/\Q$_\E/, 'no token is on it' for map { $_->token } @alice;
};

subtest 'a user ends them' => sub {
    my @alice = map { browser($httpd, 'alice') } 1 .. 4;
    my $bob = browser($httpd, 'bob');
    is finish($alice[0], id_of($alice[1]))->status, 303, 'one of hers';
    ok !is_in($alice[1]), 'is out';
    is_deeply [ map { is_in($_) ? 1 : 0 } @alice[ 0, 2, 3 ] ], [ 1, 1, 1 ], 'the others are not';
    is finish($alice[0], id_of($bob))->status, 303, 'one of somebody else';
    ok is_in($bob), 'goes on';
    is finish($alice[0], 'others')->status, 303, 'all others';
    is_deeply [ map { is_in($_) ? 1 : 0 } @alice ], [ 1, 0, 0, 0 ], 'are out, and she is in';
    ok is_in($bob), 'bob, too';
    is scalar(@{ listed($alice[0]) }), 1, 'one is left';
    my $response = finish($alice[0]->clone, id_of($alice[0]));
    is $response->status, 303, 'her own';
    is scalar(grep { /Max-Age=0/ } $response->all_headers('Set-Cookie')), 1, 'is a logout';
    is $response->header('Location') =~ s{^http://[^/]+}{}r, '/pub/page.html',
        'after which she goes where a logout goes to';
    ok !is_in($alice[0]), 'she is out';
    is $postgres->value(
        "select string_agg(distinct reason, '; ' order by reason) from secsession.event
        where user_name = 'alice' and event in ('logout', 'revoked') and reason is not null"
        ),
        'its user asked for it; its user ended it from another session',
        'the audit trail says who did it';
};

# As if the user had logged in so long ago, and been busy since.
sub logged_in_for {
    my ($client, $seconds) = @_;
    $postgres->psql(
        "update secsession.session set authenticated_at = now() - interval '$seconds s' where "
            . "session_id = :'id'",
        vars => { id => id_of($client) }
    );
    has_heard($postgres);
    return $client;
}

subtest 'a session that somebody else may have by now cannot end others' => sub {
    my ($here, $there) = map { browser($httpd, 'alice') } 1, 2;
    is scalar(@{ listed(logged_in_for($here, 880)) }), 2,
        'who has logged in within a quarter of an hour can end both';
    my $page = logged_in_for($here, 901)->get('/sessions', headers => \@HTML);
    is_deeply [ $page->body =~ /name="end" value="(.*?)"/g ], [ id_of($here) ],
        'later only this one, which is a logout';
    my ($way) = $page->body =~ /<a href="(.*?)">Log in once more/;
    is $way =~ s/&amp;/&/gr, '/login?return=%2fsessions&why=fresh',
        'and there is a way to log in once more';
    for my $which (id_of($there), 'others') {
        my $response = finish($here, $which);
        is $response->status, 401, 'a form of before is refused';
        like $response->header('WWW-Authenticate'),
            qr/insufficient_user_authentication", max_age=900$/, 'with the reason';
        like $response->body, qr/was not sent/, 'in words, too';
        is_deeply [ $response->all_headers('Set-Cookie') ], [], 'the cookie stays';
    }
    is finish($here, 'nonsense')->status, 400, 'nonsense is nonsense';
    is_deeply [ map { is_in($_) ? 1 : 0 } $here, $there ], [ 1, 1 ], 'nothing has ended';
    my $again = $here->post_form(
        '/login',
        {
            username => 'alice', password => password_of('alice'), again => 1,
            return => '/sessions'
        }
    );
    is_deeply [ $again->status, $again->header('Location') =~ s{^http://[^/]+}{}r ],
        [ 303, '/sessions' ], 'who knows the password comes back';
    is finish($here, 'others')->status, 303, 'and ends them';
    ok !is_in($there), 'really';
    is finish(logged_in_for($here, 901), id_of($here))->status, 303, 'a logout asks for nothing';
    ok !is_in($here), 'and is one';
    ($here, $there) = map { browser($httpd, 'alice') } 1, 2;
    like logged_in_for($here, 901)->get('/left', headers => \@HTML)->body,
        qr/log out and log in again/, 'without a login page it says what to do';
};

subtest 'nobody else sees or ends them' => sub {
    my $alice = browser($httpd, 'alice');
    is $httpd->get('/sessions', headers => \@HTML)->status, 303,
        'who is not logged in is sent to log in';
    is $httpd->get('/sessions')->status, 401, 'a script gets 401';
    is $httpd->get('/left', headers => \@JSON)->status, 401, 'also where nothing is required';
    is $alice->post(
        '/sessions',
        'end=others',
        headers => [
            [ 'Content-Type' => 'application/x-www-form-urlencoded' ],
            [ Origin => 'https://evil.example' ]
        ]
    )->status, 403, 'another site is refused';
    is finish($alice, $_)->status, 400, "'$_' is refused"
        for '', 'all', 'x' x 36, "' or 1=1 --", id_of($alice) . 'x';
    is $alice->post_form('/sessions', {})->status, 400, 'and nothing at all';
    is $alice->request('DELETE', '/sessions')->status, 405, 'other methods';
    ok is_in($alice), 'she is still in';
    my $mean = $httpd->client;
    $mean->login('alice', password_of('alice'),
        headers => [ [ 'User-Agent' => '<script>alert(1)</script>' ] ]);
    unlike $mean->get('/sessions', headers => \@HTML)->body, qr/<script>/,
        'what a browser calls itself is escaped';
};

subtest 'how long it lasts' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = id_of($alice);
    $postgres->psql(
        "update secsession.session set last_seen_at = now() - interval '1000 s' where session_id = "
            . ":'id'",
        vars => { id => $id });
    has_heard($postgres);
    my $before =
        $postgres->value("select last_seen_at from secsession.session where session_id = :'id'",
        vars => { id => $id });
    my $left;
    for (1 .. 3) {
        my $response = $alice->get('/left', headers => \@JSON);
        is $response->header('Content-Type'), 'application/json', 'as JSON';
        ($left) =
            $response->body =~ /^\{"user":"alice","idle_seconds_left":(\d+),"seconds_left":\d+\}$/;
        ok defined $left && $left > 700 && $left <= 800, "what is left of the idle timeout";
    }
    is $postgres->value("select last_seen_at from secsession.session where session_id = :'id'",
        vars => { id => $id }), $before,
        'asking does not make it longer';
    my $statements = $postgres->asked_by_requests;
    $alice->get('/left', headers => \@JSON) for 1 .. 5;
    is $postgres->asked_by_requests, $statements, 'and costs no SQL';
    my ($end) = $alice->get('/left', headers => \@JSON)->body =~ /"seconds_left":(\d+)/;
    ok $end > 8 * 3600 - 60 && $end <= 8 * 3600, 'and when it ends in any case';
};

subtest 'a session that was used before the machine was started is as idle as it is' => sub {
    open my $file, '<', '/proc/uptime' or die "/proc/uptime: $!";
    my $uptime = int((split ' ', <$file>)[0]);
    my $alice = browser($httpd, 'alice');
    $postgres->psql(<<'SQL', vars => { id => id_of($alice), idle => $uptime + 1000 });
update secsession.session
set idle_timeout = :idle + 1000,
    last_seen_at = now() - make_interval(secs => :idle),
    expires_at = now() + interval '1000 days'
where session_id = :'id';
SQL
    has_heard($postgres);
    for (1 .. 3) {
        my ($left) = $alice->get('/left', headers => \@JSON)->body =~ /"idle_seconds_left":(\d+)/;
        ok defined $left && $left > 900 && $left <= 1000, 'what is left of the idle timeout';
    }
};

subtest 'without the database' => sub {
    my $alice = browser($httpd, 'alice');
    ok is_in($alice), 'she is in';
    $postgres->psql(
        'revoke execute on function secsession.own_sessions(uuid), secsession.revoke_own(uuid, '
            . 'boolean, text) from secsession_httpd'
    );
    is $alice->get('/sessions', headers => \@HTML)->status, 503, 'the list: 503';
    is finish($alice, 'others')->status, 503, 'an end that did not happen is not reported as one';
    ok is_in($alice), 'she is still in';
};

done_testing;
