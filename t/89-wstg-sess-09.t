# WSTG-SESS-09, session hijacking: what somebody gets who listens on the network or has a copy of
# a token.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) =
    start_servers(children => 2, modules => ['remoteip'], config => <<'CONFIG');
RemoteIPHeader X-Client
RemoteIPInternalProxy 127.0.0.1
ScriptAliasMatch "^/bound/(show)" "@FOLDER@/cgi-bin/$1"
<Location "/bound/">
    AuthType SecSession
    SecSessionBind subnet
    Require valid-user
</Location>
CONFIG
sub from {
    my ($client, $address, $path) = @_;
    return $client->get($path, headers => [ [ 'X-Client' => $address ] ])->status;
}

subtest 'a cookie without Secure' => sub {
    my $token = browser($httpd, 'alice')->token;
    my $cookie = $httpd->client->login('alice', password_of('alice'))->header('Set-Cookie');
    like $cookie, qr/\A__Host-.*; Secure;/,
        'is none that a browser would send over http, or take from there';
    for my $name ('secsession', '__Secure-secsession', '__host-secsession', 'Host-secsession') {
        is $httpd->get('/static/page.html', headers => [ [ Cookie => "$name=$token" ] ])->status,
            401, "under the name $name it is nothing";
    }
};

subtest 'a stolen token that has been replaced' => sub {
    my $alice = browser($httpd, 'alice');
    my $stolen = $alice->token;
    $postgres->psql("update secsession.session set rotated_at = rotated_at - interval '1 hour'");
    has_heard($postgres);
    $alice->get('/static/page.html') for 1, 2;
    isnt $alice->token, $stolen, 'the owner has the next one';
    $postgres->psql(
        "update secsession.other_token set retired_at = retired_at - interval '1 hour', "
            . "grace_until = grace_until - interval '1 hour' where retired_at is not null"
    );
    is $httpd->client->set_token($stolen)->get('/static/page.html')->status, 401,
        'the thief is refused';
    has_heard($postgres);
    is $alice->get('/static/page.html')->status, 401,
        'the session ends for both: nobody knows who is who';
    is $postgres->value(q{select count(*) from secsession.event where event = 'reuse_detected'}),
        1, 'and administrators see it';
};

subtest 'a token used elsewhere' => sub {
    my $alice = $httpd->client;
    $alice->login('alice', password_of('alice'), headers => [ [ 'X-Client' => '192.0.2.1' ] ]);
    is from($alice, '192.0.2.1', '/bound/show'), 200, 'at home';
    is from($alice->clone, '198.51.100.1', '/bound/show'), 401,
        'from another network, where sessions are bound, it is refused';
    is from($alice, '192.0.2.1', '/bound/show'), 200, 'and the owner goes on';
};

done_testing;
