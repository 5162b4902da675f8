# What comes late: an answer to a useless cookie, when its user has logged in again, and a logout with
# a token that has just been replaced by the next one.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process 'await';
use Time::HiRes 'time';

my ($postgres, $httpd) = start_servers(children => 2, threads => 8, config => <<'CONFIG');
SecSessionRotateGrace 1s
CONFIG

sub state_of {
    return $postgres->psql(
        q{select coalesce(ending, 'live') from secsession.session_state where session_id = :'id'},
        vars => { id => $_[0] });
}

subtest 'an application that answers when its user has logged in again' => sub {
    for my $kind (qw(revoked malformed)) {
        my $browser = browser($httpd, 'alice');
        $browser->set_token('x') if $kind eq 'malformed';
        $postgres->psql("select secsession.revoke_user('alice', 'test')");
        has_heard($postgres);
        my $asked = time;
        my $slow = $browser->start_request(GET => "/pub/slow?$kind");
        ok $httpd->slow_started($kind), "$kind: an application takes its time";
        is $browser->login('alice', password_of('alice'))->status, 303, 'its user logs in';
        ok await(sub { time - $asked > 2.1 }), 'more than two seconds later';
        $httpd->let_go($kind);
        my $response = $slow->finish;
        is_deeply [ $response->status, $response->body ], [ 200, "done $kind\n" ], 'it answers';
        is $response->header('Set-Cookie'), undef, 'the new cookie stays';
        is environment_of($browser->get('/app/show'))->{REMOTE_USER}, 'alice',
            'and the user is logged in';
        my $prompt = $httpd->client->set_token('x')->get('/static/page.html');
        like $prompt->header('Set-Cookie'), qr/Max-Age=0/, 'a prompt answer deletes a useless one';
    }
};

# The token before the present one, which was retired two seconds ago and is past its grace.
sub retired_token {
    my ($client) = @_;
    my $old = $client->token;
    my $id = id_of($client);
    $postgres->psql(
        "update secsession.session set rotated_at = rotated_at - interval '1 hour',
            authenticated_at = authenticated_at - interval '1 hour' where session_id = :'id'",
        vars => { id => $id });
    has_heard($postgres);
    $client->get('/static/page.html') for 1, 2;
    isnt $client->token, $old, 'a browser has another token';
    $postgres->psql(
        "update secsession.other_token set retired_at = clock_timestamp() - interval '2 seconds',
            grace_until = clock_timestamp() - interval '1 second'
        where session_id = :'id' and retired_at is not null",
        vars => { id => $id });
    has_heard($postgres);
    return ($old, $id);
}

subtest 'a logout with a token that has just been retired' => sub {
    my $alice = browser($httpd, 'alice');
    my ($old, $id) = retired_token($alice);
    my $late = $httpd->client->set_token($old);
    my @other = ([ 'User-Agent' => 'after an update' ]);
    is $late->get('/static/page.html', headers => \@other)->status, 401,
        'the old one is not served any more where it does not look like the same browser';
    is state_of($id), 'live', 'and that ends nothing';
    is $late->logout(headers => \@other)->status, 303, 'a logout with it';
    is state_of($id), 'logout', 'ends the session';
    has_heard($postgres);
    is $alice->get('/static/page.html')->status, 401, 'for its newer token, too';
    is $postgres->value(
        "select count(*) from secsession.event where event = 'logout' and session_id = '$id'"), 1,
        'with one event';
};

subtest 'a logout with a token from before the login' => sub {
    my $alice = browser($httpd, 'alice');
    my $planted = $alice->token;
    is $alice->login('alice', password_of('alice'))->status, 303, 'its user logs in again';
    is $httpd->client->set_token($planted)->logout->status, 303, 'who has the old one logs out';
    is $alice->get('/static/page.html')->status, 200, 'and ends nothing of hers';
};

done_testing;
