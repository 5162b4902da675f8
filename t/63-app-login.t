# An application logs its users in and out by response headers (SecSessionAppLogin), whether it is
# CGI, a proxied application, an internal redirect or an error page.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs qw(answering encoded);
use Secsession::Process qw(slurp);

my $LOCATIONS = <<'CONFIG';
<LocationMatch "^/(in|bye)/">
    SecSessionAppLogin On
</LocationMatch>
ScriptAliasMatch "^/(?:in|out|bye)/(headers|show|slow|redirect|wait)(.*)$" "@FOLDER@/cgi-bin/$1$2"
ErrorDocument 404 /in/headers?SecSession-Login:%20mallory
<Location "/private/">
    AuthType SecSession
    Require valid-user
</Location>
Alias "/private/" "@FOLDER@/htdocs/static/"
CONFIG
my ($postgres, $httpd) = start_servers(children => 2, threads => 8, config => $LOCATIONS, cgi => {
    wait => <<'PERL',
my ($name) = $ENV{QUERY_STRING} =~ /^(\w+)/;
open my $started, '>', "$state/$name.started" or die;
close $started;
my $end = time + 30;
select undef, undef, undef, 0.01 until -e "$state/$name.go" || time > $end;
print "SecSession-Login: $name\nContent-Type: text/plain\n\nhello\n";
PERL
        redirect =>
            'print $ENV{QUERY_STRING} =~ s/\+/ /gr =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger, "\n\n";',
    }
);
my $COOKIE = '__Host-secsession';

sub saying { return answering('in', @_) }
sub user_of { return environment_of($_[0]->clone->get('/app/show'))->{REMOTE_USER} // '' }
sub is_in { return $_[0]->clone->get('/private/page.html')->status == 200 }
sub ours {
    return grep { /^\Q$COOKIE\E=/ } $_[0]->all_headers('Set-Cookie');
}
sub events {
    return $postgres->value(
        "select coalesce(string_agg(event, ' ' order by event_id), '') from secsession.event
    where user_name = :'user'", vars => { user => $_[0] }
    );
}
sub without_words {
    my ($response, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return unlike $response->raw, qr/secsession-(?:log|rev)/i,
        "$name: the client sees no word of it";
}

subtest 'an application logs somebody in' => sub {
    my $client = $httpd->client;
    ok !is_in($client), 'at first nobody is';
    my $response = $client->get(saying('SecSession-Login: erika'));
    is $response->status, 200, 'the response comes as it was';
    is scalar(ours($response)), 1, 'with our cookie on it';
    is $response->header('Cache-Control'), 'no-store', 'and no cache keeps it';
    without_words($response, 'a login');
    is user_of($client), 'erika', 'who is logged in from then on';
    is $postgres->value(
        "select auth_method from secsession.active_session where user_name = 'erika'"),
        'application',
        'the database knows how';
    is events('erika'), 'created authenticated', 'and the audit trail, too';
    my $old = $client->token;
    $client->get(saying('secsession-login: erika'));
    isnt $client->token, $old, 'another login makes another token';
    ok !is_in($httpd->client->set_token($old)), 'and the old one is worth nothing at once';
    is events('erika'), 'created authenticated rotated authenticated', 'the session goes on';
    my $planted = browser($httpd, 'bob')->token;
    my $victim = $httpd->client->set_token($planted);
    $victim->get(saying('SecSession-Login: erika'));
    ok !is_in($httpd->client->set_token($planted)), 'a planted token is worth nothing';
    is user_of($victim), 'erika', 'and the victim has a session of their own';
};

subtest 'it logs out, and revokes' => sub {    # ASVS 5.0 7.4.3
    my @browsers =
        map { my $client = $httpd->client; $client->get(saying('SecSession-Login: otto')); $client }
        1 .. 4;
    my $response = $browsers[0]->clone->get(saying('SecSession-Logout: 1'));
    is_deeply [ ours($response) ], ["$COOKIE=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"],
        'the cookie is deleted';
    is $response->header('Clear-Site-Data'), '"cache", "storage"', 'and what the browser has kept';
    without_words($response, 'a logout');
    ok !is_in($browsers[0]), 'who logs out is out';
    is scalar(grep { is_in($_) } @browsers), 3, 'and nobody else';
    $response = $browsers[1]->get(saying('SecSession-Revoke: others'));
    is_deeply [ $response->status, ours($response) ], [200],
        'others are revoked, without a word to the browser';
    without_words($response, 'a revocation');
    is_deeply [ map { is_in($_) ? 1 : 0 } @browsers ], [ 0, 1, 0, 0 ], 'the one who asked stays';
    $response = $browsers[1]->get(saying('SecSession-Revoke: all'));
    is scalar(grep { /Max-Age=0/ } ours($response)), 1, 'all are revoked: the cookie goes';
    ok !is_in($browsers[1]), 'and who asked is out, too';
    like events('otto'), qr/revoked/, 'the trail says so';
    my $again = $httpd->client;
    $again->get(saying('SecSession-Login: otto', 'SecSession-Revoke: others'));
    ok is_in($again), 'a password change: logged in anew, everybody else out';
    is $httpd->client->get(saying('SecSession-Logout: 1'))->status, 200,
        'a logout of nobody harms nothing';
    is $httpd->client->get(saying('SecSession-Revoke: all'))->status, 200,
        'nor does a revocation by nobody';
};

subtest 'header fields are ignored where the application may not log users in' => sub {
    my $word = encoded('SecSession-Login: mallory');
    for my $path ("/app/headers?$word", "/pub/headers?$word", "/out/headers?$word") {
        my $client = browser($httpd, 'alice');
        my $response = $client->get($path);
        is_deeply [ $response->status, ours($response) ], [200], "$path: nothing happens";
        without_words($response, $path);
        is user_of($client), 'alice', "$path: alice stays alice";
    }
    is $postgres->value("select count(*) from secsession.session where user_name = 'mallory'"), 0,
        'no session of his is made';
    my $redirected = $httpd->client;
    my $to = encoded("SecSession-Login: mallory\nLocation: " . answering('in', 'X-A: 1'));
    my $response = $redirected->get("/out/redirect?$to");
    is $response->header('X-A'), 1, 'CGI redirects internally to who may speak';
    is scalar(ours($response)), 0, 'which lends it no voice';
    is $postgres->value("select count(*) from secsession.session where user_name = 'mallory'"), 0,
        'still no session';
    $to = encoded("SecSession-Login: emil\nLocation: /pub/page.html");
    $response = $redirected->get("/in/redirect?$to");
    is $response->body, "<p>public</p>\n", 'and the reverse: who may speak redirects to a page';
    is user_of($redirected), 'emil', 'and is heard';
    my $spoken = $httpd->client;
    $spoken->get('/in/show',
        headers => [ [ 'SecSession-Login' => 'mallory' ], [ SecSession_Login => 'mallory' ] ]);
    is $spoken->token, undef, 'words of a request are none';
};

subtest 'every kind of response works' => sub {
    for my $status (
        '201 Created', '204 No Content', '301 Moved', '303 See Other', '304 Not Modified',
        '403 Forbidden',
        '404 Not Found', '500 Oops', '503 Later'
        )
    {
        my $client = $httpd->client;
        my $response = $client->get(
            saying("Status: $status", 'Location: https://example.org/', 'SecSession-Login: nora'));
        is $response->status, $status =~ s/ .*//r, "$status: as it was";
        is user_of($client), 'nora', "$status: heard";
        without_words($response, $status);
    }
    my $head = $httpd->client;
    my $response = $head->request('HEAD', saying('SecSession-Login: nora'));
    is user_of($head), 'nora', 'HEAD: heard';
    my $nowhere = $httpd->client->get('/nowhere');
    is $nowhere->status, 404, 'a page that is not there, with an ErrorDocument that may speak';
};

subtest 'what makes no sense is refused, and nobody is logged in' => sub {
    my %nonsense = (
        'two users' => [ 'SecSession-Login: nina', 'SecSession-Login: olga' ],
        'in and out' => [ 'SecSession-Login: nina', 'SecSession-Logout: 1' ],
        'an empty name' => ['SecSession-Login: '],
        'a long name' => [ 'SecSession-Login: ' . 'n' x 256 ],
        'bytes that are no UTF-8' => [ "SecSession-Login: n\xff" ],
        'a control character of C1' => [ "SecSession-Login: n\xc2\x85" ],
        'a tab in the name' => [ "SecSession-Login: n\ta" ],
        'an unknown word' => ['SecSession-Become: nina'],
        'a logout of nothing' => ['SecSession-Logout: maybe'],
        'a revocation of some' => ['SecSession-Revoke: some'],
    );
    my $before = $postgres->value('select count(*) from secsession.session');
    for my $case (sort keys %nonsense) {
        my $response = $httpd->client->get(saying('X-Private: 1', @{ $nonsense{$case} }));
        is $response->status, 502, "$case: 502";
        is scalar(ours($response)), 0, "$case: no cookie";
        unlike $response->raw, qr/answered|X-Private/, "$case: nothing of the response is sent";
        without_words($response, $case);
    }
    is $postgres->value('select count(*) from secsession.session'), $before,
        'and no session is made';
    like $httpd->error_log,
        qr/SS212: the application at \/in\/headers logs in what is not a user name/,
        'the log says why';
    my $client = $httpd->client;
    $client->get(saying("SecSession-Login: J\xc3\xbcrgen O'Neil;x"));
    is user_of($client), "J\xc3\xbcrgen O'Neil;x", 'a name that is odd, but one, is good';
};

subtest 'who is revoked while the application checks the password is not logged in' => sub {
    for my $case ([ 'GET', 'zoe' ], [ 'POST', 'zoe', body => '' ]) {
        my ($method, $user, @body) = @$case;
        unlink glob $httpd->folder . "/state/$user.*";
        my $slow = $httpd->client->start_request($method, "/in/wait?$user", @body);
        ok $httpd->slow_started($user), "$method: an application is about to log zoe in";
        $postgres->psql("select secsession.revoke_user('zoe', 'test')");
        $httpd->let_go($user);
        my $response = $slow->finish;
        is_deeply [ $response->status, ours($response) ], [403],
            'she is revoked meanwhile: refused';
        is $postgres->value(
            "select count(*) from secsession.active_session where user_name = 'zoe'"), 0,
            'no session is made';
    }
    my $again = $httpd->client;
    $again->get(saying('SecSession-Login: zoe'));
    ok is_in($again), 'afterwards she can log in';
};

subtest 'a login is never half done' => sub {
    my $client = browser($httpd, 'alice');
    $postgres->psql('revoke execute on function secsession.authenticate from secsession_httpd');
    my $response = $client->clone->get(saying('SecSession-Login: paula', 'X-Private: 1'));
    is $response->status, 503, 'the database refuses: 503';
    ok $response->header('Retry-After'), 'with Retry-After' or diag $response->raw;
    is_deeply [ ours($response) ], [], 'no cookie is set, none is deleted';
    unlike $response->raw, qr/answered|X-Private/, 'and nothing of the response is sent';
    is user_of($client), 'alice', 'alice is still alice';
    $postgres->psql('grant execute on function secsession.authenticate to secsession_httpd');
    is $client->get(saying('SecSession-Login: paula'))->status, 200, 'then it works';
    is user_of($client), 'paula', 'and another user has another session';
    my $logout = $client->clone;
    $postgres->psql('revoke execute on function secsession.logout from secsession_httpd');
    is $logout->get(saying('SecSession-Logout: 1'))->status, 503,
        'a logout that did not happen is not reported as one';
    $postgres->psql('grant execute on function secsession.logout to secsession_httpd');
    is user_of($client), 'paula', 'paula is still in';
};

done_testing;
