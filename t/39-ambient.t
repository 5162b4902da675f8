# What browsers send by themselves, whoever makes them send it: passwords of Basic, and the forms and
# the logout of mod_auth_form. Another site cannot use them; and whom another AuthType lets in where
# mod_session is on has a session of his own name, which can be revoked.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::ModSession;
use Secsession::Programs 'answering';
use Secsession::Process 'scratch';

my $USERS = users_file(scratch('ambient'));
my ($postgres, $httpd) = start_servers(
    modules => \@Secsession::ModSession::MODULES,
    config => <<"CONFIG");
ScriptAliasMatch "^/(?:files|partner|open|kept|form)/(show|headers)" "\@FOLDER\@/cgi-bin/\$1"
<LocationMatch "^/(files|partner|open|kept)/">
    AuthType Basic
    AuthName files
    AuthUserFile "$USERS"
    Require valid-user
</LocationMatch>
<LocationMatch "^/(files|partner|open)/">
    SecSessionAdopt On
</LocationMatch>
<Location "/partner/">
    SecSessionGuard On https://partner.example
</Location>
<Location "/open/">
    SecSessionGuard Off
</Location>
<Location "/kept/">
    Session On
    SessionHeader X-Replace
</Location>
<LocationMatch "^/(form/|do-)">
    AuthType Form
    AuthName staff
    AuthUserFile "$USERS"
    Session On
    AuthFormLoginRequiredLocation "/pub/page.html"
</LocationMatch>
<Location "/form/">
    Require valid-user
</Location>
<Location "/do-login">
    SetHandler form-login-handler
    AuthFormLoginSuccessLocation "/form/show"
    Require all granted
</Location>
<Location "/do-logout">
    SetHandler form-logout-handler
    AuthFormLogoutLocation "/pub/page.html"
    Require all granted
</Location>
CONFIG

my @BASIC = (basic_header('alice'));
my $OWN = $httpd->client->origin;
my %FOREIGN = (
    'another site' => [ [ 'Sec-Fetch-Site' => 'cross-site' ], [ Origin => 'https://evil.example' ] ],
    'a neighbour' => [ [ 'Sec-Fetch-Site' => 'same-site' ] ],
    'another site in an old browser' => [ [ Origin => 'https://evil.example' ] ],
    'a site that does not name itself' =>
        [ [ 'Sec-Fetch-Site' => 'cross-site' ], [ Origin => 'null' ] ],
);
my %OURS = (
    'our own page' => [ [ 'Sec-Fetch-Site' => 'same-origin' ], [ Origin => $OWN ] ],
    'a script that is no browser' => [],
);
my @LINK = (
    [ 'Sec-Fetch-Site' => 'same-origin' ],
    [ 'Sec-Fetch-Mode' => 'navigate' ],
    [ 'Sec-Fetch-Dest' => 'document' ]
);

sub sessions { return $postgres->value('select count(*) from secsession.session') }

subtest 'another site has no use of the password that a browser remembers' => sub {
    for my $name (sort keys %FOREIGN) {
        my $before = sessions();
        for my $method (qw(POST PUT DELETE)) {
            my $client = $httpd->client;
            my $response = $client->request($method, '/files/show', body => 'x',
                headers => [ @BASIC, @{ $FOREIGN{$name} } ]);
            is $response->status, 403, "$name: $method";
            is $client->token, undef, 'no session begins';
        }
        my $socket = $httpd->client->get('/files/show', headers => [ @BASIC, @{ $FOREIGN{$name} },
            [ Upgrade => 'websocket' ], [ Connection => 'Upgrade' ] ]);
        is $socket->status, 403, "$name: a WebSocket";
        is sessions(), $before, "$name: nothing is stored";
        is $httpd->client->get('/files/show', headers => [ @BASIC, @{ $FOREIGN{$name} } ])->status,
            200, "$name: a link";
        is $httpd->client->post('/open/show', 'x', headers => [ @BASIC, @{ $FOREIGN{$name} } ])
            ->status, 200, "$name: where the guard is off";
    }
    is $httpd->client->post('/files/show', 'x', headers => [ @BASIC, @{ $OURS{$_} } ])->status, 200,
        $_
        for sort keys %OURS;
    is $httpd->client->post('/partner/show', 'x', headers => [ @BASIC,
        [ Origin => 'https://partner.example' ], [ 'Sec-Fetch-Site' => 'cross-site' ] ])->status, 200,
        'a site that the guard names';
    like $httpd->error_log, qr/SS261: a POST request from another origin.*user alice/,
        'the log says so';
};

subtest 'another site cannot log a browser in through mod_auth_form' => sub {
    for my $path ('/do-login', '/form/show') {
        for my $name (sort keys %FOREIGN) {
            my $before = sessions();
            my $client = $httpd->client;
            my $response = $client->post_form($path, credentials('alice'),
                headers => [ [ 'Sec-Fetch-Site' => '' ], @{ $FOREIGN{$name} } ]);
            is $response->status, 403, "$path, $name";
            unlike $response->body, qr/REMOTE_USER/, 'nothing of the page is sent';
            is $client->token, undef, 'no cookie';
            is sessions(), $before, 'no session';
        }
        my $client = $httpd->client;
        is user_seen(logs_in($client, 'alice', $path)) // $client->get('/form/show')->status,
            $path eq '/do-login' ? 200 : 'alice', "$path: our own page can";
    }
    like $httpd->error_log, qr/SS262/, 'the log says so';
};

sub form_user {
    my $client = $httpd->client;
    logs_in($client, 'alice');
    die 'no login' unless $client->token;
    return $client;
}

subtest 'another site cannot log a browser out through mod_auth_form' => sub {
    my $alice = form_user();
    my %asked = (
        'a link on another site' => [ [ 'Sec-Fetch-Site' => 'cross-site' ], @LINK[1, 2] ],
        'an image' => [ $LINK[0], [ 'Sec-Fetch-Mode' => 'no-cors' ], [ 'Sec-Fetch-Dest' => 'image' ] ],
        'a link that is fetched ahead' => [ @LINK, [ 'Sec-Purpose' => 'prefetch' ] ],
        'an old browser' => [],
    );
    for my $name (sort keys %asked) {
        my $page = $alice->get('/do-logout', headers => $asked{$name});
        is $page->status, 200, "$name: is asked";
        like $page->body, qr/Do you want to log out/, 'by our page';
    }
    is $alice->post_form('/do-logout', {}, headers => $FOREIGN{$_})->status, 403, "$_: a form"
        for 'another site', 'a neighbour';
    is $alice->get('/form/show')->status, 200, 'all of which log nobody out';
    is $alice->post_form('/do-logout', {})->status, 307, 'the button of the page does';
    is $alice->get('/form/show')->status, 302, 'really';
    $alice = form_user();
    is $alice->get('/do-logout', headers => \@LINK)->status, 307, 'and so does a link of ours';
    is $httpd->client->get('/do-logout')->status, 307, 'without a session nobody is asked';
};

subtest 'who is let in where mod_session is on has a session' => sub {
    my $alice = $httpd->client;
    is $alice->get(answering('kept', 'X-Replace: colour=red'), headers => \@BASIC)->status, 200,
        'an application has something kept';
    ok $alice->token, 'in a session';
    is $postgres->of_token('user_name', $alice->token), 'alice', 'of the user';
    is $postgres->of_token('auth_method', $alice->token), 'basic', 'by the method';
    is $postgres->value('select count(*) from secsession.session where user_name is null'), 0,
        'and not of nobody';
    is $alice->get('/kept/show', headers => \@BASIC)->status, 200, 'it goes on';
    my $bob = $alice->clone;
    is $bob->get('/kept/show', headers => [ basic_header('bob') ])->status, 200,
        'somebody else in the same browser';
    is $postgres->of_token('user_name', $bob->token), 'bob', 'has another';
    is $bob->get('/kept/show', headers => [ basic_header('bob') ])->status, 200, 'that goes on';
    $postgres->psql("select secsession.revoke_user('bob', 'test')");
    has_heard($postgres);
    is $bob->get('/kept/show', headers => [ basic_header('bob') ])->status, 401,
        'a revocation by the name ends it';
};

done_testing;
