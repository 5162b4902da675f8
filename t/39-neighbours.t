# Browsers send a cookie to every port of a host, and with Domain= to other hosts. So another server
# there leaves the sessions of its neighbours alone, and no application of one httpd sees the
# session cookie of another virtual host.

use lib 't/lib';
use Secsession::Test;

my $NAME = '__Host-secsession';

sub ours { return grep { /\A\Q$NAME\E=/ } $_[0]->all_headers('Set-Cookie') }

# The same browser at another server.
sub at {
    my ($client, $httpd) = @_;
    my $there = $client->clone;
    $there->{port} = $httpd->port;
    return $there;
}

my ($postgres, $one) = start_servers(config => 'SecSessionRealm one');
my $other = Secsession::Httpd->start(
    postgres => $postgres, files => { 'static/page.html' => "<p>private</p>\n" },
    config => Secsession::Test::standard_config(config => 'SecSessionRealm other')
);

subtest 'a visit to another server on the same host logs nobody out' => sub {
    my $alice = browser($one, 'alice');
    my $visitor = at($alice, $other);
    my @html = (headers => [ [ Accept => 'text/html' ] ]);
    for my $case (
        [ '/app/show', 303, @html ], [ '/app/show', 401 ], [ '/static/page.html', 401 ],
        [ '/pub/show', 200 ], [ '/login', 200 ], [ '/nowhere', 404 ]
        )
    {
        my ($path, $status, @how) = @$case;
        my $answer = $visitor->get($path, @how);
        is $answer->status, $status, "$path: she is unknown there";
        is_deeply [ ours($answer) ], [], 'her cookie stays';
    }
    is $visitor->login('alice', 'wrong')->cookie($NAME), undef, 'with a wrong password, too';
    is $alice->get('/app/show')->status, 200, 'she is still logged in at the first server';
};

subtest 'a session of our own that has ended takes its cookie with it' => sub {
    my $alice = browser($one, 'alice');
    my $id = id_of($alice);
    $postgres->psql("select secsession.revoke_session(:'id', 'test')", vars => { id => $id });
    has_heard($postgres);
    like join('', ours($alice->get('/app/show'))), qr/Max-Age=0/, 'after a revocation';
    my $bob = browser($one, 'bob');
    like join('', ours($bob->logout)), qr/Max-Age=0/, 'and at the logout';
};

subtest 'no application sees the session cookie of another virtual host' => sub {
    my $users = Secsession::Test::users_file($one->folder);
    my %host = (
        staff => "SecSession On\nSecSessionCookie staff Domain=example.org",
        shop => "SecSession On\nSecSessionCookie __Secure-shop Domain=example.org",
        default => 'SecSession On', bare => '', off => 'SecSession Off',
    );
    my $httpd = Secsession::Httpd->start(
        postgres => $postgres, config => 'ScriptAlias "/app/" "@FOLDER@/cgi-bin/"',
        vhosts => join '',
        map { <<"CONFIG" } sort keys %host
<VirtualHost 127.0.0.1:\@PORT\@>
ServerName $_.example.org
$host{$_}
<Location "/login">
    SetHandler secsession-login
    AuthUserFile "$users"
    Require all granted
</Location>
</VirtualHost>
CONFIG
    );
    my %name = (staff => 'staff', shop => '__Secure-shop', default => $NAME);
    my %token = map {
        my $client = $httpd->client(host => "$_.example.org", cookie_name => $name{$_});
        $client->login('alice', password_of('alice'));
        ($_ => $client->token)
    } sort keys %name;
    my $all = join '; ', 'a=1', (map { "$name{$_}=$token{$_}" } sort keys %name), 'b=2';
    for my $host (sort keys %host) {
        my $answer = $httpd->client(host => "$host.example.org")
            ->get('/app/show', headers => [ [ Cookie => $all ] ]);
        my $seen = environment_of($answer);
        is $seen->{HTTP_COOKIE}, 'a=1; b=2', "$host: the application has its own cookies alone";
        is !!$seen->{SECSESSION_ID}, exists $name{$host}, 'and its session, if it has any';
    }
};

done_testing;
