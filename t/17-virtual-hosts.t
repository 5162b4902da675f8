# What a directive says for the main server holds in every virtual host that does not speak of it;
# a virtual host that does has its own way. Every directive that only a whole server may have is
# asked for what it does in both.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp spew);
use Secsession::Directives;

my $FOLDER = scratch('hosts');
my ($KEYS, $OTHER_KEYS) = map { spew("$FOLDER/keys$_", "$_ " . 'A' x 43 . "=\n", 0600) } 1, 2;
my $postgres = Secsession::Postgres->start(log_statements => 1)->install;
my $DATABASE = $postgres->conninfo;

# A user for each question: how many sessions one has, and how often one was wrong, matters here.
my ($HASH) = slurp(users_file($FOLDER)) =~ /^alice:(.*)$/m;
my @USERS = map { "user$_" } 1 .. 50;
my $RECORDS = join '', map { "$_:$HASH\n" } @USERS;
my ($FILE, $OWN_FILE) = map { spew("$FOLDER/$_", $RECORDS) } qw(main own);
sub next_user { return shift @USERS }

# Each directive: what does it, the main server's value, a virtual host's, and what is seen then.
my @EFFECTS = (
    [ 'SecSessionRealm', \&realm, main => 'main', own => 'own' ],
    [ 'SecSessionCookie', \&cookie, 'main' => 'main Strict', 'own' => 'own Strict' ],
    [ 'SecSessionProfile', \&cookie, sensitive => 'main Strict', standard => 'main Lax' ],
    [ 'SecSessionRotateInterval', \&rotation, '12m' => '13m 20s', '1m' => '10m 20s' ],
    [ 'SecSessionProfile', \&rotation, sensitive => '13m 20s', standard => '16m 20s' ],
    [ 'SecSessionRotateGrace', \&rotation, '20s' => '13m 20s', '30s' => '13m 30s' ],
    [ 'SecSessionMaxPerUser', \&crowd, '1 refuse' => '303 403 200', '1 oldest' => '303 303 401' ],
    [ 'SecSessionLoginThrottle', \&throttle, '2 5m' => '401 401 429', 'Off' => '401 401 401' ],
    [ 'SecSessionCache', \&statements, 'On' => 'none', 'Off' => 'one each' ],
);

# Servers with one database must agree on these: httpd -t fails if what a virtual host has, or has
# inherited, is something else than the main server's.
my @AGREED = (
    [ 'DBDMax', 7, 8 ], [ 'SecSessionCacheSlots', 1000, 2000 ], [ 'SecSessionLease', '2s', '3s' ],
    [ 'SecSessionStale', '2s', '3s' ], [ 'SecSessionUserNames', 'exact', 'lowercase' ],
    [ 'SecSessionKeys', $KEYS, $OTHER_KEYS ],
    [ 'SecSessionFeed', map { qq("$DATABASE application_name=$_") } qw(feed other) ],
    [ 'SecSessionLog', 'logs/events', 'logs/others' ],
);
my @ELSEWHERE = qw(DBDriver DBDParams);

my %table = Secsession::Directives::table();
my %tested = map { $_ => 1 } @ELSEWHERE, map { $_->[0] } @EFFECTS, @AGREED;
is_same_set [ grep { $table{$_} && $table{$_} eq 'servers' } keys %tested ],
    [ grep { $table{$_} eq 'servers' } keys %table ],
    'every directive that only a server may have is tested here';

# --- the servers ---------------------------------------------------------------------------------

# httpd merges a virtual host only where the module has a word in it.
sub as_host {
    return join "\n", '<VirtualHost 127.0.0.1:@PORT@>', 'SecSessionTouch On', @_,
        "</VirtualHost>\n";
}

my %main = map { $_->[0] => "$_->[0] $_->[2]" } @EFFECTS;
my @lines = (@main{ sort keys %main }, map { "$_->[0] $_->[1]" } @AGREED);
my $MAIN = join "\n", @lines, <<"CONFIG";
SecSessionForward X-Main
SecSessionVault vault
SecSessionCredentialStamp On
SecSessionIdleTimeout 30m
<Location "/login">
    SetHandler secsession-login
    AuthUserFile "$FILE"
    Require all granted
</Location>
ScriptAlias "/app/" "\@FOLDER\@/cgi-bin/"
ScriptAlias "/open/" "\@FOLDER\@/cgi-bin/"
<LocationMatch "^/(app|static)/">
    AuthType SecSession
    Require valid-user
</LocationMatch>
SecSession On
CONFIG
my @PAGE = (files => { 'static/page.html' => "<p>private</p>\n" });

# The first one is the harness's own.
my @hosts = as_host('ServerName localhost', 'SecSessionRealm localhost',
    'SecSessionCookie __Host-secsession');
push @hosts, as_host('ServerName inherits.example');
for my $n (0 .. $#EFFECTS) {
    push @hosts, as_host("ServerName own$n.example", "$EFFECTS[$n][0] $EFFECTS[$n][4]");
}
push @hosts, as_host('ServerName more.example', <<"CONFIG");
SecSessionForward X-Own
<Location "/own-login">
    SetHandler secsession-login
    AuthUserFile "$OWN_FILE"
    Require all granted
</Location>
CONFIG
push @hosts, as_host('ServerName database.example', qq{DBDParams "$DATABASE application_name=own"},
    map { "$_->[0] $_->[2]" } @AGREED);

# If a directive is not inherited, the servers do not agree: better said by its name than by httpd.
my ($agree, $said) =
    Secsession::Httpd->new(postgres => $postgres, config => $MAIN)->configtest(join '', @hosts);
ok $agree, 'virtual hosts inherit all that servers with one database must agree on'
    or die $said;
our $httpd = Secsession::Httpd->start(postgres => $postgres, config => $MAIN,
    vhosts => join('', @hosts), @PAGE);

# --- what each directive does --------------------------------------------------------------------

sub browser_at {
    my ($host) = @_;
    return $httpd->client(host => $host, cookie_name => $host =~ /^own1\b/ ? 'own' : 'main');
}

sub log_in {
    my ($host, $user, $path) = @_;
    my $client = browser_at($host);
    return ($client, $client->login($user, password_of('alice'), path => $path // '/login'));
}

sub page { return $_[0]->get('/static/page.html') }

sub realm {
    my ($host) = @_;
    return page(browser_at($host))->header('WWW-Authenticate') =~ /realm="(.*)"/ ? $1 : '';
}

sub cookie {
    my ($host) = @_;
    my ($client, $response) = log_in($host, next_user());
    my ($name, $same_site) = $response->header('Set-Cookie') =~ /^([^=]*)=.*SameSite=(\w+)/;
    return "$name $same_site";
}

# When the next token is offered, and how long the one before is then served.
sub rotation {
    my ($host) = @_;
    my ($client) = log_in($host, next_user());
    my $id = $postgres->of_token('session_id', $client->token);
    for my $minutes (10, 13, 16) {
        $postgres->psql("update secsession.session set rotated_at = now() - interval '$minutes min'
            where session_id = '$id'");
        has_heard($postgres);
        next unless page($client)->header('Set-Cookie');
        my $grace = $postgres->value("select offered_grace from secsession.token
            where session_id = '$id' and offered_grace is not null");
        return "${minutes}m ${grace}s";
    }
    return 'never';
}

sub crowd {
    my ($host) = @_;
    my $user = next_user();
    my ($first, $one) = log_in($host, $user);
    my ($second, $other) = log_in($host, $user);
    has_heard($postgres);
    return join ' ', map { $_->status } $one, $other, page($first);
}

sub throttle {
    my ($host) = @_;
    my $user = next_user();
    return join ' ', map { browser_at($host)->login($user, 'wrong')->status } 1 .. 3;
}

sub statements {
    my ($host) = @_;
    my ($client) = log_in($host, next_user());
    page($client);
    my $before = $postgres->statements('httpd_web', qr/lookup/);
    page($client) for 1 .. 3;
    my $count = $postgres->statements('httpd_web', qr/lookup/) - $before;
    return { 0 => 'none', 3 => 'one each' }->{$count} // $count;
}

# --- the tests -----------------------------------------------------------------------------------

my $tester = Secsession::Httpd->new(postgres => $postgres, config => $MAIN, without => ['dbd']);

for my $n (0 .. $#EFFECTS) {
    my ($directive, $probe, $main, $seen_main, $own, $seen_own) = @{ $EFFECTS[$n] };
    is $probe->('inherits.example'), $seen_main, "$directive $main of the main server";
    is $probe->("own$n.example"), $seen_own, "$directive $own of a virtual host's own";
}

subtest 'what a virtual host says of its connection' => sub {
    my ($client) = log_in('database.example', next_user());
    is page($client)->status, 200, 'it serves';
    is $postgres->value("select count(*) > 0 from pg_stat_activity
        where application_name = 'own'"), 't', 'through a connection of its own';
    my ($ok, $said) = $tester->configtest(as_host('ServerName sqlite.example', 'DBDriver sqlite3'));
    ok !$ok, 'with another driver';
    like $said, qr/SS301: /, 'it is told that there are no sessions';
};

for my $agreed (@AGREED) {
    my ($directive, undef, $other) = @$agreed;
    my $host = as_host('ServerName other.example', "$directive $other");
    my ($ok, $said) = $tester->configtest($host);
    ok !$ok, "$directive: a virtual host that has its own is refused beside the others";
    like $said, qr/SS304: .* the same \Q$directive\E,/, "$directive: and httpd says why";
}

subtest 'SecSessionCache Off of the main server' => sub {
    my $config = $MAIN =~ s/SecSessionCache On/SecSessionCache Off/r;
    local $httpd = Secsession::Httpd->start(postgres => $postgres, config => $config,
        vhosts => as_host('ServerName inherits.example'), @PAGE);
    is statements('inherits.example'), 'one each', 'of a virtual host, too';
};

subtest 'a virtual host alone may have sessions' => sub {
    my $config = $MAIN =~ s/^SecSession On\n//mr;
    local $httpd = Secsession::Httpd->start(postgres => $postgres, config => $config,
        vhosts => as_host('ServerName alone.example', 'SecSession On'), @PAGE);
    my ($client) = log_in('alone.example', next_user());
    is page($client)->status, 200, 'where the main server has none';
};

subtest 'the headers that name users come from nobody else, whichever server says so' => sub {
    my ($client) = log_in('more.example', next_user());
    my @lies = map { [ $_ => 'root' ] } qw(X-Main X-Own);
    my $seen = environment_of($client->get('/app/show', headers => \@lies));
    is $seen->{HTTP_X_OWN}, $seen->{REMOTE_USER}, 'its own says who it is';
    is $seen->{HTTP_X_MAIN}, undef, 'the main server\'s is taken out';
    $seen = environment_of(browser_at('more.example')->get('/open/show', headers => \@lies));
    is_deeply [ grep { /X_(?:MAIN|OWN)/ } keys %$seen ], [], 'both are, where there is nobody';
};

subtest 'the records of users are found, whichever server names their file' => sub {
    for my $path (qw(/login /own-login)) {
        my ($client) = log_in('more.example', next_user(), $path);
        my $id = $postgres->of_token('session_id', $client->token);
        $postgres->psql("update secsession.session set credential_stamp = credential_stamp,
            stamp_checked_at = stamp_checked_at - interval '61 s' where session_id = '$id'");
        $postgres->psql("select secsession.announce(left(replace('$id', '-', ''), 16))");
        has_heard($postgres);
        is page($client)->status, 200, "who has logged in at $path stays in when it is looked for";
    }
};

subtest 'there is room for the vault in the cache' => sub {
    my ($client) = log_in('inherits.example', next_user());
    $client->get('/app/headers?Set-Cookie:%20vault=1');
    my $cookie = sub { environment_of($client->get('/app/show'))->{HTTP_COOKIE} };
    is $cookie->(), 'vault=1', 'the application has it';
    my $before = $postgres->statements('httpd_web', qr/vault/);
    is $cookie->(), 'vault=1', 'again';
    is $postgres->statements('httpd_web', qr/vault/), $before, 'without a statement';
};

done_testing;
