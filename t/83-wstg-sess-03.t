# WSTG-SESS-03, session fixation: whatever cookie a victim's browser has been given before the
# login, it is worthless afterwards; ASVS 5.0 7.2.4.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2, config => <<'CONFIG');
<Location "/pub/">
    SecSessionVault KEPT
</Location>
CONFIG
sub status { return $_[0]->clone->get('/static/page.html')->status }
sub with_token { return $httpd->client->set_token($_[0]) }

my %planted = (
    'a made-up token' => sub { 'C' x 42 . 'A' },
    'the token of an anonymous session' => sub {
        my $visitor = $httpd->client;
        $visitor->get('/pub/headers?Set-Cookie:+KEPT=1%0A');
        $visitor->token;
    },
    'the attacker\'s own token' => sub { browser($httpd, 'bob')->token },
    'a token that has ended' =>
        sub { my $bob = browser($httpd, 'bob'); my $token = $bob->token; $bob->logout; $token },
    'an old token of the victim' => sub { browser($httpd, 'alice')->token },
);
for my $what (sort keys %planted) {
    subtest $what => sub {
        my $token = $planted{$what}->();
        my $victim = with_token($token);
        is $victim->login('alice', password_of('alice'))->status, 303, 'the victim logs in with it';
        isnt $victim->token, $token, 'and has another one';
        is status($victim), 200, 'that is good';
        is status(with_token($token)), 401, 'the attacker has nothing';
    };
}

subtest 'cookies forced back' => sub {
    my $victim = $httpd->client;
    $victim->get('/login');
    my $snapshot = $victim->clone;
    $victim->login('alice', password_of('alice'));
    is status($snapshot), 401, 'who puts the cookies of before the login back is nobody';
    my $other = browser($httpd, 'bob');
    for my $tokens ([ $victim, $other ], [ $other, $victim ]) {
        my $two = with_token(join '; __Host-secsession=', map { $_->token } @$tokens);
        is status($two), 401, 'two sessions at once are none, whichever came first';
    }
};

done_testing;
