# WSTG-SESS-08, session puzzling: no value is ever taken for something else than it is, and only a
# login gives an identity.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(children => 2, config => <<'CONFIG', vhosts => <<'HOSTS');
<Location "/pub/">
    SecSessionVault user REMOTE_USER KEPT
</Location>
CONFIG
<VirtualHost 127.0.0.1:@PORT@>
ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
ServerName other.example
SecSessionRealm other
</VirtualHost>
HOSTS
sub user_of { return environment_of($_[0]->get('/pub/show', @_[ 1 .. $#_ ]))->{REMOTE_USER} // '' }
sub status { return $_[0]->get('/static/page.html', @_[ 1 .. $#_ ])->status }

subtest 'a session of nobody' => sub {
    my $visitor = $httpd->client;
    $visitor->get('/pub/headers?Set-Cookie:+user=alice%0ASet-Cookie:+REMOTE_USER=alice%0A');
    ok $visitor->token, 'keeps what an application stores, be it called a user';
    is status($visitor), 401, 'and is nobody';
    is user_of($visitor), '', 'to programs, too';
};

subtest 'a login that fails' => sub {
    my $visitor = $httpd->client;
    $visitor->login('alice', 'wrong');
    is status($visitor), 401, 'leaves nothing behind that counts as one';
    my $bob = browser($httpd, 'bob');
    $bob->login('alice', 'wrong');
    is environment_of($bob->get('/app/show'))->{REMOTE_USER}, 'bob',
        'and changes nobody into the one who was typed';
};

subtest 'fields of the client' => sub {
    my @fields = map { [ $_ => 'alice' ] }
        qw(Remote-User REMOTE_USER X-Remote-User SecSession-User SecSession-Login secsession_user);
    is status($httpd->client, headers => \@fields), 401, 'name nobody';
    my $environment = environment_of($httpd->get('/pub/show', headers => \@fields));
    is_deeply [ grep { /^(?:REMOTE_USER|HTTP_SECSESSION)/ } sort keys %$environment ], [],
        'and are not what a program finds';
};

subtest 'a session of another place' => sub {
    my $alice = browser($httpd, 'alice');
    is status($alice->clone, host => 'other.example:' . $httpd->port), 401,
        'a token is unknown in another realm';
    is status($alice), 200, 'and is not harmed by having been shown there';
};

subtest 'two users in one browser' => sub {
    my $browser = browser($httpd, 'alice');
    my $token = $browser->token;
    is $browser->login('bob', password_of('bob'))->status, 303, 'another user logs in';
    is environment_of($browser->get('/app/show'))->{REMOTE_USER}, 'bob', 'and is the only one';
    is status($httpd->client->set_token($token)), 401, 'the first one\'s session has ended';
};

done_testing;
