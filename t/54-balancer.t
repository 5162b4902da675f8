# Two backends behind mod_proxy_balancer: each of them learns the user and neither sees our
# cookie; sticky sessions are left to the balancer.

use lib 't/lib';
use Secsession::Test;

my %whoami =
    (whoami => 'print "Content-Type: text/plain\n\n", map { "$_=$ENV{$_}\n" } sort keys %ENV;');
my @backends = map {
    Secsession::Httpd->start(
        module => 0, files => {}, cgi => {%whoami},
        config => "SetEnv BACKEND $_\nScriptAlias \"/\" \"\@FOLDER\@/cgi-bin/\"\n",
        modules => ['env']
    )
} 1, 2;
my $members = join '', map {
    "    BalancerMember http://127.0.0.1:@{[ $backends[ $_ - 1 ]->port ]} route=$_ retry=1\n"
} 1, 2;
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8,
    modules => [qw(proxy proxy_http proxy_balancer lbmethod_byrequests slotmem_shm)],
    config => <<"CONFIG");
<Proxy "balancer://two">
$members    ProxySet stickysession=ROUTEID
</Proxy>
ProxyPass "/two/" "balancer://two/"
Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED
<Location "/two/">
    AuthType SecSession
    Require valid-user
    SecSessionForward X-Remote-User
</Location>
CONFIG

sub seen { my ($client, %opt) = @_; return environment_of($client->get('/two/whoami', %opt)) }

my $alice = browser($httpd, 'alice');
my $token = $alice->token;
my %served;
for (1 .. 8) {
    my $seen = seen($httpd->client->set_token($token));
    is $seen->{HTTP_X_REMOTE_USER}, 'alice', 'whichever backend answers, it knows her';
    unlike join(' ', values %$seen), qr/\Q$token\E/, 'and does not see our cookie';
    $served{ $seen->{BACKEND} }++;
}
is join(' ', sort keys %served), '1 2', 'both have answered';
my %sticky;
$sticky{ seen($alice)->{BACKEND} }++ for 1 .. 8;
is scalar(keys %sticky), 1, 'with the balancer\'s cookie one answers always';
my ($route) = keys %sticky;
is seen($httpd->client, headers => [ [ Cookie => "ROUTEID=.$route" ] ])->{HTTP_X_REMOTE_USER},
    undef, 'which lets nobody in';

$backends[ $route - 1 ]->stop;
wait_until { (seen($alice)->{BACKEND} // 0) == 3 - $route }
    'when it is away the other answers, in the same session';
$backends[ 2 - $route ]->stop;
my $away = $alice->get('/two/whoami');
is $away->status, 503, 'when both are: 503';
is_deeply [ grep { /secsession/ } $away->all_headers('Set-Cookie') ], [], 'and the session stays';
is $alice->get('/app/show')->status, 200, 'as good as before';
$postgres->psql("select secsession.revoke_user('alice', 'test')");
has_heard($postgres);
is $alice->get('/two/whoami')->status, 401, 'revoked: out';
done_testing;
