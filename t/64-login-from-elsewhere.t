# A page of another site posts the login form of an application, with a name and a password of its
# own. The browser sends no cookie of ours then (SameSite=Lax), so that the request is one of a
# visitor; but the answer logs nobody in, and whoever was logged in stays so. A directive lets those
# in who are meant: a single sign-on that comes back by a form.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Fpm;
use Secsession::Programs qw(answering encoded);

my $COOKIE = '__Host-secsession';
my $PHP = <<'PHP';
<?php
session_start();
if (($_POST['password'] ?? '') === 'right') {
    session_regenerate_id(true);
    $_SESSION['user'] = $_POST['login'];
    setcookie('theme', $_POST['login'], 0, '/');
    http_response_code(302);
    header('Location: /php/login.php?in');
}
echo 'user=', $_SESSION['user'] ?? '', "\n";
PHP
my $EVIL = <<'HTML';
<!DOCTYPE html><title>Win a prize</title><form method="post" action="/php/login.php"><input
name="login" value="mallory"><input name="password" value="right"></form>
<script>document.forms[0].action = 'http://localhost:' + location.port
+ document.forms[0].getAttribute('action'); document.forms[0].submit();</script>
HTML
my $fpm = Secsession::Fpm->start;
my ($postgres, $httpd) = start_servers(
    modules => [qw(proxy proxy_fcgi)], children => 2, threads => 8,
    files => { 'php/login.php' => $PHP, 'pub/evil.html' => $EVIL },
    cgi => {
        redirect =>
            'print $ENV{QUERY_STRING} =~ s/\+/ /gr =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger, "\n\n";'
    },
    config => <<"CONFIG" . <<'CONFIG');
<FilesMatch "\\.php\$">
    SetHandler "@{[ $fpm->handler ]}"
</FilesMatch>
CONFIG
<LocationMatch "^/(?:php|sso|open)/">
    SecSessionVault PHPSESSID
    SecSessionLoginWhen "%{REQUEST_STATUS} == 302 && %{resp:Location} =~ /in$/" field=login
</LocationMatch>
<LocationMatch "^/(?:words|sso|open)/">
    SecSessionAppLogin On
</LocationMatch>
<Location "/sso/">
    SecSessionGuard On https://idp.example
</Location>
<Location "/open/">
    SecSessionGuard Off
</Location>
<Location "/named/">
    SecSessionLoginWhen "%{resp:Set-Cookie} =~ /\bNAME=([^;]+)/ && unescape($1) =~ /^(.+)$/" user=$1
</Location>
ScriptAliasMatch "^/(?:words|sso|open|named)/(headers|redirect)(.*)$" "@FOLDER@/cgi-bin/$1$2"
AliasMatch "^/(?:sso|open)/(login\.php)$" "@FOLDER@/htdocs/php/$1"
CONFIG

my $FORM = [ 'Content-Type' => 'application/x-www-form-urlencoded' ];
my @EVIL = ([ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Mode' => 'navigate' ],
    [ 'Sec-Fetch-Dest' => 'document' ], [ Origin => 'https://evil.example' ]);
my @IDP = (@EVIL[ 0 .. 2 ], [ Origin => 'https://idp.example' ]);
my $WORD = 'SecSession-Login: mallory';

sub user_of { return environment_of($_[0]->clone->get('/app/show'))->{REMOTE_USER} // '' }

# What becomes of a visitor, for whom the browser may have withheld a cookie: the status, who is
# logged in, how many cookies are set.
sub becomes {
    my ($path, $body, @from) = @_;
    my $client = $httpd->client;
    my $answer = $client->post($path, $body, headers => [ $FORM, @from ]);
    return join ' ', $answer->status, user_of($client) || '-',
        scalar(my @set = $answer->all_headers('Set-Cookie'));
}

my $RIGHT = 'login=mallory&password=right';
my %kinds = (
    'a login that is recognised' => [ '/php/login.php', $RIGHT ],
    'a login that the answer names' => [ answering('named', 'Set-Cookie: NAME=mallory'), '' ],
    'a login that the application tells' => [ answering('words', $WORD), '' ],
    'a login that it tells in a redirect' =>
        [ '/words/redirect?' . encoded("$WORD\nLocation: /pub/page.html"), '' ],
    'a login that it tells after a redirect' =>
        [ '/words/redirect?' . encoded('Location: ' . answering('words', $WORD)), '' ],
);
my %foreign = (
    'another site' => [@EVIL],
    'a sibling' => [ [ 'Sec-Fetch-Site' => 'same-site' ] ],
    'an older browser' => [ $EVIL[3] ],
    'a page that hides its origin' => [ [ Origin => 'null' ] ],
);
my %own = (
    'its own page' => [ [ 'Sec-Fetch-Site' => 'same-origin' ], [ Origin => 'null' ] ],
    'a program' => [],
);
for my $kind (sort keys %kinds) {
    subtest $kind => sub {
        is becomes(@{ $kinds{$kind} }, @{ $foreign{$_} }), '403 - 0', "is none from $_"
            for sort keys %foreign;
        like becomes(@{ $kinds{$kind} }, @{ $own{$_} }), qr/^\d+ mallory [1-9]/, "is one from $_"
            for sort keys %own;
    };
}
like $httpd->error_log,
    qr{SS288: user mallory .* /words/headers .*write SecSessionGuard On https://evil\.example},
    'the log says what to do';

subtest 'a wrong password from elsewhere begins nothing either' => sub {
    is becomes('/php/login.php', 'login=mallory&password=x', @EVIL), '200 - 0', 'no session';
    is becomes('/php/login.php', 'login=mallory&password=x'), '200 - 1', 'as a visitor has';
};

subtest 'who is meant is let in' => sub {
    my %paths = ('by a form' => [ 'login.php', $RIGHT ],
        'by a word' => [ answering('', $WORD) =~ s{^/+}{}r, '' ]);
    for my $how (sort keys %paths) {
        my ($path, $body) = @{ $paths{$how} };
        like becomes("/sso/$path", $body, @IDP), qr/^\d+ mallory [1-9]/, "$how: a site that is named";
        like becomes("/sso/$path", $body, @EVIL), qr/^403 - 0/, "$how: no other site";
        like becomes("/open/$path", $body, @EVIL), qr/^\d+ mallory [1-9]/,
            "$how: any, where SecSessionGuard is Off";
    }
    my $client = $httpd->client;
    $client->get(answering('named', 'Set-Cookie: NAME=erika'), headers => [ @EVIL[ 0 .. 2 ] ]);
    is user_of($client), 'erika', 'a link by which a single sign-on comes back';
};

subtest 'a real browser' => sub {
    plan skip_all => 'no chromium-driver on this machine'
        unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start;
    my $here = 'http://localhost:' . $httpd->port;
    $browser->open("$here/login?return=/app/show");
    $browser->type('[name=username]', 'alice');
    $browser->type('[name=password]', password_of('alice') . "\x{E007}");
    wait_until { $browser->url eq "$here/app/show" } 'alice logs in';
    my $before = $browser->cookies;
    $browser->open('http://127.0.0.1:' . $httpd->port . '/pub/evil.html');
    wait_until { $browser->url eq "$here/php/login.php" } 'a page posts the login form';
    is_deeply [ map { $_->{value} } @{ $browser->cookies }{ sort keys %{ $browser->cookies } } ],
        [ map { $_->{value} } @{$before}{ sort keys %$before } ], 'no cookie is new';
    $browser->open("$here/app/show");
    like $browser->text('body'), qr/^REMOTE_USER=alice$/m, 'alice is alice';
};

done_testing;
