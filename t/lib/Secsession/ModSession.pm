# httpd's own mod_session, and mod_auth_form on top of it, with our sessions below.
#
# my ($postgres, $httpd) = start_mod_session(); /form/, /admin/ ... require a login with
# mod_auth_form
# logs_in($client, 'alice', $path) posts the form; $path: /do-login, or a page that requires a user
#   form_browser('alice')                a client that has logged in so
#   user_seen($response)                 the user that the program `show` saw
# keeps($client, 'colour=red') an application has mod_session keep that; kept_in($client) is what
# it keeps
#   credentials('alice', $password)      the fields of the form
#   config()                             the text that start_mod_session adds to the configuration
package Secsession::ModSession;

use strict;
use warnings;

use Exporter 'import';
use Secsession::Process 'scratch';
use Secsession::Programs 'answering';
use Secsession::Test ();

our @EXPORT = qw(start_mod_session credentials logs_in user_seen keeps kept_in form_browser);
our @MODULES = qw(session session_cookie session_crypto auth_form authn_dbd request);

my $PLACES = 'form|aged|admin|short|kept|env|basic|by-database|cookie|other|crypto';
my $USERS = Secsession::Test::users_file(scratch('form'));
my $httpd;

# Has something kept, after a while.
my %CGI = (keeper => <<'CGI');
open my $started, '>', "$state/keeper.started" or die $!;
close $started;
my $end = time + 30;
select undef, undef, undef, 0.01 until -e "$state/keeper.go" || time > $end;
print "Content-Type: text/plain\nX-Replace: colour=blue\n\nkept\n";
CGI

sub start_mod_session {
    my ($postgres);
    ($postgres, $httpd) = Secsession::Test::start_servers(cgi => \%CGI, modules => \@MODULES,
        database => { log_statements => 1 }, config => config());
    return ($postgres, $httpd);
}

sub users { return $USERS }
sub credentials {
    return { httpd_username => $_[0],
        httpd_password => $_[1] // Secsession::Test::password_of($_[0]) };
}
sub logs_in {
    my ($client, $user, $path) = @_;
    return $client->post_form($path // '/do-login', credentials($user));
}
sub user_seen { return Secsession::Test::environment_of($_[0])->{REMOTE_USER} }
sub kept_in {
    return Secsession::Test::environment_of($_[0]->get('/env/show'))->{HTTP_SESSION} // '';
}
sub keeps { my ($client, $what) = @_; return $client->get(answering('kept', "X-Replace: $what")) }

sub form_browser {
    my ($user) = @_;
    my $client = $httpd->client;
    my $response = logs_in($client, $user);
    die 'no login: ' . $response->status unless $response->status == 302 && $client->token;
    return $client;
}

sub config {
    my $form = <<"CONFIG";
AuthType Form
AuthUserFile "$USERS"
Session On
CONFIG
    return <<"CONFIG";
ScriptAliasMatch "^/(?:$PLACES)/(show|keeper|headers)(.*)\$" "\@FOLDER\@/cgi-bin/\$1\$2"
<LocationMatch "^/(form|short|do)">
    $form
    AuthName staff
    AuthFormLoginRequiredLocation "/pub/page.html"
</LocationMatch>
<Location "/form/">
    Require valid-user
</Location>
<Location "/short/">
    Require valid-user
    SecSessionIdleTimeout 5m
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
<Location "/aged/">
    $form
    AuthName staff
    SessionMaxAge 3600
    Require valid-user
</Location>
<Location "/admin/">
    $form
    AuthName admin
    Require valid-user
</Location>
<LocationMatch "^/(by-database|do-login-by-database)">
    $form
    AuthFormProvider dbd
    AuthDBDUserPWQuery "select password from app_user where name = %s"
    AuthName staff
</LocationMatch>
<Location "/by-database/">
    Require valid-user
</Location>
<Location "/do-login-by-database">
    SetHandler form-login-handler
    Require all granted
</Location>
<Location "/basic/">
    AuthType Basic
    AuthName basic
    AuthUserFile "$USERS"
    SecSessionAdopt On
    Session On
    SessionEnv On
    Require valid-user
</Location>
<Location "/kept/">
    Session On
    SessionHeader X-Replace
    SessionEnv On
    Require all granted
</Location>
<LocationMatch "^/(cookie|other|crypto)/">
    Session On
    SessionHeader X-Replace
    SessionEnv On
    Require all granted
</LocationMatch>
<LocationMatch "^/(cookie|other)/">
    SessionCookieName theirs path=/
</LocationMatch>
<Location "/other/">
    SecSession Off
</Location>
<Location "/crypto/">
    SessionCryptoPassphrase only-for-tests
</Location>
<Location "/env/">
    Session On
    SessionEnv On
    Require all granted
</Location>
CONFIG
}

1;
