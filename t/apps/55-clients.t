# Clients that nobody changed, behind SecSessionAdopt with SecSessionKeys: Subversion over WebDAV, git
# over its HTTP protocol, and curl with and without cookies. Each has one session, whatever it does;
# and is out when its user was revoked.
# mpm: all
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Process qw(run scratch spew);

my $modules = Secsession::Httpd::installation()->{modules};
my $git_backend = '/usr/lib/git-core/git-http-backend';
if (my ($missing) = grep { !-e } "$modules/mod_dav_svn.so", $git_backend) {
    die "$missing is missing: make check-apps\n" if $ENV{CI};
    plan skip_all => "$missing is missing: make check-apps";
}

sub succeeds {
    my (@command) = @_;
    my ($exit, $out, $err) = run(\@command, env => { HOME => scratch('home') });
    die "@command: exit $exit\n$out$err" if $exit;
    return $out;
}

my $served = scratch('served');
mkdir "$served/$_" or die "$served/$_: $!" for qw(git dav locks);
succeeds('svnadmin', 'create', "$served/svn");
succeeds('git', 'init', '-q', '--bare', '-b', 'main', "$served/git/repo.git");
succeeds('git', '-C', "$served/git/repo.git", 'config', 'http.receivepack', 'true');
my $lock = "$served/locks/db";
give_away($served);

my $keys = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
my $users = users_file(scratch('clients'));
my ($postgres, $httpd) = start_servers(database => { log_statements => 1 },
    modules => [qw(dav dav_fs dav_svn)], config => <<"CONFIG");
SecSessionKeys "$keys"
DavLockDB "$lock"
<Location "/svn">
    DAV svn
    SVNPath "$served/svn"
</Location>
Alias "/dav" "$served/dav"
<Location "/dav">
    Dav On
</Location>
ScriptAlias "/git/" "$git_backend/"
SetEnv GIT_PROJECT_ROOT "$served/git"
SetEnv GIT_HTTP_EXPORT_ALL 1
<LocationMatch "^/(svn|dav|git)">
    AuthType Basic
    AuthName files
    AuthUserFile "$users"
    SecSessionAdopt On
    Require valid-user
</LocationMatch>
CONFIG

my $URL = $httpd->client->origin;

sub value { return $postgres->value($_[0]) }
sub change { $postgres->psql($_[0]); has_heard($postgres); return }
sub idles {
    change("update secsession.session set last_seen_at = now() - interval '1 h'
        where ended_at is null");
    return;
}

# How many sessions of a user have begun since an event.
sub last_event { return value('select coalesce(max(event_id), 0) from secsession.event') }
sub begun {
    my ($user, $since) = @_;
    return value("select count(*) from secsession.event where event = 'created'
        and user_name = '$user' and event_id > $since");
}

# --- how each client works, and what it says ----------------------------------------------------

sub tried { my ($exit, $out, $err) = run([@_], env => { HOME => scratch('home') }); return "$exit $err$out" }

sub svn {
    my ($user, @more) = @_;
    return tried('svn', @more, '--non-interactive', '--no-auth-cache', '--username', $user,
        '--password', password_of($user));
}

sub svn_works {
    my ($user) = @_;
    my $copy = scratch("svn-$user");
    my $said = svn($user, 'checkout', "$URL/svn", $copy);
    for my $round (1 .. 3) {
        my $file = spew("$copy/$user-$round.txt", 'x' x 300_000);
        $said .= svn($user, 'add', $file) . svn($user, 'commit', '-m', "round $round", $copy)
            . svn($user, 'update', $copy);
    }
    return $said . svn($user, 'log', $copy);
}

sub git_url { my ($user) = @_; return $URL =~ s{//}{//$user:@{[ password_of($user) =~ s/ /%20/r ]}@}r }
sub git {
    return tried(qw(git -c user.name=A -c user.email=a@example.org -c http.postBuffer=65536), @_);
}

sub git_works {
    my ($user) = @_;
    my $copy = scratch("git-$user") . '/copy';
    my $said = git('clone', '-q', git_url($user) . '/git/repo.git', $copy);
    return $said unless -d $copy;
    for my $round (1 .. 3) {
        spew("$copy/$user-$round.txt", join '', map { chr int rand 256 } 1 .. 300_000);
        $said .= join '', map { git('-C', $copy, @$_) } [qw(add .)],
            [ qw(commit -q -m), "round $round" ], [qw(push -q origin HEAD:main)], [qw(fetch -q)];
    }
    return $said;
}

sub curl { return tried(qw(curl -sS --fail-with-body), @_) }

sub curl_works {
    my ($user, @cookies) = @_;
    my @as = ('-u', "$user:" . password_of($user), @cookies);
    my $said = '';
    for my $round (1 .. 3) {
        my $file = spew(scratch('put') . '/file', 'x' x 300_000);
        $said .= curl(@as, '-T', $file, "$URL/dav/$user-$round.txt")
            . curl(@as, qw(-X PROPFIND -H), 'Depth: 1', map { "$URL/dav/" } 1 .. 10);
    }
    return $said;
}

my %WORKS = (
    Subversion => \&svn_works,
    git => \&git_works,
    'curl without cookies' => \&curl_works,
    'curl with cookies' => sub {
        my $jar = scratch('jar') . '/jar';
        return curl_works($_[0], '-b', $jar, '-c', $jar, '-A', 'keeps cookies');
    },
);

# --- tests ---------------------------------------------------------------------------------------

sub is_done {
    my ($said, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @refused = grep { /40[13]|denied|Authentication|forbidden/i && !/^\d+\s*$/ } split /\n/, $said;
    return is_deeply \@refused, [], $name;
}

for my $client (sort keys %WORKS) {
    subtest "$client: one session for each user" => sub {
        my $since = last_event();
        is_done($WORKS{$client}->($_), "$_ works") for qw(alice bob);
        is begun($_, $since), 1, "$_ has one session" for qw(alice bob);
        idles();
        $since = last_event();
        is_done($WORKS{$client}->('alice'), 'after an idle end alice works');
        is begun('alice', $since), 1, 'in one session more';
    };

    subtest "$client: a revocation" => sub {
        change("select secsession.revoke_user('alice', 'test')");
        my $since = last_event();
        like $WORKS{$client}->('alice'), qr/401|Authentication failed|E170001/, 'refuses alice';
        is begun('alice', $since), 0, 'no session begins';
        is_done($WORKS{$client}->('bob'), 'bob works');
        change("select secsession.allow_user('alice', 'test')");
        is_done($WORKS{$client}->('alice'), 'alice works when she is allowed again');
    };
}

subtest 'requests of a client cost no SQL' => sub {
    my @ask = ('-u', 'alice:' . password_of('alice'), qw(-X PROPFIND -H), 'Depth: 0',
        map { "$URL/dav/" } 1 .. 50);
    curl(@ask);
    my $before = $postgres->asked_by_requests;
    is_done(curl(@ask), '50 requests');
    is $postgres->asked_by_requests - $before, 0, 'that are answered from the cache';
};

done_testing;
