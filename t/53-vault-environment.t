# The cookies of a vault are in the environment of the programs at its own place, and of no others:
# not if httpd goes on from there to another place by itself, nor if a page there includes another.

use lib 't/lib';
use Secsession::Test;

my ($postgres, $httpd) = start_servers(
    modules => [qw(include)],
    cgi => { go => 'print "Location: $ENV{QUERY_STRING}\n\n";' },
    files => { 'v/page.shtml' => '<!--#include virtual="/free/show" -->' },
    config => <<'CONFIG');
ScriptAliasMatch "^/(?:v|free)/(show|headers|go)$" "@FOLDER@/cgi-bin/$1"
<Location "/v/">
    SecSessionVault PHPSESSID
</Location>
<Location "/v/page.shtml">
    Options +Includes
    SetOutputFilter INCLUDES
    ForceType text/html
</Location>
CONFIG

my $alice = browser($httpd, 'alice');
$alice->get('/v/headers?Set-Cookie:%20PHPSESSID=vaulted;%20Path=/');
is environment_of($alice->get('/v/show'))->{HTTP_COOKIE}, 'PHPSESSID=vaulted', 'the vault has one';

my %GO = (
    'a redirect by CGI' => '/v/go?/free/show',
    'two of them' => '/v/go?/v/go?/free/show',
    'one in between' => '/v/go?/free/go?/free/show',
    'a page that includes it' => '/v/page.shtml',
);
for my $own (undef, 'own=1') {
    my $client = $alice->clone;
    $client->keep_cookies($own) if $own;
    for my $way (sort keys %GO) {
        my $seen = environment_of($client->get($GO{$way}));
        my $test = $own ? "$way, with a cookie of its own" : $way;
        is $seen->{SCRIPT_NAME}, '/free/show', "$test: it comes there";
        is $seen->{HTTP_COOKIE}, $own, "$test: HTTP_COOKIE";
        is_deeply [ grep { $seen->{$_} =~ /vaulted/ } sort keys %$seen ], [], "$test: no other";
    }
}
is environment_of($alice->get('/free/go?/v/show'))->{HTTP_COOKIE}, 'PHPSESSID=vaulted',
    'the way to the vault is open';

done_testing;
