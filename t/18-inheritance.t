# What the directives do where they stand, in a running httpd: not at all in .htaccess; sections
# inherit from the server and from the sections around them, virtual hosts from the server; and
# where SecSession is Off, nobody gets in. t/16-sections.t goes through every directive.

use lib 't/lib';
use Secsession::Directives;
use Secsession::Test;

my %TABLE = Secsession::Directives::table();
my @DIRECTORIES = map { lc } grep { /^SecSession/ } sort keys %TABLE;
my ($postgres, $httpd) = start_servers(
    files => {
        (map { ("ht/$_/a.txt" => 'a', "ht/$_/.htaccess" => "$_ On\n") } @DIRECTORIES),
        'deep/a.html' => '1', 'deep/er/a.html' => '2', 'alone/a.html' => '3',
    },
    config => <<'CONFIG', vhosts => <<'VHOSTS');
SecSessionIdleTimeout 20m
SecSessionLoginPage /login
<Directory "@FOLDER@/htdocs/ht">
    AllowOverride All
</Directory>
<Location "/deep/">
    AuthType SecSession
    Require valid-user
    SecSessionLoginPage /deep-login
    SecSessionCacheControl Off
    SecSessionIdleTimeout 10m
</Location>
<Location "/deep/er/">
    SecSessionLoginPage /deeper-login
    SecSessionCacheControl On
</Location>
<Location "/alone/">
    SecSession Off
    AuthType SecSession
    Require valid-user
</Location>
<LocationMatch "^/(bye|silent)$">
    SetHandler secsession-logout
    SecSessionLogoutHome /gone
    SecSessionClearSiteData executionContexts COOKIES
</LocationMatch>
<Location "/silent">
    SecSessionClearSiteData none
</Location>
<Location "/off-login">
    SecSession Off
    SetHandler secsession-login
</Location>
<Location "/off-logout">
    SecSession Off
    SetHandler secsession-logout
</Location>
CONFIG
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName Second.Example
    SecSessionCookie id SameSite=strict Path=/ Domain=example Insecure
    SecSessionIdleTimeout 5m
    <Location "/login">
        SecSessionLoginHome /home
    </Location>
</VirtualHost>
VHOSTS

my $alice = browser($httpd, 'alice');
sub page { return $httpd->get($_[0], headers => [ [ Accept => 'text/html' ] ]) }

subtest 'no directive is obeyed in .htaccess, where whoever may upload a file could write it' =>
    sub {
    for my $name (@DIRECTORIES) {
        is $httpd->get("/ht/$name/a.txt")->status, 500, $name;
        like $httpd->error_log, qr{/ht/$name/\.htaccess: $name not allowed here}i,
            "$name: the log says why";
    }
};

subtest 'sections inherit from the configuration around them, and the inner one wins' => sub {
    like page('/deep/a.html')->header('Location'), qr{/deep-login\?},
        'the login page of a location';
    like page('/deep/er/a.html')->header('Location'), qr{/deeper-login\?}, 'of a location inside';
    is environment_of($alice->get('/app/show'))->{SECSESSION_IDLE}, 1200, 'a timeout of the server';
    is $alice->get('/deep/a.html')->header('Cache-Control'), undef, 'Cache-Control is left alone';
    is $alice->get('/deep/er/a.html')->header('Cache-Control'), 'no-store',
        'and not in a location inside';
    my @link = map { [ "Sec-Fetch-$_->[0]" => $_->[1] ] }
        [ Site => 'same-origin' ], [ Mode => 'navigate' ], [ Dest => 'document' ];
    my $bye = $alice->clone->get('/bye', headers => \@link);
    is $bye->header('Location') =~ s{^http://[^/]*}{}r, '/gone', 'where a logout goes to';
    is $bye->header('Clear-Site-Data'), '"executionContexts", "cookies"', 'what a logout clears';
    is $httpd->post('/silent', '')->header('Clear-Site-Data'), undef,
        'nothing, in a location inside';
    is $httpd->post('/logout', '')->header('Clear-Site-Data'), '"cache", "storage"', 'the default';
};

subtest 'a virtual host inherits from the server, and its own directives win' => sub {
    my $second = $httpd->client(host => 'second.example', cookie_name => 'id');
    my $login = $second->login('alice', password_of('alice'));
    is $login->header('Location') =~ s{^http://[^/]*}{}r, '/home', 'where a login goes to';
    my @cookies = $login->all_headers('Set-Cookie');
    like "@cookies", qr{\Aid=[\w-]{43}; Path=/; Domain=example; HttpOnly; SameSite=Strict\z},
        'its own cookie alone';
    is environment_of($second->get('/app/show'))->{SECSESSION_IDLE}, 300, 'its own timeout';
    for my $name ('second.example', 'localhost') {
        my $challenge = $httpd->get('/app/show', host => $name)->header('WWW-Authenticate');
        is $challenge, qq{SecSession realm="$name"},
            "the realm of $name is its name, in small letters";
    }
};

subtest 'where sessions are Off, AuthType SecSession and the handlers let nobody in' => sub {
    my %number = ('/alone/a.html' => 'SS202', '/off-login' => 'SS210', '/off-logout' => 'SS211');
    for my $path (sort keys %number) {
        is $_->get($path)->status, 500, $path for $alice, $httpd;
        like $httpd->error_log, qr/$number{$path}: .*SecSession.*On/,
            "$path: the log says what to write";
    }
    is $httpd->post('/off-login', 'username=alice&password=correct+horse')->header('Set-Cookie'),
        undef, 'and no login';
};

done_testing;
