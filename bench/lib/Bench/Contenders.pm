# Who takes part: bare httpd, mod_secsession, and what httpd itself has. Bench::OpenID and
# Bench::PHP add theirs.
#
#   ($chosen, $missing) = choose(key => 1, ...)    bare httpd and these, or all; $missing: lines
#                                                  that say who cannot
#   $bench = prepare(\%option)                     what they share: the database, the users, the
#                                                  option
#   $contender = start($chosen, $bench)            its server runs and somebody has logged in; see
#                                                  Bench::Load
#
# Each peer is set up as its users would want it to be fast. mod_auth_form has
# AuthFormSitePassphrase: without it, it checks the password again at every request.
package Bench::Contenders;

use strict;
use warnings;

use Bench::Httpd qw(httpd basic_config basic_header);
use Bench::OpenID;
use Bench::PHP;
use Secsession::Httpd;
use Secsession::Postgres;
use Secsession::Process qw(run scratch spew checkout am_root);

my $PASSWORD = 'correct-horse';

# needs: packages, each with a file by which one sees that it is there; sessions: uses those of
# Bench::Sessions; open: lets everybody in; beside: whom else to compare it with.
my @CONTENDERS = (
    { key => 'bare', name => 'bare httpd', start => \&bare, open => 1 },
    {
        key => 'same-bytes',
        name => 'bare httpd with the same cookie, `<Location>` and `Cache-Control`',
        start => \&same_bytes, open => 1
    },
    {
        key => 'cache', name => 'mod_secsession', start => \&cache, sessions => 1,
        beside => 'same-bytes'
    },
    {
        key => 'no-cache', name => 'mod_secsession, `SecSessionCache Off`', start => \&no_cache,
        sessions => 1
    },
    {
        key => 'unknown', name => 'mod_secsession, a cookie that no session has',
        start => \&unknown, sessions => 1
    },
    {
        key => 'keys', name => 'mod_secsession, `SecSessionKeys`', start => \&logged_in_with_keys,
        beside => 'same-bytes'
    },
    {
        key => 'unknown-keys', name => 'mod_secsession, `SecSessionKeys`, a cookie that was made up',
        start => \&unknown_keys
    },
    { key => 'basic', name => 'AuthType Basic, bcrypt of cost 5', start => \&basic },
    {
        key => 'adopt', name => 'the same with `SecSessionAdopt`, `SecSessionKeys` and no cookie',
        start => \&adopt, beside => 'basic'
    },
    { key => 'form-cookie', name => 'mod_auth_form, mod_session_cookie', start => \&form_cookie },
    {
        key => 'form-crypto', name => 'mod_auth_form, mod_session_cookie, mod_session_crypto',
        start => \&form_crypto
    },
    { key => 'form-dbd', name => 'mod_auth_form, mod_session_dbd', start => \&form_dbd },
    Bench::OpenID::contenders(),
    Bench::PHP::contenders(),
);
my @TOOLS = ([ 'wrk', '/usr/bin/wrk' ], [ 'apache2-utils', '/usr/bin/htpasswd' ]);

# --- who can -------------------------------------------------------------------------------------

sub is_there { return scalar grep { -e } glob $_[0][1] }

# One after the other: what cannot be had must not keep the rest away.
sub install {
    my %packages = map { $_->[0] => 1 } grep { !is_there($_) } @_;
    for my $package (am_root() ? sort keys %packages : ()) {
        my (undef, $out, $err) = run([ checkout() . '/.ci/deps', $package ], timeout => 900);
        print STDERR $out, $err;
    }
    return;
}

sub choose {
    my (%only) = @_;
    my %known = map { $_->{key} => 1 } @CONTENDERS, { key => 'login' };
    my ($strange) = grep { !$known{$_} } keys %only;
    die "nobody is called $strange; there are: @{[ sort keys %known ]}\n" if defined $strange;
    my @wanted = grep { !%only || $_->{key} eq 'bare' || $only{ $_->{key} } } @CONTENDERS;
    install(@TOOLS, map { @{ $_->{needs} // [] } } @wanted);
    my @tools = map { $_->[0] } grep { !is_there($_) } @TOOLS;
    die "not installed: @tools\n" if @tools;
    my (@chosen, @missing);
    for my $contender (@wanted) {
        my @needed = map { $_->[0] } grep { !is_there($_) } @{ $contender->{needs} // [] };
        push @missing, "left out: $contender->{name}: not installed: @needed" if @needed;
        push @chosen, $contender unless @needed;
    }
    return (\@chosen, \@missing);
}

# With fsync, as a database that keeps sessions runs.
sub database {
    return Secsession::Postgres->start(
        durable => 1,
        settings => {
            track_functions => 'none', shared_buffers => '256MB', max_connections => 500,
            max_wal_size => '4GB',
        }
    )->install;
}

# With the work factor of bcrypt that is asked for.
sub users_file {
    my ($cost) = @_;
    my ($exit, $line, $err) = run([ 'htpasswd', '-nbB', "-C$cost", 'alice', $PASSWORD ]);
    die "htpasswd: $err\n" if $exit;
    return spew(scratch('users') . '/users', $line);
}

sub prepare {
    my ($option) = @_;
    die "no build/mod_secsession.so: make\n" unless -e Secsession::Httpd::module_path();
    my $bench = { %$option, users => users_file(5), password => $PASSWORD, postgres => database() };
    $bench->{postgres}
        ->psql('create table session (key text primary key, value text, expiry bigint);'
            . 'grant all on session to httpd_web');
    return $bench;
}

# What lets everybody in would be compared with what does not.
sub start {
    my ($chosen, $bench) = @_;
    my $contender =
        { %$chosen, lines => [''], path => '/in/page.txt', %{ $chosen->{start}->($bench) } };
    my $stranger = $contender->{httpd}->get($contender->{path})->status;
    die "$chosen->{name} answers a stranger with $stranger\n"
        if $stranger == 200 && !$chosen->{open};
    return $contender;
}

# --- servers -------------------------------------------------------------------------------------

sub bare {
    my ($bench) = @_;
    return { httpd => httpd($bench) };
}

# What httpd itself takes for the bytes and the configuration that a session comes with.
sub same_bytes {
    my ($bench) = @_;
    my $cookie = 'Cookie: __Host-secsession=' . 'A' x 43;
    return { lines => [$cookie], httpd => httpd($bench, config => <<"CONFIG") };
<Location "/in/">
    Require all granted
    Header set Cache-Control no-store
</Location>
CONFIG
}

sub ours {
    my ($bench, $config) = @_;
    return httpd($bench, module => 1, postgres => $bench->{postgres}, config => <<"CONFIG");
SecSession On
$config
<Location "/login">
    SetHandler secsession-login
    AuthUserFile "$bench->{users}"
</Location>
<Location "/in/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require valid-user
</Location>
CONFIG
}

sub with_sessions {
    my ($bench, $httpd) = @_;
    my @lines = map { "Cookie: __Host-secsession=$_" } @{ $bench->{cookies} };
    return { httpd => $httpd, postgres => $bench->{postgres},
        others => [ $bench->{postgres}->pid ], lines => \@lines };
}

# The defaults, unless a bench has reasons. It serves the unknown cookie too.
sub cache {
    my ($bench) = @_;
    return with_sessions($bench, $bench->{cache} //= ours($bench, $bench->{cache_config} // ''));
}

sub no_cache {
    my ($bench) = @_;
    return with_sessions($bench, ours($bench, 'SecSessionCache Off'));
}

sub unknown {
    my ($bench) = @_;
    my $cookie = '__Host-secsession=' . 'A' x 43;
    return { %{ cache($bench) }, lines => ["Cookie: $cookie"], status => 401 };
}

sub keys_file {
    my ($bench) = @_;
    my $keys = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
    chown scalar getpwnam($bench->{started_by}), -1, $keys if $bench->{started_by};
    return $keys;
}

# Tokens that only httpd can make: somebody logs in.
sub with_keys {
    my ($bench) = @_;
    my $keys = keys_file($bench);
    return $bench->{with_keys} //=
        ours($bench, qq(SecSessionKeys "$keys"\n) . ($bench->{cache_config} // ''));
}

sub logged_in_with_keys {
    my ($bench) = @_;
    my $httpd = with_keys($bench);
    my $client = $httpd->client(timeout => 30);
    $client->login('alice', $bench->{password});
    return { httpd => $httpd, postgres => $bench->{postgres},
        others => [ $bench->{postgres}->pid ],
        lines => [ 'Cookie: __Host-secsession=' . $client->token ] };
}

sub unknown_keys {
    my ($bench) = @_;
    my $cookie = '__Host-secsession=' . 'A' x 64;
    return { httpd => with_keys($bench), lines => ["Cookie: $cookie"], status => 401 };
}

sub basic {
    my ($bench) = @_;
    my $httpd = httpd($bench, config => basic_config($bench, '/in/'));
    return { httpd => $httpd, lines => [ basic_header($bench) ] };
}

# A client that sends its password with each request, and keeps no cookie.
sub adopt {
    my ($bench) = @_;
    my $keys = keys_file($bench);
    my $config = "SecSession On\nSecSessionKeys \"$keys\"\n" . basic_config($bench, '/in/')
        . qq(<Location "/in/">\n    SecSessionAdopt On\n</Location>\n);
    my $httpd = httpd($bench, module => 1, postgres => $bench->{postgres}, config => $config);
    return { httpd => $httpd, postgres => $bench->{postgres},
        others => [ $bench->{postgres}->pid ], lines => [ basic_header($bench) ] };
}

# --- mod_auth_form -------------------------------------------------------------------------------

sub form {
    my ($bench, $modules, $config, %opt) = @_;
    my $form = <<"CONFIG";
    AuthType form
    AuthName bench
    AuthFormProvider file
    AuthFormSitePassphrase bench
    AuthUserFile "$bench->{users}"
CONFIG
    my $httpd = httpd($bench, %opt, modules => [ qw(session auth_form request), @$modules ],
        config => <<"CONFIG");
Session On
SessionMaxAge 1800
$config
<Location "/login">
$form
    SetHandler form-login-handler
    AuthFormLoginSuccessLocation /page.txt
</Location>
<Location "/in/">
$form
    Require valid-user
</Location>
CONFIG
    return { httpd => $httpd, lines => [ 'Cookie: session=' . form_login($httpd, $bench) ] };
}

sub form_login {
    my ($httpd, $bench) = @_;
    my $client = $httpd->client(cookie_name => 'session');
    $client->post_form('/login',
        { httpd_username => 'alice', httpd_password => $bench->{password} });
    return $client->token // die "no login with mod_auth_form\n";
}

my $COOKIE = 'SessionCookieName session path=/';

sub form_cookie {
    my ($bench) = @_;
    return form($bench, ['session_cookie'], $COOKIE);
}

sub form_crypto {
    my ($bench) = @_;
    return form($bench, [qw(session_cookie session_crypto)],
        "$COOKIE\nSessionCryptoDriver openssl\nSessionCryptoPassphrase only-for-the-benchmark");
}

sub form_dbd {
    my ($bench) = @_;
    my $postgres = $bench->{postgres};
    my $form = form($bench, ['session_dbd'], <<"CONFIG", postgres => $postgres);
DBDPrepareSQL "delete from session where key = %s" deletesession
DBDPrepareSQL "update session set value = %s, expiry = %lld, key = %s where key = %s" updatesession
DBDPrepareSQL "insert into session (value, expiry, key) values (%s, %lld, %s)" insertsession
DBDPrepareSQL "select value from session where key = %s and (expiry = 0 or expiry > %lld)" selectsession
SessionDBDCookieName session path=/
CONFIG
    return { %$form, postgres => $postgres, others => [ $postgres->pid ] };
}

1;
