# An LDAP server, OpenLDAP as Debian ships it: it takes names that differ in case or in blanks for
# one user, and can answer with the one name that it knows.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Process qw(await free_port scratch slurp spawn spew);
use IO::Socket::INET;

my $root = unpacked('usr/sbin/slapd');
my $folder = scratch('ldap');
my $port = free_port();
mkdir "$folder/db" or die $!;
spew("$folder/slapd.conf", <<"CONF");
@{[ join "\n", map { "include $root/etc/ldap/schema/$_.schema" } qw(core cosine inetorgperson) ]}
modulepath $root/usr/lib/ldap
moduleload back_mdb
database mdb
directory $folder/db
suffix "dc=example"
CONF
spew("$folder/data.ldif", join "\n\n", "dn: dc=example\nobjectClass: dcObject\n"
        . "objectClass: organization\no: example\ndc: example",
    map {
        "dn: uid=$_->[0],dc=example\nobjectClass: inetOrgPerson\nuid: $_->[0]\ncn: $_->[1]\n"
            . "sn: $_->[1]\nuserPassword: secret"
    } [ 'alice', 'Alice Example' ], [ 'bob', 'Bob Builder' ]);
my ($libraries) = glob "$root/usr/lib/*-linux-gnu*";
my %env = (LD_LIBRARY_PATH => "$libraries:$root/usr/lib/ldap");
my ($exit, undef, $said) =
    Secsession::Process::run([ "$root/usr/sbin/slapadd", '-f', "$folder/slapd.conf", '-l',
        "$folder/data.ldif" ], env => \%env);
is $exit, 0, 'the directory has users' or diag $said;
spawn(
    command => [ "$root/usr/sbin/slapd", '-d', '0', '-f', "$folder/slapd.conf", '-h',
        "ldap://127.0.0.1:$port/" ],
    log => "$folder/log", env => \%env
);
await { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") }
    or die 'slapd does not start: ' . slurp("$folder/log");

sub place {
    my ($path, $attributes, @lines) = @_;
    return join "\n", "<Location \"$path\">",
        "AuthLDAPURL \"ldap://127.0.0.1:$port/dc=example?$attributes\"", @lines, '</Location>', '';
}
sub login_place {
    my ($path, @rest) = @_;
    return place($path, @rest, 'SetHandler secsession-login', 'SecSessionAuthProvider ldap',
        'Require all granted');
}
my $CONFIG = join '', login_place('/login-typed', 'uid'),
    login_place('/login-uid', 'uid', 'AuthLDAPRemoteUserAttribute uid'),
    login_place('/login-cn', 'uid,cn', 'AuthLDAPRemoteUserAttribute cn'),
    place('/basic/', 'uid', 'AuthLDAPRemoteUserAttribute uid', 'AuthType Basic', 'AuthName staff',
        'AuthBasicProvider ldap', 'SecSessionAdopt On', 'Require valid-user'), <<'LOCATIONS';
ScriptAliasMatch "^/(?:basic|money)/(show)" "@FOLDER@/cgi-bin/$1"
<Location "/money/">
    AuthType SecSession
    Require session-fresh 5m
</Location>
LOCATIONS
my @SERVER = (threads => 16, modules => [qw(ldap authnz_ldap)], throttle => '5 5m');
my ($postgres, $httpd) =
    start_servers(@SERVER, config => "SecSessionMaxPerUser 2\nSecSessionRealm names\n$CONFIG");

sub sql { return $postgres->psql(@_) }
sub log_in {
    my ($path, $user, $password, @more) = @_;
    my $client = $httpd->client;
    return ($client, $client->login($user, $password // 'secret', path => $path));
}
sub entered {
    my ($path, $user) = @_;
    my ($client, $response) = log_in($path, $user);
    is $response->status, 303, "'$user' logs in at $path" or diag $httpd->error_log;
    return $client;
}
sub user_seen { return environment_of($_[0]->get('/app/show'))->{REMOTE_USER} // '' }
sub revoke_user {
    my ($user) = @_;
    my $ended = sql(q{select secsession.revoke_user(:'user', 'test')}, vars => { user => $user });
    has_heard($postgres);
    return $ended;
}
sub everybody_out {
    sql(q{select secsession.revoke_all('test'); truncate secsession.login_attempt});
    has_heard($postgres);
    return;
}
my @SPELLINGS = ('alice', 'Alice', 'ALICE ', " aLice", "alice\xc2\xa0");

subtest 'a directory that answers with its name' => sub {
    my @clients = map { entered('/login-uid', $_) } @SPELLINGS;
    has_heard($postgres);
    is_deeply [ map { user_seen($_) } @clients[ 3, 4 ] ], [qw(alice alice)], 'is believed';
    is sql(q{select count(*) from secsession.active_session where user_name = 'alice'}), 2,
        'there is one user, who may have two sessions';
    is revoke_user('alice'), 2, 'and whose sessions end together';
    is user_seen($_), '', 'they do' for @clients;
    is user_seen(entered('/login-uid', 'ALICE')), 'alice', 'another login works as ever';
};

subtest 'a directory whose name for a user is not the one that is typed' => sub {
    everybody_out();
    is user_seen(entered('/login-cn', $_)), 'Alice Example', 'is believed, too'
        for map { ($_) x 2 } @SPELLINGS;
    is $postgres->count('login_attempt'), 0, 'right logins are no attempts';
    is revoke_user('Alice Example'), 2, 'she is revoked by that name';
    my $alice = entered('/login-cn', 'alice');
    is user_seen($alice), 'Alice Example', 'which keeps nobody out later';
    sql(q{update secsession.session set authenticated_at = now() - interval '10 min'});
    has_heard($postgres);
    is $alice->get('/money/show')->status, 401, 'where a fresh login is wanted';
    my %again = (password => 'secret', again => 1);
    is $alice->post_form('/login-cn', { %again, username => 'bob' })->status, 403,
        'nobody else can log in';
    is $alice->post_form('/login-cn', { %again, username => 'alice' })->status, 303, 'but she can';
    is $alice->get('/money/show')->status, 200, 'and it is fresh';
};

subtest 'guesses' => sub {
    for my $path (qw(/login-typed /login-uid /login-cn)) {
        everybody_out();
        is join(' ', map { (log_in($path, $_, 'wrong'))[1]->status } @SPELLINGS, 'aLICe'),
            '401 401 401 401 401 429', "$path: another spelling is no other attempt";
    }
};

subtest 'users of Basic' => sub {
    everybody_out();
    my $client = $httpd->client;
    is environment_of($client->get('/basic/show', headers => [ basic_header($_, 'secret') ]))
        ->{REMOTE_USER}, 'alice', "'$_' is alice" for 'alice', 'Alice', 'aLICE';
    is revoke_user('alice'), 1, 'in one session';
    is $client->get('/basic/show', headers => [ basic_header('Alice', 'secret') ])->status, 401,
        'which ends for all spellings';
};

subtest 'a directory that answers with nothing' => sub {
    everybody_out();
    my @clients = map { entered('/login-typed', $_) } 'alice', ' alice ';
    is user_seen($_), 'alice', 'only blanks do not matter' for @clients;
    my $lower = Secsession::Httpd->start(
        @SERVER[ 0 .. 3 ], postgres => $postgres,
        config => Secsession::Test::standard_config(
            config => "SecSessionRealm lower\nSecSessionUserNames lowercase\n$CONFIG"
        )
    );
    for my $name ('Bob', 'BOB', 'bob') {
        my $client = $lower->client;
        $client->login($name, 'secret', path => '/login-typed');
        is user_seen($client), 'bob', "with SecSessionUserNames lowercase '$name' is bob";
    }
    is revoke_user('BoB'), 3, 'who is revoked by any spelling';
    $lower->stop;
};

done_testing;
