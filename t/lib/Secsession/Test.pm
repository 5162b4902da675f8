# What a test file uses: strict, warnings, Test::More, and the standard pair of servers.
#
#   use Secsession::Test;
#   my ($postgres, $httpd) = start_servers(%opt);
#   my $alice = browser($httpd, 'alice');                # logged in; without a name: nobody yet
#   is $alice->get('/app/show')->status, 200, '...';
#   wait_until { $alice->get('/app/show')->status == 303 } 'a revoked session is refused';
#   done_testing;
#
# start_servers takes the options of Secsession::Httpd, and
#   throttle => '5 5m'                              SecSessionLoginThrottle; else Off
#   app => $text, login => $text, logout => $text   more lines of those <Location>s
#   database => { ... }                             options of Secsession::Postgres
# The layout: /login and /logout (the module's handlers); /app/PROGRAM, CGI that requires a user;
# /pub/PROGRAM, the same CGI without; /pub/page.html and /static/page.html (requires a user), files.
#
# wait_until { condition } $name is a test: it passes as soon as the condition is true. How long that
# takes is no matter.
# is_same_set(\@got, \@wanted, $name) compares lists in any order, and names what is missing or extra.
# has_heard($postgres) returns when every server has heard of every change committed so far.
# password_of('alice'), password_of('bob'); users_file($folder) writes their htpasswd file.
# environment_of($response) is the environment that the program `show` saw, as a hash.
# id_of($client) is the id of the client's session, as applications see it.
# basic_header('alice', $password) is the header field of AuthType Basic; without a password: hers.
package Secsession::Test;

use strict;
use warnings;

use MIME::Base64 'encode_base64';
use Secsession::Client;
use Secsession::Httpd;
use Secsession::Postgres;
use Secsession::Process qw(await scratch spew);
use Test::More;

my @EXPORT =
    qw(start_servers browser wait_until lease_ends is_same_set has_heard password_of users_file
    environment_of id_of basic_header);

# bcrypt at its lowest cost, so that a login takes a millisecond.
my %USERS = (
    alice => [ 'correct horse', '$2y$04$HS0bnvTrGzyqRNgrdNHzjuE6Xxfs9TCUkFFNYfpJhGgJcA4yW.37W' ],
    bob => [ 'battery staple', '$2y$04$D7fzdRAnng1OR7YPy1uSKO2TXwmfVAr7KHyEdd4fc0hQ65d0DThYq' ],
);

sub import {
    my $caller = caller;
    strict->import;
    warnings->import;
    no strict 'refs';
    *{"${caller}::$_"} = \&{$_} for @EXPORT;
    eval "package $caller; Test::More->import; 1" or die $@;
    return;
}

sub wait_until(&$) {
    my ($condition, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(scalar(await { $condition->() }), $name);
}

# A response that is under way at that moment is cut, and the next one tells.
sub lease_ends(&$) {
    my ($ask, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_until { my $response = eval { $ask->() }; $response && $response->status == 503 } $name;
}

sub is_same_set {
    my ($got, $wanted, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (%got, %wanted);
    $got{$_}++ for @$got;
    $wanted{$_}++ for @$wanted;
    my @missing = grep { ($got{$_} // 0) < $wanted{$_} } sort keys %wanted;
    my @extra = grep { ($wanted{$_} // 0) < $got{$_} } sort keys %got;
    return ok(!@missing && !@extra, $name) || diag("missing: @missing\nextra: @extra");
}

sub password_of { return $USERS{ $_[0] }[0] }

sub users_file {
    my ($folder) = @_;
    return spew("$folder/users", join '', map { "$_:$USERS{$_}[1]\n" } sort keys %USERS);
}

sub standard_config {
    my (%opt) = @_;
    my ($app, $login, $logout, $config) = map { $_ // '' } @opt{qw(app login logout config)};
    my $users = users_file(scratch('users'));
    return <<"CONFIG";
SecSession On
SecSessionLoginThrottle @{[ $opt{throttle} // 'Off' ]}
<Location "/login">
    SetHandler secsession-login
    AuthUserFile "$users"
    Require all granted
    $login
</Location>
<Location "/logout">
    SetHandler secsession-logout
    Require all granted
    $logout
</Location>
ScriptAlias "/app/" "\@FOLDER\@/cgi-bin/"
ScriptAliasMatch "^/pub/(show|slow|headers)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
<LocationMatch "^/(app|static)/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require valid-user
    $app
</LocationMatch>
$config
CONFIG
}

sub start_servers {
    my (%opt) = @_;
    my $postgres = Secsession::Postgres->start(%{ delete $opt{database} // {} })->install;
    my $config = standard_config(%opt);
    delete @opt{qw(app login logout throttle)};
    my %files = ('pub/page.html' => "<p>public</p>\n", 'static/page.html' => "<p>private</p>\n",
        %{ $opt{files} // {} });
    return ($postgres,
        Secsession::Httpd->start(%opt, postgres => $postgres, config => $config, files => \%files));
}

sub browser {
    my ($httpd, $user, %opt) = @_;
    my $client = $httpd->client(%opt);
    return $client unless defined $user;
    my $response;
    # On a slow machine PostgreSQL may not answer before the module's deadline.
    await { ($response = $client->login($user, password_of($user)))->status != 503 };
    die "$user cannot log in: " . $response->status . "\n" unless $response->status == 303;
    return $client;
}

# A heartbeat that begins after now brings it, and has been obeyed when the next one begins. Where no
# server listens, nothing is cached.
sub has_heard {
    my ($postgres) = @_;
    for (1 .. 2) {
        my $now = $postgres->psql('select clock_timestamp()');
        await {
            $postgres->psql("select coalesce(bool_and(query_start > '$now'), true)
                from pg_stat_activity where application_name = 'mod_secsession feed'") eq 't'
        }
        or die "a server does not listen\n";
    }
    return;
}

sub environment_of {
    my ($response) = @_;
    my ($lines) = split /\n\n/, $response->body;
    return { map { /^([^=]+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $lines // '' };
}

sub basic_header {
    my ($user, $password) = @_;
    $password //= password_of($user);
    return [ Authorization => 'Basic ' . encode_base64("$user:$password", '') ];
}

sub id_of { return environment_of($_[0]->get('/pub/show'))->{SECSESSION_ID} }

1;
