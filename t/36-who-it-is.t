# At a place with AuthType SecSession an application learns the user from the session of the request
# and from nothing else, whichever way the request came there: by a DirectoryIndex or a
# FallbackResource, which httpd follows without asking again who it is, from a place whose .htaccess
# has users of its own, or from a page that includes it and sets variables.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp spew);

my $FOLDER = scratch('who');
my ($HASH) = slurp(users_file($FOLDER)) =~ /^bob:(.*)$/m;
my $OWN = spew("$FOLDER/own", "alice:$HASH\n"); # Its alice has bob's password.
my @ALICE = basic_header('alice', password_of('bob'));

my %TO = (needs => '/needs/show', open => '/open/show', plain => '/plain/show');
my %files = ('ssi/.htaccess' => "RequestHeader set X-Remote-User alice\n");
for my $to (keys %TO) {
    my $users = "AuthType Basic\nAuthName x\nAuthUserFile $OWN\nRequire valid-user\n";
    my $field = "RequestHeader set X-Remote-User alice\n";
    $files{"index-$to/.htaccess"} = "$users${field}DirectoryIndex $TO{$to}\n";
    $files{"fallback-$to/.htaccess"} = "$users${field}FallbackResource $TO{$to}\n";
    $files{"index-$to/none.txt"} = $files{"fallback-$to/none.txt"} = '';
    $files{"ssi/$to.shtml"} = join '', map({ "<!--#set var=\"$_\" value=\"alice\" -->" }
        qw(REMOTE_USER REMOTE-USER AUTH_TYPE SECSESSION_ID HTTP_X-REMOTE-USER)), "<!--#include virtual=\"$TO{$to}\" -->";
}

my ($postgres, $httpd) = start_servers(modules => [qw(headers include dir)], files => \%files,
    config => <<'CONFIG');
ScriptAliasMatch "^/(?:needs|open|plain)/(show)" "@FOLDER@/cgi-bin/$1"
<Directory "@FOLDER@/htdocs">
    AllowOverride All
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
</Directory>
<LocationMatch "^/(needs|open)/">
    AuthType SecSession
    Require all granted
    SecSessionForward X-Remote-User
</LocationMatch>
<LocationMatch "^/(open|plain)/">
    RequestHeader set X-Remote-User alice
</LocationMatch>
<Location "/needs/">
    Require valid-user
</Location>
<Location "/plain/">
    SecSessionForward X-Remote-User
</Location>
CONFIG

my @VARIABLES = qw(REMOTE_USER AUTH_TYPE HTTP_X_REMOTE_USER);

sub is_told {
    my ($client, $path, $user, $test) = @_;
    my $environment = environment_of($client->get($path, headers => [@ALICE]));
    is $environment->{SCRIPT_NAME}, $path =~ /(needs|open)/ ? "/$1/show" : undef, "$test: it came there";
    my @expected = $user ? ($user, 'SecSession', $user) : (undef) x @VARIABLES;
    is_deeply [ @$environment{@VARIABLES} ], \@expected, $test;
    is !!$environment->{SECSESSION_ID}, !!$user, "$test, with a session or none";
    return;
}

my $bob = browser($httpd, 'bob');
for my $way (qw(index fallback)) {
    subtest "$way, from a place with users of its own" => sub {
        is_told($bob, "/$way-needs/", 'bob', 'who is logged in is himself where that is required');
        is_told($bob, "/$way-open/", 'bob', 'and where it is not');
        is_told($httpd->client, "/$way-open/", undef, 'a stranger is nobody');
        is environment_of($bob->get("/$way-plain/", headers => [@ALICE]))->{HTTP_X_REMOTE_USER},
            'bob', 'the field tells nobody else where there is no AuthType';
        is environment_of($httpd->client->get("/$way-plain/", headers => [@ALICE]))
            ->{HTTP_X_REMOTE_USER}, undef, 'nor of a stranger';
    };
}

subtest 'a page that sets variables and includes an application' => sub {
    is_told($bob, '/ssi/needs.shtml', 'bob', 'who is logged in is himself where that is required');
    is_told($bob, '/ssi/open.shtml', 'bob', 'and where it is not');
    is_told($httpd->client, '/ssi/open.shtml', undef, 'a stranger is nobody');
};

subtest 'RequestHeader at the place itself' => sub {
    for my $path (@TO{qw(open plain)}) {
        is environment_of($_->[0]->get($path))->{HTTP_X_REMOTE_USER}, $_->[1], "$path: says nothing"
            for [ $bob, 'bob' ], [ $httpd->client, undef ];
    }
};

subtest 'without users of its own' => sub {
    spew($httpd->folder . '/htdocs/index-needs/.htaccess', "DirectoryIndex $TO{needs}\n");
    is_told($bob, '/index-needs/', 'bob', 'nobody is lost');
};

done_testing;
