# Two clicks on "Log in" make two logins at once, which may end in any order: the browser stays logged in
# where a user may have one session only.
# mpm: event
# asan: no

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Process qw(scratch spew);

# A password that takes a while to check, so that two logins are under way at once.
my $USERS = spew(scratch('slow') . '/users',
    'alice:' . crypt('correct horse', '$2y$11$' . 'a' x 21 . 'u') . "\n");
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, login => qq{AuthUserFile "$USERS"\n},
    config => "SecSessionMaxPerUser 1\n",
    files => { 'static/page.html' => '<!DOCTYPE html><title>Private</title>' });

sub sql { my ($text, %vars) = @_; return $postgres->psql($text, vars => \%vars) }
# A login by a browser, of which two are the same.
sub log_in {
    my ($token, $refuse, $agent) = @_;
    return sql(
        "select (secsession.authenticate(row(sha256('$token'), null, 'localhost', 'zoe', 'form',
            secsession.login_moment(), '127.0.0.1', :'agent', 900, 900)::secsession.login, null,
            false, 1, $refuse)).state",
        agent => $agent // 'Browser');
}

sub states {
    return [
        map {
            sql("select coalesce(s.ending, 'live') from secsession.session_state s
                join secsession.token t using (session_id) where t.token_hash = sha256('$_')")
        } @_
    ];
}
sub out { return sql(q{select secsession.revoke_user('zoe', 'test')}) }

subtest 'logins of one browser within seconds' => sub {
    is log_in($_, 'false'), 'live', "a click: $_" for qw(a1 a2 a3);
    is_deeply states(qw(a1 a2 a3)), [ ('live') x 3 ], 'end none of each other';
    is log_in('a4', 'false'), 'live', 'one more';
    is_deeply states(qw(a1 a2 a3 a4)), [ 'evicted', ('live') x 3 ], 'ends the oldest';
    is log_in('a5', 'false', 'Another'), 'live', 'another browser';
    is_deeply states(qw(a2 a3 a4 a5)), [ ('evicted') x 3, 'live' ], 'ends them all';
    out();
    is log_in('b1', 'false'), 'live', 'a login';
    sql("update secsession.session set authenticated_at = authenticated_at - interval '11 s'
        where user_name = 'zoe' and ended_at is null");
    is log_in('b2', 'false'), 'live', 'and a later one of the same browser';
    is_deeply states(qw(b1 b2)), [ 'evicted', 'live' ], 'which takes its place';
    out();
};

subtest 'where the newest is refused' => sub {
    is log_in($_, 'true'), 'live', "a click: $_" for qw(c1 c2 c3);
    is log_in('c4', 'true'), 'full', 'one too many';
    is log_in('c5', 'true', 'Another'), 'full', 'another browser finds no place';
    is_deeply states(qw(c1 c2 c3)), [ ('live') x 3 ], 'and nobody loses one';
    out();
};

SKIP: {
    skip 'no chromium-driver on this machine', 1 unless Secsession::Browser->is_installed;
    subtest 'in a real browser' => sub {
        my $here = 'http://localhost:' . $httpd->port;
        for my $turn (1 .. 5) {
            my $browser = Secsession::Browser->start;
            $browser->open("$here/static/page.html");
            $browser->type('[name=username]', 'alice');
            $browser->type('[name=password]', 'correct horse');
            $browser->run("const form = document.forms[0];
                form.requestSubmit(); setTimeout(() => form.requestSubmit(), 30 * $turn)");
            wait_until { $browser->title eq 'Private' } "two clicks lead to the page ($turn)";
            has_heard($postgres);
            $browser->open("$here/static/page.html");
            is $browser->title, 'Private', 'and it stays';
        }
    };
}

done_testing;
