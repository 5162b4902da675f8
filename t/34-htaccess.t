# Who may write a .htaccess file (AllowOverride All) makes nobody a user of the realm: not with a
# users file of its own, whichever way a user gets a session; not with a login page of its own.
# Two login places of one realm that have different users are told to the administrator, and so are
# virtual hosts that share a realm although nobody said so.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp spew);

my $FOLDER = scratch('htaccess');
my $USERS = users_file($FOLDER);
my ($HASH) = slurp($USERS) =~ /^bob:(.*)$/m;

# Its alice has bob's password.
my $OWN = spew("$FOLDER/own", "alice:$HASH\nmallory:$HASH\n");
my $THEIRS = password_of('bob');

my $BASIC = "AuthType Basic\nAuthName x\nRequire valid-user\n";
my $FORM = "Session On\nAuthType Form\nAuthName x\nRequire valid-user\n";
my %HTACCESS = (
    basic => "$BASIC\nAuthUserFile $OWN\n",
    anon => "$BASIC\nAuthBasicProvider anon\nAnonymous alice\nAnonymous_MustGiveEmail Off\n",
    files => "<Files page.html>\n${BASIC}AuthUserFile $OWN\n</Files>\n",
    if => "<If \"true\">\n${BASIC}AuthUserFile $OWN\n</If>\n",
    form => "$FORM\nAuthUserFile $OWN\n",
    login => "SetHandler secsession-login\nAuthUserFile $OWN\nRequire all granted\n",
    added => "AddHandler secsession-login .html\nAuthUserFile $OWN\nRequire all granted\n",
    rule => "RewriteEngine On\nRewriteRule ^ - [H=secsession-login]\nAuthUserFile $OWN\n",
    plain => $BASIC,
    served => "AuthUserFile $OWN\n",
);

my ($postgres, $httpd) = start_servers(
    modules => [qw(authn_anon auth_form session session_cookie request)],
    files =>
        { map { ("$_/.htaccess" => $HTACCESS{$_}, "$_/page.html" => "page\n") } keys %HTACCESS },
    config => <<"CONFIG");
SecSessionAdopt On
<Directory "\@FOLDER\@/htdocs">
    AllowOverride All
</Directory>
<Directory "\@FOLDER\@/htdocs/plain">
    AuthUserFile "$USERS"
</Directory>
<Directory "\@FOLDER\@/htdocs/served">
    SetHandler secsession-login
    Require all granted
</Directory>
<Location "/served/">
    AuthUserFile "$USERS"
</Location>
CONFIG

sub sessions {
    return $postgres->value('select count(*) from secsession.session where user_name is not null');
}
sub said { my ($pattern) = @_; return $httpd->error_log =~ $pattern }

subtest 'a users file of a .htaccess file gives nobody a session' => sub {
    for my $place (qw(basic anon files if)) {
        my $before = sessions();
        my $client = $httpd->client;
        my $answer =
            $client->get("/$place/page.html", headers => [ basic_header('alice', $THEIRS) ]);
        is $answer->status, 200, "$place: its own page is served";
        is $client->token, undef, 'without a session';
        is sessions() - $before, 0, 'in the database either';
    }
    ok said(qr/SS248: user alice of \S+ gets no session: a \.htaccess file/), 'the log says why';
};

subtest 'nor do the logins of mod_auth_form' => sub {
    my $before = sessions();
    my $client = $httpd->client;
    my $answer = $client->post_form('/form/page.html',
        { httpd_username => 'alice', httpd_password => $THEIRS });
    is $answer->status, 403, 'a login there is refused';
    is sessions() - $before, 0, 'and begins no session';
    ok said(qr/SS249: user alice of \S+ is not logged in: a \.htaccess file/), 'the log says why';
};

subtest 'a .htaccess file makes no login page' => sub {
    for my $place (qw(login added rule)) {
        my $before = sessions();
        my $client = $httpd->client;
        my $answer = $client->login('alice', $THEIRS, path => "/$place/page.html");
        unlike $answer->status, qr/^[23]/, "$place: nobody logs in there";
        is $client->token, undef, 'nobody gets a token';
        is sessions() - $before, 0, 'there is no session';
    }
    ok said(qr/SS245: .*\.htaccess files cannot say where users log in/), 'the log says why';
};

subtest 'and changes nothing in the users of one' => sub {
    my $mallory = $httpd->client->login('mallory', $THEIRS, path => '/served/page.html');
    is $mallory->status, 401, 'who is only in its file is unknown';
    is $httpd->client->login('alice', $THEIRS, path => '/served/page.html')->status, 401,
        'its password of alice is wrong';
    my $alice = $httpd->client;
    is $alice->login('alice', password_of('alice'), path => '/served/page.html')->status, 303,
        'hers is right';
    ok said(qr/SS247: a \.htaccess file says how users of/), 'the log says that it does not count';
};

subtest 'what only chooses among what the server has is no credential' => sub {
    my $client = $httpd->client;
    is $client->get('/plain/page.html', headers => [ basic_header('alice') ])->status, 200,
        'AuthType, AuthName and Require in a .htaccess file';
    ok $client->token, 'the user of the server\'s own file gets a session';
};

sub place {
    my ($path, $users, @more) = @_;
    return join "\n", qq{<Location "$path">}, 'SetHandler secsession-login',
        qq{AuthUserFile "$users"}, @more, 'Require all granted', "</Location>\n";
}
sub application {
    my ($path, $by_form) = @_;
    my $how =
        $by_form
        ? q{SecSessionLoginWhen "%{REQUEST_STATUS} == 303" field=user}
        : 'SecSessionAppLogin On';
    return qq{<Location "$path">\n$how\n</Location>\n};
}
sub host {
    my ($port, @lines) = @_;
    return join "\n", "<VirtualHost 127.0.0.1:$port>", @lines, "</VirtualHost>\n";
}
my $DATABASE = qq{DBDriver pgsql\nDBDParams "host=/nowhere dbname=app"\nSecSession On\n};

subtest 'login places with different users in one realm' => sub {
    my $tester = Secsession::Httpd->new(config => $DATABASE);
    my ($one, $other) = (place('/login', $USERS), place('/staff', $OWN));
    my @cases = (
        [ 'of virtual hosts without a name' => host(81, $one) . host(82, $other), 0, qr/SS309/ ],
        [ 'of one name on two ports' => host(81, 'ServerName a.example', $one)
                . host(82, 'ServerName a.example', $other), 0, qr/SS309/ ],
        [ 'where one is adopted' => host(81, $one)
                . host(82, '<Location "/x">', 'SecSessionAdopt On', "AuthUserFile $OWN",
                '</Location>'),
            0, qr/SS309/ ],
        [ 'of virtual hosts with one realm' =>
                host(81, 'SecSessionRealm a', $one) . host(82, 'SecSessionRealm a', $other),
            1, qr/SS310/ ],
        [ 'of one server' => $one . $other, 1, qr{SS310: the login places /login of .* and /staff of } ],
        [ 'with another provider' => $one
                . place('/staff', $USERS, 'SecSessionAuthProvider dbd file'), 1, qr/SS310/ ],
        [ 'where an application has its own' => $one . application('/app'), 1,
            qr{SS310: .*\(file .* and those of its application\) in} ],
        [ 'of two applications' => application('/app') . application('/other', 'post'), 1,
            qr{SS310: the login places /app of .* and /other of } ],
        [ 'of applications on two virtual hosts' => host(81, 'ServerName a.example', $one)
                . host(82, 'ServerName a.example', application('/app')),
            1, qr/SS310/ ],
        [ 'of one application' => application('/app') . application('/app/login', 'post'), 1, '' ],
        [ 'with realms of their own' =>
                host(81, 'SecSessionRealm a', $one) . host(82, 'SecSessionRealm b', $other),
            1, '' ],
        [ 'with names of their own' => host(81, 'ServerName a.example', $one)
                . host(82, 'ServerName b.example', $other), 1, '' ],
        [ 'with the same users' => $one . place('/staff', $USERS), 1, '' ],
    );
    $tester->{modules} = ['authn_dbd'];
    $tester->write_config;
    for my $case (@cases) {
        my ($name, $text, $is_right, $pattern) = @$case;
        my ($ok, $said) = $tester->configtest($text);
        is !!$ok, !!$is_right, "$name: " . ($is_right ? 'is accepted' : 'is refused');
        $pattern
            ? like($said, $pattern, "$name: and said")
            : unlike($said, qr/SS3/, "$name: and nothing is said");
        like $said, qr/SecSessionRealm/, "$name: what to write" if $pattern;
    }
};

subtest 'interpreters inside httpd' => sub {
    plan skip_all => 'no mod_lua on this machine'
        unless -e Secsession::Httpd::installation()->{modules} . '/mod_lua.so';
    my $tester = Secsession::Httpd->new(config => $DATABASE, modules => ['lua']);
    my $allow = sub { qq{<Directory "/srv">\nAllowOverride $_[0]\n</Directory>\n} };
    like +($tester->configtest($allow->($_)))[1], qr{SS323: a \.htaccess file below /srv/ can have mod_lua},
        "AllowOverride $_: a warning" for 'All', 'AuthConfig FileInfo';
    unlike +($tester->configtest($allow->($_)))[1], qr/SS323/, "AllowOverride $_: none"
        for 'None', 'AuthConfig';
    my $without = Secsession::Httpd->new(config => $DATABASE);
    unlike +($without->configtest($allow->('All')))[1], qr/SS323/, 'none without mod_lua';
};

subtest 'virtual hosts to which browsers send one cookie' => sub {
    my $tester = Secsession::Httpd->new(config => $DATABASE);
    my $domain = 'SecSessionCookie __Secure-x Domain=example.org';
    my ($www, $shop) = map { "ServerName $_.example.org\n" } qw(www shop);
    my @cases = (
        [ 'and that share no realm' => host(81, $www . $domain) . host(82, $shop . $domain), 1 ],
        [ 'because one of them has a Domain' => host(81, $www . $domain)
                . host(82, $shop . 'SecSessionCookie __Secure-x'), 1 ],
        [ 'of a parent' => host(81, "ServerName example.org\nSecSessionCookie __Secure-x")
                . host(82, $shop . $domain), 1 ],
        [ 'of one realm' => host(81, "$www$domain\nSecSessionRealm a")
                . host(82, "$shop$domain\nSecSessionRealm a"), 0 ],
        [ 'which have other names' => host(81, $www . $domain)
                . host(82, $shop . 'SecSessionCookie __Secure-y Domain=example.org'), 0 ],
        [ 'of other sites' => host(81, $www . $domain)
                . host(82, 'ServerName www.xexample.org', 'SecSessionCookie __Secure-x'), 0 ],
    );
    for my $case (@cases) {
        my ($name, $text, $is_told) = @$case;
        my ($ok, $said) = $tester->configtest($text);
        ok $ok, "$name: are accepted" or diag $said;
        $is_told
            ? like($said, qr/SS325: .* the same SecSessionRealm into both/, "$name: with a warning")
            : unlike($said, qr/SS325/, $name);
    }
};

subtest 'virtual hosts that share a realm by default' => sub {
    my $tester = Secsession::Httpd->new(config => $DATABASE);
    my $touch = 'SecSessionTouch On';
    my @cases = (
        [ 'without a name' => host(81, $touch) . host(82, $touch), qr/SS311.*SecSessionRealm/ ],
        [ 'of one name on two ports' => host(81, 'ServerName a.example', $touch)
                . host(82, 'ServerName a.example', $touch), qr/SS311.*SecSessionRealm/ ],
        [ 'the http and the https of one site' => host(80, $touch) . host(443, $touch), '' ],
        [ 'which they name' => host(81, 'SecSessionRealm a') . host(82, 'SecSessionRealm a'), '' ],
    );
    for my $case (@cases) {
        my ($name, $text, $pattern) = @$case;
        my ($ok, $said) = $tester->configtest($text);
        ok $ok, "$name: are accepted";
        $pattern ? like($said, $pattern, "$name: with a warning") : unlike($said, qr/SS3/, $name);
    }
};

done_testing;
