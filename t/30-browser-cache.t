# What a browser may keep during a session, so that not every page loads everything again: what an
# application marks for everybody, and files. Pages it does not keep, and nobody else keeps anything.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Programs 'answering';

my %FILES = (
    map {
        my $place = $_;
        map { ("$place/$_" => "/* $place $_ */\n") }
            qw(style.css code.js a.txt keep.css check.css none.css page.html lead.css)
    } qw(pub static)
);
my %CGI = (
    lead => "print \"Location: /pub/lead.css\\n\\n\";\n",
    view => <<'PERL',
print "Content-Type: text/html\n\n<!DOCTYPE html><title>View $ENV{QUERY_STRING}</title>",
    '<link rel="stylesheet" href="/pub/style.css"><link rel="stylesheet" href="/static/style.css">',
    '<script src="/app/code"></script><a href="/logout">Log out</a>', "\n";
PERL
    code => <<'PERL',
print "Content-Type: text/javascript\nCache-Control: public, max-age=600\n\nwindow.ran = 1;\n";
PERL
);
my ($postgres, $httpd) = start_servers(
    modules => [qw(headers expires)], logout => 'SecSessionLogoutHome /pub/page.html', files => \%FILES, cgi => \%CGI,
    config => <<'CONFIG');
<Directory "@FOLDER@/htdocs">
    AddType text/css .css
    AddType text/javascript .js
</Directory>
ScriptAlias "/pub/lead" "@FOLDER@/cgi-bin/lead"
<LocationMatch "/keep.css$">
    ExpiresActive On
    ExpiresDefault "access plus 10 minutes"
</LocationMatch>
<LocationMatch "/check.css$">
    Header set Cache-Control "no-cache"
</LocationMatch>
<LocationMatch "/none.css$">
    Header set Cache-Control "no-store"
</LocationMatch>
<LocationMatch "^/vault/">
    SecSessionVault APPID
</LocationMatch>
ScriptAlias "/vault/" "@FOLDER@/cgi-bin/"
<Location "/pub/error/">
    ErrorDocument 404 /pub/style.css
</Location>
CONFIG

# A browser believes a file for a tenth of its age.
my $YESTERDAY = time - 86400;
utime $YESTERDAY, $YESTERDAY, $httpd->document_root . '/pub/style.css' or die $!;

sub said { return join ' | ', $_[0]->all_headers('Cache-Control') }
sub dest { return [ [ 'Sec-Fetch-Mode' => 'no-cors' ], [ 'Sec-Fetch-Dest' => $_[0] ] ] }
my $SHOWN = [ [ 'Sec-Fetch-Mode' => 'navigate' ], [ 'Sec-Fetch-Dest' => 'document' ] ];
my $LATER = 'Expires: Fri, 01 Jan 2100 00:00:00 GMT';

subtest 'what an application marks for everybody' => sub {
    my $alice = browser($httpd, 'alice');
    my @cases = (
        [ 'private' => 'Cache-Control: public' ],
        [ 'private, max-age=600' => 'Cache-Control: public, max-age=600' ],
        [ 'private, max-age=60' => 'Cache-Control: max-age=60, s-maxage=3600' ],
        [ 'private, Max-Age=60, immutable' => 'Cache-Control: PUBLIC,Max-Age=60,,immutable' ],
        [ 'private, immutable' => 'Cache-Control: immutable' ],
        [ 'private, max-age=0' => 'Cache-Control: public, max-age=0' ],
        [ 'private, max-age=9' => 'Cache-Control: public', 'Cache-Control: max-age=9' ],
        [ 'private' => $LATER ],
        [ 'private, must-revalidate' => $LATER, 'Cache-Control: must-revalidate' ],
        [ 'private, max-age=60' => 'Cache-Control: max-age=60', 'Surrogate-Control: max-age=60' ],
        [ 'private, max-age=60' => 'Cache-Control: max-age=60', 'Vary: Accept-Encoding' ],
        [ 'private, max-age=60' => 'Status: 206 Partial Content', 'Cache-Control: max-age=60',
            'Content-Range: bytes 0-8/100' ],
    );
    for my $case (@cases) {
        my ($expected, @fields) = @$case;
        my $response = $alice->get(answering('app', @fields));
        is said($response), $expected, "@fields";
        is_deeply [ grep { /surrogate/i } map { $_->[0] } @{ $response->headers } ], [],
            'and nothing else for caches';
    }
};

subtest 'what it does not' => sub {
    my $alice = browser($httpd, 'alice');
    my $age = 'Cache-Control: public, max-age=60';
    my @cases = (
        [ 'nothing' ],
        [ 'no time at all', 'Cache-Control: max-age=0' ],
        [ 'a time that is over', 'Expires: Thu, 19 Nov 1981 08:52:00 GMT' ],
        [ 'one for shared caches alone', 'Cache-Control: s-maxage=60' ],
        [ 'two different ages', 'Cache-Control: max-age=60, max-age=0' ],
        [ 'max-age overrules Expires', $LATER, 'Cache-Control: max-age=0' ],
        [ 'a part is private', 'Cache-Control: max-age=60, private="x"' ],
        [ 'it is to be checked', 'Cache-Control: public, no-cache' ],
        [ 'with a mistake', 'Cache-Control: public; max-age=60' ],
        [ 'with a cookie', $age, 'Set-Cookie: a=1' ],
        [ 'for who has this cookie', $age, 'Vary: Accept, cookie' ],
        [ 'for who has authenticated', $age, 'Vary: Authorization' ],
        [ 'for this request alone', $age, 'Vary: *' ],
        [ 'a page', $age, 'Content-Type: text/html; charset=utf-8' ],
        [ 'a page of XML', $age, 'Content-Type: application/xhtml+xml' ],
        [ 'an error', $age, 'Status: 404 Not Found' ],
        [ 'a redirect', $age, 'Status: 301 Moved', 'Location: http://localhost/x' ],
    );
    for my $case (@cases) {
        my ($name, @fields) = @$case;
        is said($alice->get(answering('app', @fields))), 'no-store', $name;
    }
    is said($alice->get(answering('app', $age), headers => $SHOWN)), 'no-store',
        'what is shown by itself';
    is said($alice->get(answering('vault', $age, 'Set-Cookie: APPID=1'))), 'no-store',
        'with a cookie that stays in the vault';
};

subtest 'files that need no user' => sub {
    my $alice = browser($httpd, 'alice');
    my %said = (
        'style.css' => 'private', 'a.txt' => 'private', 'keep.css' => 'private, max-age=600',
        'check.css' => 'private, no-cache', 'none.css' => 'no-store', 'page.html' => 'no-store',
    );
    for my $file (sort keys %said) {
        my $response = $alice->get("/pub/$file");
        is said($response), $said{$file}, $file;
        my $etag = [ [ 'If-None-Match' => $response->header('ETag') ] ];
        my $again = $alice->get("/pub/$file", headers => $etag);
        is_deeply [ $again->status, said($again) ], [ 304, $said{$file} ], "$file: unchanged";
        my $part = $alice->get("/pub/$file", headers => [ [ Range => 'bytes=0-3' ] ]);
        is_deeply [ $part->status, said($part) ], [ 206, $said{$file} ], "$file: a part of it";
    }
    is said($alice->get('/pub/a.txt', headers => $SHOWN)), 'no-store', 'not when it is shown';
    is said($alice->get($_)), 'no-store', "not $_" for '/pub/lead', '/pub/error/x';
    is said($httpd->get('/pub/style.css')), '', 'to visitors httpd says what it did';
};

subtest 'files that need a user' => sub {
    my $alice = browser($httpd, 'alice');
    for my $dest (qw(style script font)) {
        my $response = $alice->get('/static/code.js', headers => dest($dest));
        is said($response), 'private, no-cache', "$dest: asked for again each time";
        my $known = [ 'If-None-Match' => $response->header('ETag') ];
        my $fields = [ @{ dest($dest) }, $known ];
        is $alice->get('/static/code.js', headers => $fields)->status, 304, "$dest: unchanged";
        is $httpd->get('/static/code.js', headers => $fields)->status, 401,
            "$dest: nothing is said of it without a session";
    }
    for my $how (dest('image'), dest('empty'), $SHOWN, []) {
        is said($alice->get('/static/a.txt', headers => $how)), 'no-store',
            'nothing else is kept: ' . join ' ', map { $_->[1] } @$how;
    }
    is said($alice->get('/static/keep.css')), 'private, max-age=600',
        'unless the administrator marks it';
    is said($alice->get('/static/page.html', headers => dest('style'))), 'no-store', 'no page';
};

sub asked_for {
    my ($path) = @_;
    return scalar grep { m{"GET \Q$path\E } } split /\n/, $httpd->access_log;
}

subtest 'a browser' => sub {
    plan skip_all => 'no chromium-driver on this machine' unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start;
    my $here = 'http://localhost:' . $httpd->port;
    $browser->open("$here/login");
    $browser->type('[name=username]', 'alice');
    $browser->type('[name=password]', password_of('alice') . "\x{E007}");
    wait_until { $browser->url !~ /login/ } 'logged in';
    my %before = map { $_ => asked_for($_) } '/pub/style.css', '/app/code';
    for my $view (1 .. 3) {
        $browser->open("$here/app/view?$view");
        is $browser->run('return window.ran'), 1, "view $view is whole";
    }
    is asked_for($_) - $before{$_}, 1, "$_ is loaded once for three pages" for sort keys %before;
    $browser->click('a');
    wait_until { $browser->url =~ /page\.html/ } 'logged out';
    $browser->run('history.back()');
    wait_until { $browser->url =~ /login\?/ } 'what was seen does not come back';
};

done_testing;
