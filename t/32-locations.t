# Who is let in where: every combination of Require, virtual hosts with their own realms,
# locations with shorter timeouts, SecSession On and Off, .htaccess files, and custom error pages.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch);

my @HTML = (headers => [ [ Accept => 'text/html' ] ]);
my $NAME = '__Host-secsession';

# Each combination: what it says, and what a script without session, alice's and bob's get. A person
# without session gets 303 instead of 401, and everybody else the same as a script.
my %COMBINATION = (
    'valid-user' => [ 'Require valid-user', '401 200 200' ],
    'one user' => [ 'Require user alice', '401 200 403' ],
    'two users' => [ 'Require user bob alice', '401 200 200' ],
    'a group' =>
        [ "AuthGroupFile \"\@FOLDER\@/htdocs/groups\"\nRequire group staff", '401 200 403' ],
    'an expression' => [ q(Require expr "%{REMOTE_USER} == 'alice'"), '401 200 403' ],
    'an expression without a user' =>
        [ q(Require expr "%{REQUEST_METHOD} == 'GET'"), '200 200 200' ],
    'all granted' => [ 'Require all granted', '200 200 200' ],
    'all denied' => [ 'Require all denied', '403 403 403' ],
    'nothing required' => [ '', '200 200 200' ],
    'a method' => [ "Require method GET\nRequire user alice", '200 200 200' ],
    'an address' => [ 'Require ip 127.0.0.1', '200 200 200' ],
    'another address' => [ 'Require ip 192.0.2.1', '403 403 403' ],
    'another address or a user' => [ "Require ip 192.0.2.1\nRequire valid-user", '401 200 200' ],
    'any, the address fits' => [ 'RequireAny: ip 127.0.0.1, valid-user', '200 200 200' ],
    'any, it does not' => [ 'RequireAny: ip 192.0.2.1, user alice', '401 200 403' ],
    'all, the address fits' => [ 'RequireAll: ip 127.0.0.1, valid-user', '401 200 200' ],
    'all, it does not' => [ 'RequireAll: ip 192.0.2.1, valid-user', '403 403 403' ],
    'all but one' => [ 'RequireAll: valid-user, not user bob', '401 200 403' ],
    'none of' => [
        "<RequireAll>\nRequire valid-user\n<RequireNone>\nRequire user "
            . "bob\n</RequireNone>\n</RequireAll>",
        '401 200 403'
    ],
    'nested' => [
        "<RequireAny>\nRequire user bob\n<RequireAll>\nRequire ip 127.0.0.1\nRequire user alice\n"
            . "</RequireAll>\n</RequireAny>", '401 200 200'
    ],
    'forbidden rather than unauthorized' =>
        [ "AuthzSendForbiddenOnFailure On\nRequire user alice", '401 200 403' ],
    'a method that is limited' => [ "<Limit POST>\nRequire user alice\n</Limit>", '200 200 200' ],
    'all methods but one' =>
        [ "<LimitExcept POST>\nRequire user alice\n</LimitExcept>", '401 200 403' ],
    'Satisfy Any, the address fits' => [
        "Satisfy Any\nOrder allow,deny\nAllow from 127.0.0.1\nRequire valid-user",
        '200 200 200'
    ],
    'Satisfy Any, it does not' =>
        [ "Satisfy Any\nOrder allow,deny\nDeny from all\nRequire valid-user", '401 200 200' ],
    'Satisfy All, the address fits' =>
        [ "Order allow,deny\nAllow from 127.0.0.1\nRequire user alice", '401 200 403' ],
    'Satisfy All, it does not' =>
        [ "Order allow,deny\nDeny from all\nRequire valid-user", '403 403 403' ],
);
my @names = sort keys %COMBINATION;

sub required {
    my ($text) = @_;
    my ($kind, $list) = $text =~ /\A(Require(?:Any|All)): (.*)\z/ or return $text;
    return join "\n", "<$kind>", (map { "Require $_" } split /, /, $list), "</$kind>";
}

my $users = users_file(scratch('short'));
my $combinations = join '', map { <<"CONFIG" } 0 .. $#names;
ScriptAlias "/require/$_" "\@FOLDER\@/cgi-bin/show"
<Location "/require/$_">
    AuthType SecSession
    SecSessionLoginPage /login
    @{[ required($COMBINATION{ $names[$_] }[0]) ]}
</Location>
CONFIG

my %FILES = (
    'groups' => "staff: alice carol\n", 'off/a.html' => 'off', 'off/on/a.html' => 'on',
    'ht/a.html' => 'ht', 'ht/.htaccess' => "AuthType SecSession\nRequire user alice\n",
    'htoff/a.html' => 'ht', 'htoff/.htaccess' => "AuthType SecSession\nRequire valid-user\n",
    'ssi/page.shtml' =>
        join("\n", map { qq(<!--#include virtual="/t/$_/a.html" -->) } qw(long short)),
    'off/page.shtml' => '<!--#include virtual="/t/long/a.html" -->',
    (map { ("t/$_/a.html" => "page $_") } qw(long short short/er short/longer hour hour/longer)),
    (map { ("errors/$_/a.html" => 'private') } qw(page elsewhere login user forbidden)),
);

my ($postgres, $httpd) = start_servers(
    modules => [qw(authz_groupfile include)], files => \%FILES,
    config => <<"LOGIN" . $combinations . <<'CONFIG', vhosts => <<'VHOSTS');
<Location "/login-short">
    SetHandler secsession-login
    AuthUserFile "$users"
    SecSessionIdleTimeout 2m
    SecSessionAbsoluteTimeout 10m
    Require all granted
</Location>
LOGIN
<LocationMatch "^/(t|ssi|errors)/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require valid-user
</LocationMatch>
<Directory "@FOLDER@/htdocs">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
</Directory>
ScriptAlias "/idle/short/er" "@FOLDER@/cgi-bin/show"
ScriptAlias "/idle/short/longer" "@FOLDER@/cgi-bin/show"
ScriptAlias "/idle/short" "@FOLDER@/cgi-bin/show"
ScriptAlias "/idle/long" "@FOLDER@/cgi-bin/show"
<LocationMatch "^/(t|idle)/short">
    SecSessionIdleTimeout 5m
</LocationMatch>
<LocationMatch "^/(t|idle)/short/er">
    SecSessionIdleTimeout 1m
</LocationMatch>
<LocationMatch "^/(t|idle)/short/longer">
    SecSessionIdleTimeout 20d
    SecSessionAbsoluteTimeout 20d
</LocationMatch>
<Location "/t/hour">
    SecSessionAbsoluteTimeout 1h
</Location>
<Location "/t/hour/longer">
    SecSessionAbsoluteTimeout 30d
</Location>
ScriptAlias "/off/on/show" "@FOLDER@/cgi-bin/show"
ScriptAlias "/off/show" "@FOLDER@/cgi-bin/show"
<Location "/off">
    SecSession Off
</Location>
<Location "/off/on">
    SecSession On
    AuthType SecSession
    Require valid-user
</Location>
<Directory "@FOLDER@/htdocs/ht">
    AllowOverride AuthConfig
</Directory>
<Directory "@FOLDER@/htdocs/htoff">
    AllowOverride AuthConfig
    SecSession Off
</Directory>
ErrorDocument 401 /pub/page.html
<Location "/errors/elsewhere">
    ErrorDocument 401 /t/short/a.html
</Location>
<Location "/errors/login">
    ErrorDocument 401 /login
</Location>
<Location "/errors/user">
    Require user alice
    AuthMerging Off
</Location>
<Location "/errors/forbidden">
    Require all denied
    ErrorDocument 403 /pub/show
</Location>
CONFIG
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName shared.example
    SecSessionRealm localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName other.example
    ServerAlias another.example
    <Location "/app/">
        SecSessionIdleTimeout 2m
    </Location>
</VirtualHost>
VHOSTS

my ($alice, $bob, $nobody) = (browser($httpd, 'alice'), browser($httpd, 'bob'), $httpd->client);

# The same cookie at another virtual host.
sub at_host {
    my ($client, $host) = @_;
    my $there = $httpd->client(host => $host);
    $there->set_token($client->token) if defined $client->token;
    return $there;
}
sub user_at { return environment_of(at_host(@_)->get('/app/show'))->{REMOTE_USER} // '' }

sub age {
    my ($client, $column, $interval) = @_;
    my $id = environment_of($client->get('/pub/show'))->{SECSESSION_ID};
    my $set = sub {
        $postgres->psql("update secsession.session set $_[0] where session_id = :'id'",
            vars => { id => $id });
        has_heard($postgres);
    };
    # The server may be about to write down a later use: it has, when it has asked for the session
    # again and has heard of something else.
    $set->("last_seen_at = now() - idle_timeout * interval '0.2 s'");
    $client->get('/pub/show');
    has_heard($postgres);
    $set->("$column = now() - interval '$interval'");
    return $id;
}

sub stored {
    my ($id, $column) = @_;
    return $postgres->value("select $column from secsession.session where session_id = :'id'",
        vars => { id => $id });
}

subtest 'whoever is required gets in, and nobody else' => sub {
    my %client = (nobody => $nobody, alice => $alice, bob => $bob);
    for my $n (0 .. $#names) {
        my %expected;
        @expected{qw(nobody alice bob)} = split ' ', $COMBINATION{ $names[$n] }[1];
        for my $who (qw(nobody alice bob)) {
            my ($script, $person) = map { $client{$who}->get("/require/$n", @$_) } [], \@HTML;
            my $status = $expected{$who};
            my $for_person = $who eq 'nobody' && $status == 401 ? 303 : $status;
            is_deeply [ $script->status, $person->status ], [ $status, $for_person ],
                "$names[$n]: $who";
            my $seen = environment_of($script)->{REMOTE_USER};
            is $seen, $who eq 'nobody' ? undef : $who, "$names[$n]: $who is known"
                if $status == 200;
            unlike $script->body, qr/^REQUEST_METHOD=/m, "$names[$n]: nothing of the page for $who"
                if $status != 200;
        }
    }
    my ($limited) = grep { $names[$_] eq 'a method that is limited' } 0 .. $#names;
    is join(' ', map { $_->post("/require/$limited", 'x=1')->status } $nobody, $alice, $bob),
        '401 200 403',
        'a limited POST';
};

subtest 'who is logged in but not let in gets no challenge' => sub {    # RFC 9110 15.5.4
    my $response = $bob->get('/errors/user/a.html');
    is $response->status, 403, 'he is refused';
    is $response->header('WWW-Authenticate'), undef, 'and not asked who he is';
};

subtest 'a session counts in its realm, on every host that shares it, and nowhere else' => sub {
    is user_at($alice, 'shared.example'), 'alice', 'a host of the same realm';
    my $other = at_host($alice, 'other.example');
    my $refused = $other->get('/app/show');
    is $refused->status, 401, 'a host of another realm';
    is $refused->header('WWW-Authenticate'), 'SecSession realm="other.example"',
        'which says whose it is';
    is $refused->header('Set-Cookie'), undef, 'and leaves the cookie alone';
    is $alice->get('/app/show')->status, 200, 'without harm to the session';

    my $carol = at_host($alice, 'other.example');
    is $carol->login('bob', password_of('bob'))->status, 303,
        'a login there, with the cookie of the first realm';
    isnt $carol->token, $alice->token, 'makes another token';
    is user_at($carol, 'other.example'), 'bob', 'for another user';
    is user_at($carol, 'another.example'), 'bob', 'also by the alias of that host';
    is user_at($carol, 'shared.example'), '', 'and not in the first realm';
    is user_at($alice, 'localhost'), 'alice', 'where the first session goes on';
    is environment_of($carol->get('/app/show'))->{SECSESSION_IDLE}, 120,
        'a location of that host has its own timeout';
    is environment_of($alice->get('/app/show'))->{SECSESSION_IDLE}, 1800,
        'the same location of the first host another';

    my $both = browser($httpd, 'bob');
    $postgres->psql("select secsession.revoke_user('bob', 'test', 'other.example')");
    has_heard($postgres);
    is user_at($carol, 'other.example'), '', 'a revocation in one realm ends the sessions there';
    is user_at($both, 'shared.example'), 'bob', 'and not those of the other';
    at_host($both, 'shared.example')->logout;
    is user_at($both, 'localhost'), '', 'a logout at one host is one at all hosts of the realm';
};

subtest 'a location shortens the idle timeout for itself, and none can lengthen it' => sub {
    my @paths = map { "/t/$_/a.html" } qw(short/er short short/longer long);
    my %statuses = ('30 seconds' => '200 200 200 200', '2 minutes' => '401 200 200 200',
        '10 minutes' => '401 401 200 200');
    my $client = browser($httpd, 'alice');
    for my $age (sort keys %statuses) {
        my @expected = split ' ', $statuses{$age};
        for my $path (@paths) {
            my $status = shift @expected;
            my $name = "idle for $age, $path";
            my $id = age($client, 'last_seen_at', $age);
            my $before = stored($id, 'last_seen_at');
            my $response = $client->get($path);
            is $response->status, $status, "$name: $status";
            next if $status == 200;
            is stored($id, 'last_seen_at'), $before, "$name: a refused request is no activity";
            is $response->header('Set-Cookie'), undef,
                "$name: the cookie is kept, for it is good elsewhere";
            like $client->get($path, @HTML)->header('Location'), qr/&why=idle\z/,
                "$name: a person is told why";
            is $client->get('/t/long/a.html')->status, 200, "$name: the session goes on elsewhere";
        }
    }
    my %idle = ('/idle/long' => 1800, '/idle/short' => 300, '/idle/short/er' => 60,
        '/idle/short/longer' => 1800);
    is environment_of($client->get($_))->{SECSESSION_IDLE}, $idle{$_}, "$_: applications are told"
        for sort keys %idle;
    age($client, 'last_seen_at', '31 minutes');
    my $over = $client->get('/t/short/longer/a.html');
    is $over->status, 401, 'past its own limit it is over, also where a location says 20 days';
    like $over->header('Set-Cookie'), qr/Max-Age=0\z/, 'and the cookie is deleted';
};

subtest 'a location shortens the absolute timeout for itself, and none can lengthen it' => sub {
    my %statuses = (
        '59 minutes' => '200 200 200', '61 minutes' => '401 200 200', '7 hours' => '401 200 200',
        '8 hours' => '401 401 401'
    );
    my @paths = map { "/t/$_/a.html" } qw(hour hour/longer long);
    for my $age (sort keys %statuses) {
        my $client = browser($httpd, 'alice');
        age($client, 'authenticated_at', $age);
        is join(' ', map { $client->get($_)->status } @paths), $statuses{$age},
            "logged in for $age: @paths";
    }
    my $client = browser($httpd, 'alice');
    age($client, 'authenticated_at', '61 minutes');
    like $client->get('/t/hour/a.html', @HTML)->header('Location'), qr/&why=absolute\z/,
        'a person is told why';
};

subtest 'the limits of a session are those of the login page where it began' => sub {
    my $client = $httpd->client;
    $client->login('alice', password_of('alice'), path => '/login-short');
    my $id = age($client, 'last_seen_at', '1 minute');
    is stored($id, "idle_timeout || ' ' || absolute_timeout"), '120 600', 'as stored';
    is environment_of($client->get('/app/show'))->{SECSESSION_IDLE}, 120,
        'as told to applications elsewhere';
    age($client, 'last_seen_at', '3 minutes');
    is $client->get('/app/show')->status, 401, 'as obeyed elsewhere';
};

subtest 'an included page keeps the limits of its own location' => sub {
    my $client = browser($httpd, 'alice');
    like $client->get('/ssi/page.shtml')->body, qr/page long.*page short/s,
        'a fresh session sees both parts';
    age($client, 'last_seen_at', '10 minutes');
    my $page = $client->get('/ssi/page.shtml')->body;
    like $page, qr/page long/, 'an older one still sees the part with the long timeout';
    unlike $page, qr/page short/, 'but not the part with the short one';
    my $mixed = $client->get('/off/page.shtml');
    is $mixed->body, 'page long', 'a page where sessions are off includes one where they are on';
    unlike $nobody->get('/off/page.shtml')->body, qr/page long/, 'for who has one';
};

subtest 'sessions can be switched off inside, and on again inside that' => sub {
    my $off = environment_of($alice->get('/off/show'));
    is_deeply [ grep { /^SECSESSION|^REMOTE_USER/ } keys %$off ], [], 'off: nobody is known';
    is $alice->get('/off/a.html')->header('Cache-Control'), undef, 'off: caches may keep it';
    is environment_of($alice->get('/off/on/show'))->{REMOTE_USER}, 'alice',
        'on again: who is there is known';
    is $nobody->get('/off/on/show')->status, 401, 'on again: nobody else gets in';
};

subtest '.htaccess may require a session where sessions are on' => sub {
    my @clients = ($nobody, $alice, browser($httpd, 'bob'));
    is join(' ', map { $_->get('/ht/a.html')->status } @clients), '401 200 403',
        'Require user alice';
    is join(' ', map { $_->get('/htoff/a.html')->status } @clients), '500 500 500',
        'where they are off nobody gets in';
};

subtest 'error pages of one\'s own' => sub {
    my $script = $nobody->get('/errors/page/a.html');
    is_deeply [ $script->status, $script->body ], [ 401, "<p>public</p>\n" ], 'a page for 401';
    is $script->header('WWW-Authenticate'), 'SecSession realm="localhost"', 'keeps the challenge';
    is $script->header('Cache-Control'), 'no-store', 'and stays out of caches';
    is $nobody->get('/errors/page/a.html', @HTML)->status, 303,
        'a person is still sent to the login page';
    my $elsewhere = $nobody->get('/errors/elsewhere/a.html');
    is $elsewhere->status, 401, 'a page of a location that itself requires a session';
    unlike $elsewhere->body, qr/page short|private/, 'is not shown';
    my $forbidden = $alice->get('/errors/forbidden/a.html');
    is $forbidden->status, 403, 'a program for 403';
    is environment_of($forbidden)->{REDIRECT_STATUS}, 403, 'is run';
    like environment_of($forbidden)->{SECSESSION_ID}, qr/\A[0-9a-f-]{36}\z/,
        'and knows the session';
    my $login = $nobody->get('/errors/login/a.html');
    like $login->body, qr/<form method="post"/, 'the login page as a page for 401';
    is $login->status, 401, 'is a 401';
};

done_testing;
