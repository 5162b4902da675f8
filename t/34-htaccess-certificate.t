# Who may write a .htaccess file (AllowOverride AuthConfig) makes nobody a user of the realm with
# mod_ssl's directives, or with those of another module that names the user; and a certificate that
# nobody has signed gives no session, whoever has asked for it.

use lib 't/lib';
use Secsession::Test;
use Secsession::Certificates;
use Secsession::Process qw(free_port run scratch spew);

plan skip_all => $_ for why_not();

my $FOLDER = make_certificates(scratch('tls'), qw(localhost alice));
my $PORT = free_port();
my $SCRIPT = spew("$FOLDER/name.lua",
    "function name(r)\n r.user = r.headers_in['User-Agent']\n return apache2.DECLINED\nend\n");
my $LUA = -e Secsession::Httpd::installation()->{modules} . '/mod_lua.so';

# What mod_ssl makes of certificates with FakeBasicAuth; its password is always the same.
my ($hash) = split /\n/, (run([qw(openssl passwd -apr1 password)]))[1];
my $FAKE = spew("$FOLDER/fake", "/CN=alice:$hash\nCN=alice:$hash\n");
my $HEADER = basic_header('/CN=alice', 'password')->[1];

my $NAME = "SSLUserName HTTP_USER_AGENT\n";
my %HTACCESS = (
    modsession => "AuthType None\nRequire all granted\nSession On\n$NAME",
    adopted => $NAME,
    files => "<Files page.html>\n$NAME</Files>\n",
    any => "SSLVerifyClient optional_no_ca\n",
    wish => "SSLVerifyClient optional_no_ca\n",
    header => "RequestHeader set Authorization \"$HEADER\"\nRewriteEngine On\n"
        . "RewriteRule ^ /fake/page.html [L]\n",
    $LUA ? (lua => "LuaHookAccessChecker $SCRIPT name\n") : (),
);

my ($postgres, $httpd) = start_servers(
    modules => [qw(ssl socache_shmcb lua session session_cookie)],
    files => {
        (map { ("$_/page.html" => "page\n") } keys %HTACCESS, 'honest', 'fake'),
        map { ("$_/.htaccess" => $HTACCESS{$_}) } keys %HTACCESS,
    },
    vhosts => <<"VHOST");
Listen 127.0.0.1:$PORT
<VirtualHost 127.0.0.1:$PORT>
    ServerName localhost
    SSLEngine On
    SSLProtocol TLSv1.2
    SSLCertificateFile $FOLDER/localhost.pem
    SSLCertificateKeyFile $FOLDER/localhost.key
    SSLCACertificateFile $FOLDER/ca.pem
    <Directory "\@FOLDER\@/htdocs">
        AllowOverride All
    </Directory>
    <LocationMatch "^/(adopted|files|any|honest|lua|fake)/">
        SecSessionAdopt On
    </LocationMatch>
    <Directory "\@FOLDER\@/htdocs/any">
        SSLVerifyClient require
        SSLUserName SSL_CLIENT_S_DN_CN
    </Directory>
    <Directory "\@FOLDER\@/htdocs/fake">
        SSLVerifyClient optional
        SSLOptions +FakeBasicAuth
        AuthType Basic
        AuthName fake
        AuthUserFile $FAKE
        Require valid-user
    </Directory>
    <Directory "\@FOLDER\@/htdocs/honest">
        SSLVerifyClient optional
        SSLUserName SSL_CLIENT_S_DN_CN
    </Directory>
</VirtualHost>
VHOST

sub sessions {
    return $postgres->value('select count(*) from secsession.session where user_name is not null');
}

sub ask {
    my ($certificate, @places) = @_;
    return curl($FOLDER, $certificate, '-A', 'alice',
        map { "https://localhost:$PORT/$_/page.html" } @places);
}

sub gives_no_session {
    my ($said, @ask) = @_;
    my $before = sessions();
    my $out = ask(@ask);
    like $out, qr{\AHTTP/1.1 200 }, "$ask[-1]: its page is served";
    unlike $out, qr/^Set-Cookie: .*secsession/m, 'without a session';
    is sessions() - $before, 0, 'in the database either';
    like $httpd->error_log, $said, 'the log says why';
    return;
}

subtest 'a .htaccess file names nobody' => sub {
    gives_no_session(qr{SS248: user alice of /$_/page.html gets no session}, 'self-alice', $_)
        for grep { $HTACCESS{$_} } qw(modsession adopted files lua);
};

subtest 'nor does it have any certificate believed' => sub {
    gives_no_session(qr{SS248: user alice of /any/page.html gets no session}, 'self-alice', 'any');
};

subtest 'nor where it has none, by the connection' => sub {
    gives_no_session(qr{SS321: user alice of /honest/page.html gets no session},
        'self-alice', 'wish', 'honest');
};

subtest 'nor as a password, which mod_ssl makes of a certificate' => sub {
    gives_no_session(qr{SS321: user \S+ of /fake/page.html gets no session},
        'self-alice', 'wish', 'fake');
    gives_no_session(qr{SS248: user \S+ of /fake/page.html gets no session}, undef, 'header');
};

subtest 'a certificate that somebody has signed is believed' => sub {
    like ask('alice', 'honest'), qr/^Set-Cookie: .*secsession/m, 'with a session';
};

done_testing;
