# A link logs out only who has asked for its address: no page that the user wanted to see leads to
# the logout in secret, not even on our own site, by whichever way httpd goes there by itself.

use lib 't/lib';
use Secsession::Test;

my %HTACCESS = (
    rewrite => "RewriteEngine On\nRewriteRule ^page.html /logout [L]\n",
    index => "DirectoryIndex /logout\n",
    fallback => "FallbackResource /logout\n",
    error => "ErrorDocument 404 /logout\n",
);
my %PATH = (rewrite => 'page.html', index => '', fallback => 'none', error => 'none',
    ssi => 'page.shtml');

my ($postgres, $httpd) = start_servers(
    modules => [qw(include dir)],
    files => {
        (map { ("$_/.htaccess" => $HTACCESS{$_}, "$_/page.html" => 'x') } keys %HTACCESS),
        'logout' => 'x',
        'ssi/page.shtml' => '<!--#include virtual="/logout" -->',
    },
    config => <<'CONFIG');
<Directory "@FOLDER@/htdocs">
    AllowOverride All
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
</Directory>
RewriteEngine On
RewriteRule ^/server$ /logout [PT]
CONFIG

my @LINK = map { [ "Sec-Fetch-$_->[0]" => $_->[1] ] }
    [ Site => 'same-origin' ], [ Mode => 'navigate' ], [ Dest => 'document' ];
my $alice = browser($httpd, 'alice');
sub is_there { return $alice->get('/app/show')->status == 200 }

subtest 'a page that leads to the logout asks, like a link from elsewhere' => sub {
    for my $path ((map { "/$_/$PATH{$_}" } sort keys %PATH), '/server') {
        my $answer = $alice->get($path, headers => \@LINK);
        like $answer->body, qr/<h1>Log out<\/h1>/, "$path: the question";
        ok is_there(), "$path: alice stays";
    }
};

subtest 'the address itself does not' => sub {
    is $alice->get('/lo%67out?x=1', headers => \@LINK)->status, 303, 'in whatever spelling';
    ok !is_there(), 'alice is logged out';
};

done_testing;
