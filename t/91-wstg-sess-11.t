# WSTG-SESS-11, concurrent sessions: their number can be limited, and users and administrators see
# them; ASVS 5.0 7.1.2.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2, config => <<'CONFIG');
SecSessionMaxPerUser 5
<Location "/sessions">
    SetHandler secsession-sessions
    AuthType SecSession
    Require valid-user
</Location>
CONFIG
sub status { return $_[0]->clone->get('/static/page.html')->status }

my @browsers = map { my $one = browser($httpd, 'alice'); $one } 1 .. 100;
has_heard($postgres);

subtest 'a hundred logins' => sub {
    is_deeply [ map { status($_) } @browsers ], [ (401) x 95, (200) x 5 ], 'leave the last five';
    is $postgres->value(
        q{select count(*) from secsession.active_session where user_name = 'alice'}), 5,
        'as administrators see';
    is $postgres->value(q{select count(*) from secsession.event where event = 'evicted'}), 95,
        'with an event for each that had to go';
};

subtest 'the user' => sub {
    my $alice = $browsers[-1];
    my $page = $alice->get('/sessions')->body;
    is scalar(() = $page =~ /name="end" value="[0-9a-f-]{36}"/g), 5, 'sees all five';
    is $alice->post_form('/sessions', { end => 'others' })->status, 303, 'and can end them';
    has_heard($postgres);
    is_deeply [ map { status($_) } @browsers[ 95 .. 99 ] ], [ (401) x 4, 200 ],
        'all but the one in use';
};

subtest 'somebody else' => sub {
    is status(browser($httpd, 'bob')), 200, 'is not counted';
    is status($browsers[-1]), 200, 'and ends nobody\'s session';
};

done_testing;
