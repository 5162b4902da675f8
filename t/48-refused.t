# Who has no session any more, or no right, is told so in words, and how to go on: the page of
# every 401 and 403 of ours. What was entered into a form is not lost.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Programs 'answering';

my $FORM = <<'HTML';
<!DOCTYPE html><title>Write</title><form method="post" action="/alice/show"><textarea
name="text"></textarea><button>Send</button></form>
HTML
my %files = ('pub/write.html' => $FORM);
my ($postgres, $httpd) =
    start_servers(children => 2, threads => 8, files => \%files, config => <<'CONFIG');
ScriptAliasMatch "^/(?:alice|hers|method|own|hidden|api)/(show|headers|slow)" "@FOLDER@/cgi-bin/$1"
<LocationMatch "^/(?:alice|hers|method|own|hidden|api)/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require user alice
</LocationMatch>
<Location "/hers/">
    AuthzSendForbiddenOnFailure On
</Location>
<Location "/hers/">
    <RequireAll>
        Require session-fresh 5m
        Require valid-user
    </RequireAll>
</Location>
<Location "/method/">
    Require session-method openid-connect
</Location>
<Location "/own/">
    ErrorDocument 401 "ours: log in"
    ErrorDocument 403 "ours: go away"
</Location>
<Location "/sessions">
    SetHandler secsession-sessions
    SecSessionLoginPage /login
</Location>
CONFIG
my $HTML = [ Accept => 'text/html,application/xhtml+xml' ];
my @SCRIPT = ($HTML, [ 'Sec-Fetch-Mode' => 'cors' ], [ 'Sec-Fetch-Dest' => 'empty' ]);
my @FRAME = ($HTML, [ 'Sec-Fetch-Mode' => 'navigate' ], [ 'Sec-Fetch-Dest' => 'iframe' ]);

sub link_of { return $_[0]->body =~ m{<a href="(.*?)" target="(\w+)">} ? "$1 $2" : 'none' }
sub alert_of { return $_[0]->body =~ m{<p role="alert">(.*?)</p>} ? $1 : 'none' }

sub end {
    my ($client, $how) = @_;
    $postgres->psql("update secsession.session set $how where session_id = :'id'",
        vars => { id => environment_of($client->get('/app/show'))->{SECSESSION_ID} });
    has_heard($postgres);
    return $client;
}

my %ends = (
    idle => [ q{last_seen_at = now() - interval '1 h'}, qr/not active for a while/ ],
    absolute =>
        [ q{expires_at = now() - interval '1 s', created_at = created_at - interval '1 day'}, qr/has reached its time limit/ ],
);
for my $why (sort keys %ends) {
    my ($how, $words) = @{ $ends{$why} };
    subtest "a session that has ended: $why" => sub {
        my $alice = end(browser($httpd, 'alice'), $how);
        my $form = $alice->clone->post('/alice/show', 'text=long', headers => [ $HTML ]);
        is $form->status, 401, 'a form that is posted: 401';
        is $form->header('WWW-Authenticate'), 'SecSession realm="localhost"', 'with the challenge';
        like alert_of($form), $words, 'and a page that says why';
        like $form->body, qr/What you have entered was not sent/, 'what it means';
        is link_of($form), "/login?why=$why _blank", 'and leads to the login in another tab';
        my $script = $alice->clone->get('/alice/show?a=1', headers => \@SCRIPT);
        like alert_of($script), $words, 'a script that wants a page is told the same';
        is link_of($script), "/login?return=%2falice%2fshow%3fa%3d1&amp;why=$why _top",
            'with the way back';
        is $script->status, 401, 'as an error';
        unlike $script->body, qr/not sent/, 'which has lost nothing';
        my $data = $alice->clone->post('/alice/show', '{}',
            headers => [ [ Accept => 'application/json' ] ]);
        is_deeply [ $data->status, alert_of($data) ], [ 401, 'none' ], 'who wants data gets no page';
    };
}

subtest 'a session that was ended by an administrator' => sub {
    my $alice = browser($httpd, 'alice');
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    like alert_of($alice->post('/alice/show', 'a=1', headers => [ $HTML ])), qr/an administrator/,
        'says so';
};

subtest 'what the page is' => sub {
    my $page = $httpd->client->post('/alice/show', 'a=1', headers => [ $HTML ]);
    is alert_of($page), 'You are not logged in.', 'nobody has no reason';
    like $page->body, qr{\A<!DOCTYPE html>.*</html>\s*\z}s, 'one whole page';
    is $page->header('Content-Type'), 'text/html; charset=utf-8', 'of HTML';
    is $page->header('Cache-Control'), 'no-store', 'for nobody to store';
    is $page->header('X-Content-Type-Options'), 'nosniff', 'whose type nobody guesses';
    like $page->header('Content-Security-Policy'), qr/^default-src 'none'/, 'with a policy';
    my $frame = $httpd->client->post('/alice/show', 'a=1', headers => [@FRAME]);
    is_deeply [ $frame->status, [ $frame->all_headers('X-Frame-Options') ] ], [ 401, [] ],
        'which a frame may show';
    my $own = $httpd->client->post('/own/show', 'a=1', headers => [ $HTML ]);
    is_deeply [ $own->status, $own->body ], [ 401, 'ours: log in' ],
        'an ErrorDocument takes its place';
    is $own->header('Content-Security-Policy'), undef, 'with its own fields';
    my $head = $httpd->client->request('HEAD', '/alice/show', headers => \@SCRIPT);
    is_deeply [ $head->status, $head->body ], [ 401, '' ], 'HEAD has none';
    is $httpd->client->get('/sessions', headers => [ $HTML ])->header('Location'),
        '/login?return=%2fsessions', 'the list of sessions leads to the login, too';
    like alert_of($httpd->client->post('/sessions', 'end=others', headers => [ $HTML ])),
        qr/not logged in/, 'and says why';
};

subtest 'a form that another site sends' => sub {
    my @idp = ($HTML, [ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Mode' => 'navigate' ]);
    my $page = $httpd->client->post('/alice/show', 'SAMLResponse=x', headers => \@idp);
    is $page->status, 401, 'comes without a cookie';
    like alert_of($page), qr/Another site has sent you here/, 'which the page says';
    is link_of($page), '/login _top', 'with a way on';
};

subtest 'a session that ends while an application reads the form' => sub {
    my $alice = browser($httpd, 'alice');
    my $slow = $alice->start_request('POST', '/alice/slow?letter', headers => [$HTML],
        body => 'a=1');
    ok $httpd->slow_started('letter'), 'the application has it';
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    $httpd->let_go('letter');
    my $page = $slow->finish;
    is $page->status, 401, 'what it answers is not sent';
    like alert_of($page), qr/may have arrived/, 'but nobody is told that nothing was done';
    unlike $page->body, qr/was not sent/, 'nor to send it again';
    like $page->header('Content-Security-Policy'), qr/^default-src 'none'/, 'it is a page of ours';
};

subtest 'what another origin sends' => sub {
    my $alice = browser($httpd, 'alice');
    for my $case ([ '/alice/show', 'a=1' ], [ '/login', 'username=bob&password=x' ],
        [ '/logout', '' ], [ '/sessions', 'end=others' ])
    {
        my ($path, $body) = @$case;
        my $page = $alice->post($path, $body, headers => [ $HTML, [ Origin => 'null' ] ]);
        is $page->status, 403, "$path: is refused";
        like alert_of($page), qr/does not say that a page of this site has sent this/,
            "$path: and a person is told so";
    }
    is $alice->get('/alice/show')->status, 200, 'the session stays';
};

subtest 'who is logged in and has no right' => sub {
    my $bob = browser($httpd, 'bob');
    my $page = $bob->get('/alice/show?a=1', headers => [ $HTML ]);
    is $page->status, 403, 'is refused';
    is $page->header('WWW-Authenticate'), undef, 'and not asked for a password';
    is alert_of($page), 'You are logged in as bob, who has no access to this page.', 'is told so';
    is link_of($page), '/login?return=%2falice%2fshow%3fa%3d1&amp;why=user _top',
        'and can log in as somebody else';
    is $page->header('Set-Cookie'), undef, 'keeps the session';
    my $login = $bob->get('/login?return=%2falice%2fshow&why=user');
    is $login->status, 200, 'the login page does not send bob back';
    like alert_of($login), qr/log in as another user/, 'and says why he is there';
    is $bob->get('/alice/show')->status, 403, 'a program gets the same status';
    is alert_of($bob->get('/alice/show')), 'none', 'without our page';
    is $bob->post('/alice/show', 'a=1', headers => [ $HTML ])->status, 403, 'so does a form';
    is $bob->get('/method/show')->status, 403, 'any line of Require may be what refuses';
    my $own = $bob->get('/own/show', headers => [ $HTML ]);
    is_deeply [ $own->status, $own->body ], [ 403, 'ours: go away' ],
        'an ErrorDocument takes its place';
    is browser($httpd, 'alice')->get('/alice/show')->status, 200, 'alice is let in';
};

subtest 'AuthzSendForbiddenOnFailure hides no way to log in again' => sub {
    my $bob = end(browser($httpd, 'bob'), q{authenticated_at = now() - interval '10 min'});
    like $bob->get('/hers/show', headers => [ $HTML ])->header('Location') // '',
        qr/why=fresh$/, 'of a page';
    like $bob->post('/hers/show', 'a=1', headers => [ $HTML ])->body, qr/was not sent/,
        'of a form';
};

subtest 'a person who has written for a long time' => sub {
    plan skip_all => 'no chromium-driver on this machine'
        unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start;
    my $here = 'http://localhost:' . $httpd->port;
    my $log_in = sub {
        $browser->type('[name=username]', 'alice');
        $browser->type('[name=password]', password_of('alice') . "\x{E007}");
    };
    $browser->open("$here/login?return=/pub/write.html");
    $log_in->();
    wait_until { $browser->title eq 'Write' } 'alice logs in';
    $browser->type('[name=text]', 'a long letter');
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    $browser->click('button');
    wait_until { $browser->title eq 'Log in' } 'her session has ended';
    like $browser->text('[role=alert]'), qr/ended by an administrator/, 'which she is told';
    my ($tab) = @{ $browser->get('/window/handles') };
    $browser->click('a');
    wait_until { @{ $browser->get('/window/handles') } == 2 } 'the link opens another tab';
    my ($other) = grep { $_ ne $tab } @{ $browser->get('/window/handles') };
    $browser->post('/window', { handle => $other });
    $log_in->();
    wait_until { $browser->url eq "$here/" } 'where she logs in';
    $browser->post('/window', { handle => $tab });
    $browser->post('/refresh');
    wait_until { $browser->text('body') =~ /text=a\+long\+letter/ }
        'and when she reloads the page, what she wrote arrives';
};

done_testing;
