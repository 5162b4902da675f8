# A user whose session has ended is told why by the next page, also if a script of the page before
# was the first to meet the end.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;

my ($postgres, $httpd) = start_servers(
    database => { log_statements => 1 },
    files => {
        'pub/page.html' => "<!DOCTYPE html><title>Public</title>\n",
        'static/page.html' => "<!DOCTYPE html><title>Private</title><p>private\n",
    }
);
my $NAME = '__Host-secsession';
my $ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax';
my @PAGE = ([ Accept => 'text/html' ], [ 'Sec-Fetch-Mode' => 'navigate' ]);
my %SCRIPTS = (
    fetch => [ [ Accept => '*/*' ], [ 'Sec-Fetch-Mode' => 'cors' ] ],
    image => [ [ Accept => 'image/*' ], [ 'Sec-Fetch-Mode' => 'no-cors' ] ],
    'a script of an old browser' =>
        [ [ Accept => 'text/html' ], [ 'X-Requested-With' => 'XMLHttpRequest' ] ],
);

sub end_session {
    my ($client, $change) = @_;
    $postgres->psql("update secsession.session set $change where session_id = :'id'",
        vars => { id => id_of($client) });
    return;
}
my %ENDING = (
    idle => sub { end_session($_[0], "last_seen_at = now() - interval '31 minutes'") },
    absolute => sub { end_session($_[0], "expires_at = now() - interval '1 second'") },
    revoked => sub { $postgres->psql("select secsession.revoke_user('alice', 'test')") },
);

sub ours { return grep { /^\Q$NAME\E=/ } $_[0]->all_headers('Set-Cookie') }
sub why { return ($_[0]->header('Location') // '') =~ /[?&]why=(\w+)/ ? $1 : undef }
sub ended_by {
    my ($why) = @_;
    my $alice = browser($httpd, 'alice');
    $ENDING{$why}->($alice);
    has_heard($postgres);
    return $alice;
}

for my $why (sort keys %ENDING) {
    subtest "$why: a script is first" => sub {
        for my $script (sort keys %SCRIPTS) {
            my $alice = ended_by($why);
            my $first = $alice->get('/app/show', headers => $SCRIPTS{$script});
            is_deeply [ $first->status, ours($first) ], [ 401, "$NAME=ended.$why; $ATTRIBUTES" ],
                "$script: is refused, and the cookie holds the reason";
            my $again = $alice->get('/app/show', headers => $SCRIPTS{$script});
            is_deeply [ $again->status, ours($again) ], [ 401 ], "$script: is refused again";
            my $copy = $alice->clone;
            my $page = $alice->get('/static/page.html', headers => \@PAGE);
            is_deeply [ $page->status, why($page), ours($page) ],
                [ 303, $why, "$NAME=; $ATTRIBUTES; Max-Age=0" ], "$script: the page says it, once";
            is why($alice->get('/static/page.html', headers => \@PAGE)), undef,
                "$script: the next one has nothing to say";
            is_deeply [ ours($copy->get('/pub/page.html', headers => \@PAGE)) ],
                ["$NAME=; $ATTRIBUTES; Max-Age=0"], "$script: nor after a public page";
        }
    };
}

subtest 'what is in the cookie by then' => sub {
    my $alice = ended_by('revoked');
    $alice->get('/app/show', headers => $SCRIPTS{fetch});
    my $before = $postgres->asked_by_requests;
    $alice->clone->get('/app/show', headers => $SCRIPTS{fetch}) for 1 .. 3;
    is $postgres->asked_by_requests - $before, 0, 'costs no SQL';
    is $alice->login('alice', password_of('alice'))->status, 303, 'is replaced by a login';
    is $alice->get('/app/show', headers => $SCRIPTS{fetch})->status, 200, 'which is good';
    for my $value ('ended.', 'ended.x', 'xended.idle', 'ENDED.idle') {
        my $planted = $httpd->client->set_token($value);
        is why($planted->get('/static/page.html', headers => \@PAGE)), undef,
            "\"$value\" is no reason";
    }
};

subtest 'who says what he wants to' => sub {
    my $alice = ended_by('idle');
    is_deeply [ ours($alice->get('/app/show')) ], ["$NAME=; $ATTRIBUTES; Max-Age=0"],
        'a program is not a page: its cookie is deleted';
    my $erika = browser($httpd, 'alice');
    my $logout = $erika->post('/logout', '', headers => $SCRIPTS{fetch});
    is_deeply [ ours($logout) ], ["$NAME=; $ATTRIBUTES; Max-Age=0"], 'so it is by a logout';
};

subtest 'a browser' => sub {
    plan skip_all => 'no chromium-driver on this machine' unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start;
    my $here = 'http://localhost:' . $httpd->port;
    $browser->open("$here/login");
    $browser->type('[name=username]', 'alice');
    $browser->type('[name=password]', password_of('alice') . "\x{E007}");
    wait_until { $browser->url !~ /login/ } 'logged in';
    $browser->open("$here/static/page.html");
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    $browser->run(q{fetch('/app/show').then(r => { document.title = 'status ' + r.status })});
    wait_until { $browser->title eq 'status 401' } 'a script is refused';
    $browser->open("$here/static/page.html");
    like $browser->url, qr/[?&]why=revoked/, 'the next page says why';
    is_deeply $browser->cookies, {}, 'and nothing of it stays';
};

done_testing;
