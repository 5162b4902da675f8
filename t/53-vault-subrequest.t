# The vault and subrequests: each part of a page gets the cookies of its own location, even if the
# page itself has no vault; and a request gets them even if mod_rewrite has made subrequests
# before.
use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(
    modules => [qw(include)],
    files =>
        { 'page.shtml' => join '', map { "<!--#include virtual=\"/v/show?$_\" -->\n" } 1 .. 20 },
    config => <<'CONFIG',
RewriteEngine On
RewriteCond %{LA-U:REMOTE_USER} ^alice$
RewriteRule ^/v/ - [E=AHEAD:alice]
ScriptAlias "/v/" "@FOLDER@/cgi-bin/"
<Location "/v/">
    SecSessionVault PHPSESSID
    AuthType SecSession
    Require valid-user
</Location>
<Location "/page.shtml">
    Options +Includes
    SetOutputFilter INCLUDES
    SetHandler default-handler
    ForceType text/html
</Location>
CONFIG
);
my $alice = browser($httpd, 'alice');
my $value = 'v' x 200;
$alice->get("/v/headers?Set-Cookie:%20PHPSESSID=$value;%20Path=/");
is environment_of($alice->get('/v/show'))->{HTTP_COOKIE}, "PHPSESSID=$value",
    'the vault keeps a cookie';
my $page = $alice->get('/page.shtml')->body;
is scalar(() = $page =~ /^HTTP_COOKIE=PHPSESSID=$value$/mg), 20, 'each part of a page gets it';
unlike $page, qr/^HTTP_COOKIE=(?!PHPSESSID=$value$)/m, 'and nothing else';

for my $n (1 .. 5) {
    my $environment = environment_of($alice->get("/v/show?$n"));
    is $environment->{AHEAD}, 'alice', 'mod_rewrite looks ahead';
    is $environment->{HTTP_COOKIE}, "PHPSESSID=$value", 'and the request gets its cookie';
}

done_testing;
