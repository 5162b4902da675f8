# What a directive says for a server holds in every section that does not speak of it; what a
# section says holds there, and in the sections inside that do not speak of it. Every directive that
# may stand in a section is asked for what it does, in each of these places.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp spew);
use Secsession::Directives;
use Secsession::Programs 'answering';
use Digest::SHA 'sha256_hex';
use MIME::Base64 'encode_base64';

my @HTML = ([ Accept => 'text/html' ]);
my $USERS = users_file(scratch('users'));
my $OTHERS = spew(scratch('others') . '/users', slurp($USERS));
my ($HASH) = slurp($USERS) =~ /^alice:(.*)$/m;
my @QUERIES = map { qq{select '$HASH' as $_ where %s <> ''} } qw(one other);

# Where a page is asked for, and the section's own words; "another" are those of a directive that
# does not matter to the test. httpd merges a section only where the module has a word in it.
my @PLACES = (
    [ 'no-section', 'server' ], [ 'empty', 'server', '' ], [ 'another', 'server', 'ANOTHER' ],
    [ 'own', 'own', 'OWN' ], [ 'own/empty', 'own', '' ], [ 'own/another', 'own', 'ANOTHER' ],
    [ 'own/back', 'server', 'SERVER' ],
);

# Each directive: what does it, what is seen where it is not said, and two values with what is seen
# then; and perhaps other directives that it needs.
my @EFFECTS = (
    [ 'SecSession', \&is_known, 'known', 'Off' => 'unknown', 'On' => 'known' ],
    [ 'SecSessionProfile', \&limits, '1800 28800, 1800 here',
        sensitive => '600 14400, 600 here', standard => '1800 28800, 1800 here' ],
    [ 'SecSessionIdleTimeout', \&limits, '1800 28800, 1800 here',
        '10m' => '600 28800, 600 here', '5m' => '300 28800, 300 here' ],
    [ 'SecSessionAbsoluteTimeout', \&limits, '1800 28800, 1800 here',
        '2h' => '1800 7200, 1800 here', '1h' => '1800 3600, 1800 here' ],
    [ 'SecSessionRemember', \&limits, '1800 28800, 1800 here',
        '10d 5d' => '432000 864000, 1800 here', 'off' => '1800 28800, 1800 here' ],
    [ 'SecSessionRemember', \&remember_field, undef, '10d field=one' => 'one',
        '10d' => 'remember', 'SecSessionAppLogin On' ],
    [ 'SecSessionBind', \&when_moved, '200 200',
        'address reauth' => '401 200', 'address end' => '401 401' ],
    [ 'SecSessionBind', \&when_moved, '200 200', 'none' => '200 200', 'subnet end' => '401 401' ],
    [ 'SecSessionTouch', \&touch, 'used', 'Off' => 'not used', 'On' => 'used' ],
    [ 'SecSessionAuthProvider', \&who_may_log_in, 'alice', 'anon' => 'guest', 'file' => 'alice' ],
    [ 'SecSessionCredentialStamp', \&stamp, 'none',
        'On' => source("file:$USERS"), 'Off' => 'none' ],
    [ 'SetHandler', \&page_of, 'none',
        'secsession-login' => 'Log in', 'secsession-logout' => 'Log out' ],
    [ 'AuthUserFile', \&stamp, source("file:$USERS"), $USERS => source("file:$USERS"),
        $OTHERS => source("file:$OTHERS"), 'SecSessionCredentialStamp On' ],
    [ 'AuthDBDUserPWQuery', \&stamp, undef, map((qq("$_") => source("dbd:$_")), @QUERIES),
        "SecSessionCredentialStamp On\nSecSessionAuthProvider dbd" ],
    [ 'SecSessionAdopt', \&adopts, 'none', 'On' => 'a session', 'Off' => 'none' ],
    [ 'SecSessionLoginPage', \&login_page, '401', '/one' => '/one', '/other' => '/other' ],
    [ 'SecSessionLoginHome', \&login_home, '/', '/one' => '/one', '/other' => '/other' ],
    [ 'SecSessionLogoutHome', \&logout_home, '/', '/one' => '/one', '/other' => '/other' ],
    [ 'SecSessionCacheControl', \&cache_control, 'no-store', 'Off' => '', 'On' => 'no-store' ],
    [ 'SecSessionClearSiteData', \&clear_site_data, '"cache", "storage"',
        'storage' => '"storage"', 'none' => '' ],
    [ 'SecSessionHarden', \&hardened, '', 'cookies' => 'cookie', 'referrer' => 'referrer' ],
    [ 'SecSessionHarden', \&readable, 'csrftoken other', 'cookies except=other' => 'other',
        'cookies' => 'csrftoken' ],
    [ 'SecSessionUrlIds', \&arguments, 'one=1&other=1', 'one' => 'other=1', 'other' => 'one=1',
        'SecSessionHarden urls' ],
    [ 'SecSessionForward', \&forwarded, '', 'X-One' => 'X_ONE', 'X-Other' => 'X_OTHER' ],
    [ 'SecSessionGuard', \&guarded, '403 403',
        'On https://one.example' => '200 403', 'On https://other.example' => '403 200' ],
    [ 'SecSessionGuard', \&guarded, '403 403', 'Off' => '200 200', 'On' => '403 403' ],
    [ 'SecSessionAppLogin', \&app_login, '', 'On' => 'bob', 'Off' => '' ],
    [ 'SecSessionLoginWhen', \&login_when, '', q("%{resp:X-In} == '1'" field=one) => 'alice',
        q("%{resp:X-In} == '1'" field=other) => 'bob' ],
    [ 'SecSessionLoginTry', \&login_try, '', q("%{resp:X-Take} == '1'" field=one) => 'alice',
        q("%{resp:X-Take} == '1'" field=other) => 'bob',
        qq(SecSessionVault ID\nSecSessionLoginWhen "%{resp:X-In} == '1'" user=try) ],
    [ 'SecSessionLogoutWhen', \&logout_when, '',
        q("%{resp:X-One} == '1'") => 'X-One', q("%{resp:X-Other} == '1'") => 'X-Other' ],
    [ 'SecSessionVault', \&seen_cookies, 'one other', 'one' => 'other', 'other' => 'one' ],
);

my %table = Secsession::Directives::table();
my %tested = map { $_->[0] => 1 } @EFFECTS;
is_same_set [ keys %tested ], [ grep { $table{$_} ne 'servers' } keys %table ],
    'every directive that may stand in a section is tested here';

# --- the servers: a virtual host for each directive, and one more the other way round ------------

my (@hosts, @checks);
for my $effect (@EFFECTS) {
    my ($directive, $probe, $unsaid, $one, $seen_one, $other, $seen_other, $more) = @$effect;
    my %seen = ($one => $seen_one, $other => $seen_other);
    die "$directive: nobody would see that it is lost\n" if $seen_one eq $seen_other;
    for my $pair ([ $one, $other ], [ $other, $one ]) {
        my $host = 'host' . @hosts . '.example';
        my ($server, $own) = map { "$directive $_" } @$pair;
        push @hosts, virtual_host($host, $directive, $server, $own, $more // '');
        push @checks, [ $host, $probe, $directive, @$pair, \%seen ];
    }
    push @hosts, virtual_host('host' . @hosts . '.example', $directive, '', '', $more // '');
    push @checks, [ 'host' . $#hosts . '.example', $probe, $directive, $unsaid ];
}

sub virtual_host {
    my ($name, $directive, $server, $own, $more) = @_;
    my $another = $directive eq 'SecSessionLoginHome' ? 'LogoutHome' : 'LoginHome';
    my %text = (SERVER => $server, OWN => $own, ANOTHER => "SecSession$another /elsewhere");
    my @sections = map { section("/$_->[0]/", $text{ $_->[2] } // '') } grep { @$_ > 2 } @PLACES;
    $server = section('/', $server) if $table{$directive} eq 'sections';
    return as_host("ServerName $name", $more, $server, @sections);
}

sub section { my ($path, $text) = @_; return qq{<Location "$path">\n$text\n</Location>} }
sub as_host { return join "\n", '<VirtualHost 127.0.0.1:@PORT@>', @_, "</VirtualHost>\n" }

# Its server's timeout is of those who do not stay signed in.
push @hosts, as_host('ServerName remember.example', 'SecSessionRemember 10d 5d',
    'SecSessionIdleTimeout 10m', section('/another/', 'SecSessionLoginHome /elsewhere'),
    section('/own/', 'SecSessionIdleTimeout 5m'),
    section('/own/another/', 'SecSessionLoginHome /elsewhere'),
    section('/own/back/', 'SecSessionIdleTimeout 1m'));

my $anywhere = join '|', map { $_->[0] } reverse @PLACES;
my ($postgres, $httpd) = start_servers(
    modules => [qw(authn_anon authn_dbd remoteip)],
    vhosts => join('', as_host('ServerName localhost'), @hosts),
    config => <<"CONFIG");
SecSessionRealm localhost
DBDPersist Off
RemoteIPHeader X-Client
RemoteIPInternalProxy 127.0.0.1
ScriptAliasMatch "^/(?:$anywhere)/(show|headers)\$" "\@FOLDER\@/cgi-bin/\$1"
ScriptAliasMatch "^/(?:$anywhere)/(?:private|basic)\$" "\@FOLDER\@/cgi-bin/show"
<LocationMatch "/(?:login|basic)\$">
    AuthUserFile "$USERS"
    Anonymous guest
    Anonymous_MustGiveEmail Off
    Anonymous_VerifyEmail Off
</LocationMatch>
<LocationMatch "/login\$">
    SetHandler secsession-login
    Require all granted
</LocationMatch>
<LocationMatch "/logout\$">
    SetHandler secsession-logout
    Require all granted
</LocationMatch>
<LocationMatch "/private\$">
    AuthType SecSession
    Require valid-user
</LocationMatch>
<LocationMatch "/basic\$">
    AuthType Basic
    AuthName staff
    Require valid-user
</LocationMatch>
<Location "/left">
    SetHandler secsession-sessions
    SecSessionTouch Off
    Require all granted
</Location>
CONFIG

my $alice = browser($httpd, 'alice');

# --- what each directive does: a word for what is seen at a place --------------------------------

# The same browser at another virtual host: the sessions of all belong to one realm.
sub at {
    my ($client, $host) = @_;
    my $there = $client->clone;
    $there->{host} = $host;
    return $there;
}

sub source { return substr sha256_hex($_[0]), 0, 16 }
sub path_of { return ($_[0]->header('Location') // '') =~ s{^http://[^/]*}{}r =~ s/\?.*//r }

sub seen_by {
    my ($client, $path) = @_;
    return environment_of(at($client, 'localhost')->get($path // '/pub/show'));
}

sub user_of {
    my ($client) = @_;
    return $client->token ? seen_by($client, '/app/show')->{REMOTE_USER} : '';
}


sub is_known {
    my ($host, $place) = @_;
    my $seen = environment_of(at($alice, $host)->get("/$place/show"));
    return $seen->{SECSESSION_ID} ? 'known' : 'unknown';
}

sub log_in {
    my ($host, $place, %more) = @_;
    my $client = at($httpd->client, $host);
    my $response = $client->post_form("/$place/login",
        { username => 'alice', password => password_of('alice'), %more });
    die "$host/$place: alice cannot log in: " . $response->status unless $response->status == 303;
    return ($client, $response);
}

sub limits {
    my ($host, $place) = @_;
    my $seen = seen_by((log_in($host, $place, remember => 1))[0]);
    my $here = environment_of(at($alice, $host)->get("/$place/show"));
    return join ' ', $seen->{SECSESSION_IDLE},
        $seen->{SECSESSION_EXPIRES} - $seen->{SECSESSION_AUTHENTICATED} . ',',
        $here->{SECSESSION_IDLE}, 'here';
}

sub when_moved {
    my ($host, $place) = @_;
    my $client = browser($httpd, 'alice');
    my @from = (headers => [ [ 'X-Client' => '192.0.2.9' ] ]);
    my $moved = at($client, $host)->get("/$place/private", @from);
    return join ' ', $moved->status, $client->get('/static/page.html')->status;
}

sub touch {
    my ($host, $place) = @_;
    my $client = browser($httpd, 'alice');
    my $hash = sha256_hex(MIME::Base64::decode_base64url($client->token));
    $postgres->psql("update secsession.session s set last_seen_at = now() - interval '10 min'
        from secsession.token t where t.session_id = s.session_id and t.token_hash = '\\x$hash'");
    has_heard($postgres);
    at($client, $host)->get("/$place/show");
    my ($left) = $client->get('/left', headers => [ [ Accept => 'application/json' ] ])->body
        =~ /"idle_seconds_left":(\d+)/;
    return $left > 1500 ? 'used' : 'not used';
}

sub who_may_log_in {
    my ($host, $place) = @_;
    my @how = (password_of('alice'), path => "/$place/login");
    my $client = at($httpd->client, $host);
    return join ' ', grep { $client->clone->login($_, @how)->status == 303 } qw(alice guest);
}

# Of the stamp that the session has, what tells where the user's record is.
sub stamp {
    my ($host, $place) = @_;
    my $source = "coalesce(left(encode(credential_stamp, 'hex'), 16), 'none')";
    return $postgres->of_token($source, (log_in($host, $place))[0]->token);
}

sub adopts {
    my ($host, $place) = @_;
    my $client = at($httpd->client, $host);
    my $credentials = encode_base64('alice:' . password_of('alice'), '');
    $client->get("/$place/basic", headers => [ [ Authorization => "Basic $credentials" ] ]);
    return $client->token ? 'a session' : 'none';
}

sub page_of {
    my ($host, $place) = @_;
    return at($httpd->client, $host)->get("/$place/page")->body =~ m{<title>(Log \w+)} ? $1 : 'none';
}

sub login_page {
    my ($host, $place) = @_;
    my $response = at($httpd->client, $host)->get("/$place/private", headers => \@HTML);
    return $response->status == 303 ? path_of($response) : $response->status;
}

sub login_home { my (@at) = @_; return path_of((log_in(@at))[1]) }
sub log_out {
    my ($host, $place) = @_;
    return at($httpd->client, $host)->logout(path => "/$place/logout");
}
sub logout_home { my (@at) = @_; return path_of(log_out(@at)) }
sub clear_site_data { my (@at) = @_; return log_out(@at)->header('Clear-Site-Data') // '' }

sub cache_control {
    my ($host, $place) = @_;
    return at($alice, $host)->get("/$place/show")->header('Cache-Control') // '';
}

sub hardened {
    my ($host, $place) = @_;
    my $response = at($httpd->client, $host)->get(answering($place, 'Set-Cookie: a=1'));
    return join ' ', $response->cookie('a') =~ /HttpOnly/ ? 'cookie' : (),
        $response->header('Referrer-Policy') ? 'referrer' : ();
}

sub readable {
    my ($host, $place) = @_;
    my @cookies = map { "Set-Cookie: $_=1" } qw(csrftoken other);
    my $response = at($httpd->client, $host)->get(answering($place, @cookies));
    return join ' ', grep { $response->cookie($_) !~ /HttpOnly/ } qw(csrftoken other);
}

sub arguments {
    my ($host, $place) = @_;
    my $response = at($httpd->client, $host)->get("/$place/show?one=1&other=1");
    return environment_of($response)->{QUERY_STRING};
}

sub forwarded {
    my ($host, $place) = @_;
    my $seen = environment_of(at($alice, $host)->get("/$place/show"));
    return join ' ', grep { ($seen->{"HTTP_$_"} // '') eq 'alice' } qw(X_ONE X_OTHER);
}

sub guarded {
    my ($host, $place) = @_;
    my @origins = map { [ Origin => "https://$_.example" ] } qw(one other);
    my $there = at($alice, $host);
    return join ' ', map { $there->post("/$place/show", '', headers => [$_])->status } @origins;
}

sub app_login {
    my ($host, $place) = @_;
    my $client = at($httpd->client, $host);
    $client->get(answering($place, 'SecSession-Login: bob'));
    return user_of($client);
}

sub remember_field {
    my ($host, $place) = @_;
    my $in = answering($place, 'SecSession-Login: bob');
    return join ' ', grep {
        my $response = at($httpd->client, $host)->post_form($in, { $_ => 1 });
        ($response->cookie('__Host-secsession') // '') =~ /Max-Age/
    } qw(one other remember);
}

sub login_when {
    my ($host, $place) = @_;
    my $client = at($httpd->client, $host);
    $client->post_form(answering($place, 'X-In: 1'), { one => 'alice', other => 'bob' });
    return user_of($client);
}

sub login_try {
    my ($host, $place) = @_;
    my $client = at($httpd->client, $host);
    $client->post_form(answering($place, 'X-Take: 1'), { one => 'alice', other => 'bob' });
    $client->get(answering($place, 'X-In: 1'));
    return user_of($client);
}

sub logout_when {
    my ($host, $place) = @_;
    my $client = browser($httpd, 'alice');
    my $is_out_by = sub {
        at($client, $host)->get(answering($place, "$_[0]: 1"));
        return $client->clone->get('/static/page.html')->status != 200;
    };
    return (grep { $is_out_by->($_) } qw(X-One X-Other))[0] // '';
}

sub seen_cookies {
    my ($host, $place) = @_;
    my $set = answering($place, 'Set-Cookie: one=1', 'Set-Cookie: other=1');
    my $response = at($httpd->client, $host)->get($set);
    return join ' ', grep { $response->cookie($_) } qw(one other);
}

# --- the tests -----------------------------------------------------------------------------------

for my $check (@checks) {
    my ($host, $probe, $directive, $server, $own, $seen) = @$check;
    if (!$seen) {
        next if !defined $server;
        is $probe->($host, 'another'), $server, "$directive where nothing is said";
        next;
    }
    my %said = (server => $server, own => $own);
    my ($one, $other) = map { s/.*(?=.{30})/.../r } $server, $own;
    subtest "$directive: $one; in a section $other" => sub {
        for my $place (@PLACES) {
            my ($path, $whose) = @$place;
            is $probe->($host, $path), $seen->{ $said{$whose} }, "/$path/: $said{$whose}";
        }
    };
}

subtest 'who stays signed in is out earlier in sections that say so, and in those inside' => sub {
    my ($client) = log_in('remember.example', 'no-section', remember => 1);
    my %idle = ('no-section' => 432_000, another => 432_000, own => 300, 'own/empty' => 300,
        'own/another' => 300, 'own/back' => 60);
    for my $place (sort keys %idle) {
        my $seen = environment_of($client->get("/$place/show"));
        is $seen->{SECSESSION_IDLE}, $idle{$place}, "/$place/";
    }
};

done_testing;
