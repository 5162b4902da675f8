# What is allowed in httpd.conf, and what httpd -t says about what is not: the message names the
# directive, the wrong value and what is allowed; and no mistake makes sessions weaker than they
# look.

use lib 't/lib';
use Secsession::Documents 'described_directives';
use Secsession::Test;
use Secsession::Process qw(scratch spew);

my $DATABASE = qq{DBDriver pgsql\nDBDParams "host=/nowhere dbname=app"\n};
our $tester =
    Secsession::Httpd->new(config => $DATABASE, modules => [qw(authn_anon authz_groupfile)]);
my %SECTION = (Location => '"/x"', Directory => '"/x"', Files => '"x"', LocationMatch => '"^/x"',
    If => '"true"');

my $FOLDER = scratch('keys');
my $KEY = '7 ' . 'A' x 43 . '=';
my $KEYS = spew("$FOLDER/keys", "# the key\n\n$KEY # of today\n8 " . 'B' x 43 . "=\n", 0600);
my $NO_KEYS = spew("$FOLDER/none", "# none\n", 0600);
my $OPEN_KEYS = spew("$FOLDER/open", "$KEY\n", 0644);
my $FOREIGN_KEYS = spew("$FOLDER/foreign", "$KEY\n", 0600);
chown scalar getpwnam('www-data'), -1, $FOREIGN_KEYS;

my $DURATION =
    'it must be a duration above zero such as 30s, 15m, 8h or 30d (a plain number means seconds), '
        . 'of at most ten years';
my $PATH = 'a path on this host, such as /login';
my $REALM = '1 to 255 printable ASCII characters without spaces, quotes and backslashes';
my $ATTRIBUTES =
    'any of SameSite=Strict|Lax|None, Path=/path, Domain=host and Insecure, each at most once';
my $PARTS =
    'On or Off alone, or any of cookies, urls, referrer, each at most once; urls may be written as '
        . 'urls=strip or urls=refuse';
my $NAMES = '1 to 32 names of URL arguments, each of 1 to 64 letters, digits and -._~';
my $FLAG = 'On or Off';    # httpd's own words
my $TYPES = 'none alone, or any of cache, cookies, storage, executionContexts';

# Each directive: where it may stand (S: server or virtual host; D: also sections), what it may say,
# and what it may not, under the words that tell what is allowed. A pair is [what is written, what
# the message quotes].
my @PATHS = (
    right =>
        [ '/', '/login', '/a/b.html', '/login?lang=en', '/%C3%A4', '/~user/', '/' . 'x' x 1000 ],
    wrong => { $PATH => [
        'login', '//evil.example', 'http://evil.example/', 'https:/evil', '/a/../b', '/./a',
        '/%2e%2e/x', '/%5cevil', '/%2f/evil', 'javascript:1', '../x', '?x', '#x', '/\evil',
        [ '"/a b"', '/a b' ], [ '""', '' ], '/x#y', "/\xc3\xa4", "/a\x7f",
    ] },
);
my @DURATIONS = (
    right => [ 1, 30, '1s', '30S', '15m', '15min', '8h', '8H', '30d', '030', '3650d', 315_360_000 ],
    wrong => { $DURATION => [
        0, '0s', '0d', -1, '-5m', '+5m', 'm', 'h5', '5x', '5ms', '5w', '1.5h', '1e3', '0x10', '5mm',
        '1h30m', 'off', 'none', '3651d', 315_360_001, 2**31, 2**32 + 1, '9223372036854775807d',
        '9223372036854775808', '18446744073709551617', '-18446744073709551615', '9' x 400,
        [ '"5 m"', '5 m' ], [ '" 5"', ' 5' ],
    ] },
);
my @COOKIES = (
    right => [
        'id', '__Host-id', '__Secure-id', '__Host-Http-id', "a!#\$%&'*+-.^_`|~0",
        'id SameSite=Strict', 'id samesite=none', 'id Path=/app', 'id Domain=example.org',
        'id Path=/a Domain=.example.org SameSite=Lax', '__Host-id Path=/',
        '__Secure-id Domain=example.org Path=/a', 'id Insecure',
        'id Insecure SameSite=Strict Path=/a', '_id insecure',
    ],
    wrong => {
        'a cookie name (letters, digits and' => [
            [ '', '' ], [ '""', '' ], [ '"a b"', 'a b' ], [ q('"a"'), '"a"' ],
            [ 'SameSite=Lax id', 'SameSite=Lax' ],
            'a=b', 'a;b', 'a,b', 'a(b)', 'a/b', 'a:b', 'a[]', "\xc3\xa4",
        ],
        $ATTRIBUTES => [ map { [ "id $_", (split)[-1] =~ tr/"//dr ] }
            'SameSite=Some', 'SameSite=', 'SameSite', 'Path=app', 'Path=', 'Domain=', 'Domain',
            'Secure', 'HttpOnly', 'Max-Age=5', 'Expires=0', 'Partitioned', 'Lax',
            '"Path=/a;Domain=evil"', 'Path=/a,b', 'Insecure=1', 'Insecure Insecure',
            'Path=/a Path=/a', 'SameSite=Lax SameSite=Strict', 'Domain=a Domain=b' ],
        # ASVS 5.0 3.3.3
        'a name without __Host- if Domain= or a Path other than / is given' => [
            map { [ $_, (split)[0] ] } '__Host-id Domain=example.org', '__Host-id Path=/app',
            '__HOST-id Domain=example.org', '__host-id Path=/a', '__Host-Http-id Path=/a',
            '__Host-id Path=/ Domain=example.org' ],
        'a name that does not begin with __ if Insecure is given' => [
            map { [ $_, (split)[0] ] } '__Host-id Insecure', '__Secure-id Insecure',
            '__id insecure', '__Host-id Insecure Path=/' ],
        'without Insecure if SameSite=None is given' =>
            [ map { [ $_, 'id' ] } 'id Insecure SameSite=None', 'id samesite=NONE insecure' ],
    },
);

sub flag { my ($wrong) = @_; return (right => [qw(On Off)], wrong => { $FLAG => [ '', $wrong ] }) }

my %DIRECTIVE = (
    SecSession =>
        { where => 'D', right => [qw(On Off on OFF)], wrong => { $FLAG => [ '', 'maybe', 1 ] } },
    SecSessionRealm => { where => 'S',
        right => [ 'a', 'Example', 'app.example.org', "it's", 'r/1;x', '~' x 255 ],
        wrong => { $REALM => [ [ '"a b"', 'a b' ], [ q('a"b'), 'a"b' ], [ 'a\\\\b', 'a\\b' ],
            "\xc3\xa4", 'x' x 256, "a\x7f", "a\x1b" ] } },
    SecSessionCookie => { where => 'S', @COOKIES },
    SecSessionIdleTimeout => { where => 'D', @DURATIONS },
    SecSessionAbsoluteTimeout => { where => 'D', @DURATIONS },
    SecSessionAuthProvider => { where => 'D', right => [ 'file', 'anon', 'file anon', 'anon file' ],
        wrong => {
            'no module provides' =>
                [ 'nothing', [ 'file nothing', 'nothing' ], 'FILE', 'file,anon', [ '""', '' ] ],
            'at least one provider, for example: file' => [ [ '', '' ] ],
            q('socache' cannot be asked) => [ [ 'socache file', 'socache' ], [ 'file socache', 'socache' ] ],
        } },
    SecSessionUserNames => { where => 'S', right => [qw(exact lowercase Exact LOWERCASE)],
        wrong => { 'it must be exact or lowercase' => [ 'lower', 'Off', [ '""', '' ] ] } },
    SecSessionLoginThrottle => { where => 'S', right => [ 'Off', 'off', '5 5m', '1 1s', '1000 1d' ],
        wrong => {
            'it must be Off alone, or a number from 1 to 1000 and a duration' =>
                [ 5, [ '0 5m', 0 ], [ '1001 5m', 1001 ], [ 'many 5m', 'many' ],
                [ 'Off 5m', 'Off' ] ],
            $DURATION => [ [ '5 0', 0 ], [ '5 soon', 'soon' ] ],
        } },
    SecSessionAdopt => { where => 'D', flag('basic') },
    SecSessionLoginPage => { where => 'D', @PATHS },
    SecSessionLoginHome => { where => 'D', @PATHS },
    SecSessionLogoutHome => { where => 'D', @PATHS },
    SecSessionCacheControl => { where => 'D', flag('private') },
    SecSessionClearSiteData => { where => 'D',
        right => [ qw(none None cache cookies storage executionContexts), 'CACHE storage',
            'cache cookies storage' ],
        wrong => { $TYPES => [ [ '', '' ], 'all', '*', 'off', 'cache,storage',
            [ 'none cache', 'none' ], [ 'cache all', 'all' ], [ q('"cache"'), '"cache"' ] ] } },
    SecSessionHarden => { where => 'D',
        right => [ qw(On off cookies URLs urls=strip urls=refuse referrer), 'cookies urls=refuse',
            'referrer urls cookies', 'On except=a', 'cookies except=csrftoken,XSRF-*',
            'urls cookies EXCEPT=none' ],
        wrong => { $PARTS => [ [ '', '' ], 'yes', 1, [ '""', '' ], 'urls=', 'urls=block',
            'cookies,urls', [ 'On cookies', 'On' ], [ 'cookies Off', 'Off' ],
            [ 'cookies cookies', 'cookies' ], [ 'urls urls=refuse', 'urls=refuse' ],
            [ 'urls=strip urls=refuse', 'urls=refuse' ], [ 'On On', 'On' ], [ 'except=a', 'except=a' ],
            [ 'urls except=a', 'except=a' ], [ 'Off except=a', 'except=a' ],
            [ 'except=a cookies', 'except=a' ], [ 'cookies except=a except=b', 'except=a' ] ],
            'shell patterns of cookie names' => [ [ 'cookies except=', '' ],
                [ 'cookies except=a;b', 'a;b' ], [ 'On except=a,none', 'none' ] ],
            'at most 32 cookies' => [ [ 'On except=' . join(',', 1 .. 33), join ',', 1 .. 33 ] ],
        } },
    SecSessionUrlIds => { where => 'D',
        right => [ 'sid', 'PHPSESSID jsessionid', 'ASP.NET_SessionId a-b~c', 'x' x 64,
            "@{[ 1 .. 32 ]}" ],
        wrong => { $NAMES => [ [ '', '' ], [ '""', '' ], 'a=b', 'a&b', 'a;b', 'a%20b', 'a[]', 'a,b',
            [ 'sid a/b', 'a/b' ], 'x' x 65, [ "@{[ 1 .. 33 ]}", 33 ], [ "@{[ 1 .. 200 ]}", 33 ],
            "\xc3\xa4", '*' ] } },
    SecSessionCache => { where => 'S', flag('shm') },
    SecSessionCacheSlots => { where => 'S', right => [ 1, 1000, 65_536 ],
        wrong => {
            'a number from 1 to 10000000' => [ 0, -1, 10_000_001, 'many', '64k', [ '""', '' ] ] } },
    SecSessionLease => { where => 'S', right => [ 1, '1s', '100ms', '500MS', '2m', '1d' ],
        wrong => { 'from 100ms to a day' => [ 0, '99ms', '1.5s', -1, '2d', 'off', '9' x 30 ] } },
    SecSessionStale => { where => 'S', right => [ 0, '0s', '5m', '10ms', '1d' ],
        wrong => { 'from 0ms to a day' => [ -1, '2d', 'on', '5x' ] } },
    SecSessionFeed => { where => 'S',
        right => [ '"host=/run dbname=app"', 'postgresql://example.org/app' ],
        wrong => { 'a connection string such as' =>
            [ map { [ qq("$_"), 'SecSessionFeed' ] } 'no words', 'hots=x', "host='" ] } },
    SecSessionProfile => { where => 'D', right => [qw(standard sensitive remember Sensitive)],
        wrong => { 'sensitive, standard or remember' => [ qw(bank none Off), [ '""', '' ] ] } },
    SecSessionRemember => { where => 'D', right => [ 'off', '30d', '30d 7d', '1h 30m',
            '30d field=a', '30d 7d FIELD=_remember[me]' ],
        wrong => {
            'it must be off, or a duration above zero' => [ 0, 'on', [ '""', '' ] ],
            'it must be a duration above zero' => [ [ '30d 0', 0 ], [ '30d off', 'off' ] ],
            'a duration such as 30d if something follows' => [ [ 'off 7d', 'off' ],
                [ 'off field=a', 'off' ] ],
            'off, or one or two durations' => [ [ '', '' ], [ '30d 7d 1d', '1d' ],
                [ '30d field=', 'field=' ], [ '30d 7d 1d field=a', 'field=a' ] ],
            'off, or a duration above zero' => ['field=a'],
            'at most 7d, which is before it' => [ [ '7d 30d', '30d' ], [ '7d 8d', '8d' ] ],
        } },
    SecSessionRotateInterval => { where => 'S', right => [qw(off 1 15m Off)],
        wrong => { 'off, or a duration above zero' => [ 0, 'on', '1x', [ '""', '' ] ] } },
    SecSessionRotateGrace => { where => 'S', right => [qw(1 10s 1m)],
        wrong => { 'a duration above zero' => [ 0, 'off', [ '""', '' ] ] } },
    SecSessionMaxPerUser => { where => 'S',
        right => [ 0, 1, '3 oldest', '3 refuse', '10000 REFUSE' ],
        wrong => {
            '0 (no limit), or a number from 1 to 10000' =>
                [ -1, 'many', 10_001, '1.5', [ '""', '' ] ],
            'it must be oldest or refuse' => [ [ '3 newest', 'newest' ] ],
        } },
    SecSessionBind => { where => 'D',
        right => [ 'none', 'subnet', 'address', 'Subnet log', 'address reauth', 'address end' ],
        wrong => {
            'none alone, or subnet or address' => [ 'On', 'ip', [ 'none log', 'none' ], [ '""', '' ] ],
            'log, reauth or end' => [ [ 'subnet off', 'off' ] ],
        } },
    SecSessionCredentialStamp => { where => 'D', flag('file') },
    SecSessionLog =>
        { where => 'S', right => [ 'logs/events', '/dev/null', '"|/bin/cat"', '"|$exec cat"' ],
        wrong => { 'a file in a directory that exists, or | and a program' =>
            [ '/nowhere/at/all/events', 'logs', '/dev/null/events', [ '""', '' ] ] } },
    SecSessionTouch => { where => 'D', flag('never') },
    SecSessionForward => { where => 'D', right => [qw(none X-Remote-User X_User Remote_User)],
        wrong => { 'the name of a request header that has no other meaning' => [
            qw(Cookie host Authorization Transfer-Encoding SecSession-Login secsession_x a:b a/b),
            [ '"a b"', 'a b' ], [ '""', '' ], "\xc3\xa4" ] } },
    SecSessionGuard => { where => 'D',
        right => [ qw(On Off on OFF), 'On capacitor://localhost chrome-extension://abc' ],
        wrong => { 'Off alone, or On, which may be followed by origins such as' => [
            [ '', '' ], 'yes', [ 'Off https://a.example', 'Off' ], [ 'On a.example', 'a.example' ],
            [ 'On https://a.example/', 'https://a.example/' ], [ 'On https://', 'https://' ],
            [ 'On *', '*' ], [ 'On null', 'null' ],
            [ 'On 1a://b', '1a://b' ] ] } },
    SecSessionAppLogin => { where => 'D', flag('yes') },
    SecSessionLoginWhen => { where => 'D',
        right => [ 'none', q("%{REQUEST_STATUS} == 302"),
            q("%{resp:Location} =~ m#/home$#" field=login), q("true" FIELD=u),
            q("%{resp:X} =~ /(.+)/" user=$1),
            q("%{resp:X} !~ /(.+)/" USER=$9), q("true" user=root), q("true" user=try), q("true" "User=the office") ],
        wrong => {
            'none, or an expression of httpd' =>
                [ [ q("%{REQUEST_STATUS} =="), '%{REQUEST_STATUS} ==' ], [ '""', '' ] ],
            'field= and the name of a form field' =>
                [ [ '"true" name', 'name' ], [ '"true" field=', 'field=' ] ],
            'with a regular expression (=~) if user=$1 follows' =>
                [ [ '"true" user=$1', 'true' ] ],
            'left out after none' => [ [ 'none field=a', 'field=a' ], [ 'none user=$1', 'user=$1' ] ],
            'by user=$1 to user=$9, by user=try, or by user= and the name of a user' =>
                [ map { [ qq("true" $_), $_ ] } qw(user= user=$ user=$0 user=$10 user=$a $1) ],
        } },
    SecSessionLoginTry => { where => 'D',
        right => [ 'none', q("true"), q("%{resp:Location} =~ m#/code$#" field=login) ],
        wrong => {
            'none, or an expression of httpd' => [ [ '"(("', '((' ] ],
            'field= and the name of a form field' =>
                [ map { [ qq("true" $_), $_ ] } qw(name user=$1 user=try user=x field=) ],
            'left out after none' => [ [ 'none field=a', 'field=a' ] ] } },
    SecSessionLogoutWhen => { where => 'D', right => [ 'none', q("%{QUERY_STRING} =~ /logout/"), q("%{QUERY_STRING} =~ /logout/" home) ],
        wrong => { 'none, or an expression of httpd' => [ [ '"(("', '((' ] ],
            'home, which follows an expression' => [ [ '"true" away', 'away' ], [ 'none home', 'home' ] ] } },
    SecSessionVault => { where => 'D', right => [ 'none', 'PHPSESSID', 'DW* wiki_?', '*', 'httponly', 'HttpOnly PHPSESSID' ],
        wrong => { 'left out after httponly' => [ [ 'httponly none', 'none' ] ],
            'none alone, or shell patterns of cookie names' =>
            [ [ '', '' ], [ 'a none', 'none' ], [ 'httponly a none', 'none' ], 'a=b', 'a;b', 'a,b', [ '""', '' ] ] } },
    SecSessionKeys => { where => 'S', right => [$KEYS],
        wrong => {
            'a file with keys' => [ '/nowhere', $NO_KEYS ],
            'nobody but its owner may read' => [$OPEN_KEYS],
            ($> ? () : (q(and that is root's) => [$FOREIGN_KEYS])),
        } },
    DBDriver => { where => 'S', right => ['pgsql'], wrong => {} },
    DBDParams => { where => 'S', right => ['"dbname=app user=x"'], wrong => {} },
    DBDMax => { where => 'S', right => [ 1, 10, 10_000 ],
        wrong => {
            'a number from 1 to 10000' =>
                [ 0, -1, 10_001, 'ten', '5x', '99999999999999999999' ] } },
);

sub in_section {
    my ($section, $text) = @_;
    return "<$section $SECTION{$section}>\n$text\n</$section>";
}
sub in_host { return "<VirtualHost *:1>\n$_[0]\n</VirtualHost>" }

sub is_accepted {
    my ($text, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($ok, $said) = $tester->configtest($text);
    return ok($ok, $name) || diag $said;
}

sub is_refused {
    my ($text, $name, @words) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($ok, $said) = $tester->configtest($text);
    is_deeply [ $ok ? 'accepted' : (), grep { index($said, $_) < 0 } @words ], [], $name
        or diag $said;
    return;
}

my %documented = described_directives();
is_same_set [ keys %documented ], [ keys %DIRECTIVE ],
    'every directive of the documentation is tested here';

subtest 'what is right is accepted' => sub {
    for my $directive (grep { !/^DBD(?:river|Params)$/ } sort keys %DIRECTIVE) {
        my @right = @{ $DIRECTIVE{$directive}{right} };
        is_accepted(join("\n", map { in_host("$directive $_") } @right),
            "$directive, " . @right . ' values');
    }
    is_accepted(<<'CONFIG', 'a provider by its alias');
<AuthnProviderAlias file staff>
    AuthUserFile "/nowhere"
</AuthnProviderAlias>
SecSessionAuthProvider file staff
CONFIG
};

# One list serves several directives: for the later ones three values show that they use it.
my %seen;
for my $directive (sort keys %DIRECTIVE) {
    my %wrong = %{ $DIRECTIVE{$directive}{wrong} };
    subtest "$directive: what is wrong stops httpd, in words that help" => sub {
        for my $allowed (sort keys %wrong) {
            my @values = @{ $wrong{$allowed} };
            splice @values, 3 if $seen{ $wrong{$allowed} }++;
            for my $value (map { ref ? $_ : [ $_, $_ ] } @values) {
                my ($written, $quoted) = @$value;
                $quoted =~ s/\\/\\\\/g;    # as httpd logs it
                $quoted =~ s/([\x01-\x1f\x7f-\xff])/sprintf '\x%02x', ord $1/ge;
                # httpd's own words for flags, and for a missing argument, do not quote what was
                # written.
                my @words = $allowed eq $FLAG || $quoted eq '' ? () : ("'$quoted'", $allowed);
                my $name = "$directive " . substr $written, 0, 60;
                is_refused("$directive $written", $name, $directive, @words);
            }
        }
    } if %wrong;
}

subtest 'where directives may stand' => sub {
    for my $directive (sort keys %DIRECTIVE) {
        my $text = "$directive $DIRECTIVE{$directive}{right}[0]";
        if ($DIRECTIVE{$directive}{where} eq 'D') {
            my $all = join "\n", $text, map { in_section($_, $text) } sort keys %SECTION;
            is_accepted("$all\n" . in_host($all), "$directive anywhere");
        }
        else {
            is_accepted(in_host($text), "$directive in a virtual host");
            my @sections = sort keys %SECTION;
            is_refused(in_section($_, $text), "$directive not in <$_>", $directive, 'not allowed')
                for @sections;
        }
    }
};

subtest 'a directive that is designed but not built is not accepted' => sub {
    my @designed = map { "SecSession$_" }
        qw(Profile Remember Touch RotateInterval RotateGrace MaxPerUser LoginThrottle AppLogin
        LoginWhen LoginTry LogoutWhen Adopt Vault Forward Guard Bind Cache CacheSlots Lease Feed Stale
        Assertion);
    my %built = map { $_ => 1 } keys %DIRECTIVE;
    is_refused("$_ 5", $_, "Invalid command '$_'") for grep { !$built{$_} } @designed;
};

subtest 'sessions without a database stop httpd' => sub {
    my @advice = ('SS301', 'DBDriver pgsql', 'DBDParams');
    my %missing = (
        'nothing' => '', 'no driver' => 'DBDParams "dbname=app"',
        'no parameters' => 'DBDriver pgsql', 'another driver' => "DBDriver sqlite3\nDBDParams x",
    );
    for my $name (sort keys %missing) {
        local our $tester = Secsession::Httpd->new(config => $missing{$name}, without => ['dbd']);
        my $location = in_section('Location', 'SecSession On');
        is_refused('SecSession On', $name, @advice, 'the main server');
        is_refused($location, "$name, in a location", @advice);
        is_refused(in_host($location), "$name, in a virtual host", @advice, 'configtest.conf:');
        is_accepted('SecSession Off', "$name, but no sessions");
        is_accepted(in_host("$DATABASE\n$location"), "$name, but the virtual host has one");
    }
    local our $tester = Secsession::Httpd->new(config => $DATABASE, without => ['dbd']);
    is_accepted('SecSession On', 'mod_dbd need not be there');
    is_accepted(in_host('SecSession On'), 'a virtual host has its server\'s database');
};

subtest 'what cannot work together stops httpd, and httpd -t finds it' => sub {
    local our $tester = Secsession::Httpd->new(config => "${DATABASE}SecSession On");
    is_refused(qq{DBDParams "$_"}, "DBDParams $_", 'SS307', 'the main server', 'host=')
        for 'nonsense', 'hots=x', 'password=secret x', "host='";
    my ($ok, $said) = $tester->configtest('DBDParams "password=secret x"');
    unlike $said, qr/secret/, 'without showing the password';
    my $host = in_host('DBDParams nonsense');
    is_refused($host, 'in a virtual host', 'SS307', 'configtest.conf:');
    is_refused('SecSessionVault a __Host-secsession', 'our cookie in the vault', 'SS308',
        '__Host-secsession');
    is_refused("SecSessionCookie mine Insecure\n" . in_section('Location', 'SecSessionVault mine'),
        'by another name, in a section', 'SS308', 'mine');
    is_accepted("SecSessionCookie mine Insecure\nSecSessionVault __Host-secsession *",
        'another cookie of the same name, and a pattern that fits more than ours');
    my %differs = (DBDMax => [ 1, 2 ], SecSessionLog => [ 'logs/a', 'logs/b' ],
        SecSessionUserNames => [qw(exact lowercase)],
        SecSessionKeys => [ $KEYS, spew("$FOLDER/others", "$KEY\n", 0600) ],
        SecSessionCacheSlots => [ 1, 2 ], SecSessionLease => [ 1, 2 ],
        SecSessionStale => [ 1, 2 ], SecSessionFeed => [ 'host=a', 'host=b' ]);
    for my $directive (sort keys %differs) {
        my @hosts = map { in_host("$directive $_") } @{ $differs{$directive} };
        is_refused(join("\n", @hosts), "$directive of two servers with one database", 'SS304',
            "the same $directive", 'configtest.conf:');
        my $off = join "\n", 'SecSessionCache Off', @hosts;
        my $name = "$directive with the cache Off";
        $directive =~ /Max|Keys|Log|Names/ ? is_refused($off, $name, 'SS304') : is_accepted($off, $name);
    }
};

done_testing;
