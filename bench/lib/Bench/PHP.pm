# PHP on PHP-FPM: a page that prints, and the same page with PHP's own sessions (session_start, in
# files).
#
# PHP holds a lock on a session's file while the page runs: requests of one session wait for one
# another. Here they are of 256 sessions in turn, so that this does not count against it.
package Bench::PHP;

use strict;
use warnings;

use Bench::Httpd 'httpd';
use Secsession::Fpm;

my $SESSIONS = 256;
my @NEEDS = ([ 'php-fpm', '/usr/sbin/php-fpm*' ]);

my $SESSION_PAGE = <<'PHP';
<?php
session_start();
if (isset($_GET['login'])) {
    session_regenerate_id(true);
    $_SESSION['user'] = $_GET['login'];
    header('SecSession-Login: ' . $_GET['login']);
}
if (!isset($_SESSION['user'])) {
    http_response_code(403);
    exit;
}
echo str_repeat('x', 1024);
PHP

sub contenders {
    return (
        { key => 'php', name => 'bare PHP-FPM', needs => \@NEEDS, start => \&bare, open => 1 },
        {
            key => 'php-session', name => "PHP's own sessions, in files", needs => \@NEEDS,
            start => \&session,
            beside => 'php'
        },
        {
            key => 'php-vault',
            name => 'the same behind mod_secsession, with `SecSessionVault PHPSESSID`',
            needs => \@NEEDS, start => \&vault, beside => 'php-session'
        },
    );
}

# One for both; a static number of processes, so that none starts while we measure.
sub fpm {
    my ($bench) = @_;
    return $bench->{fpm} //= Secsession::Fpm->start(children => 16);
}

sub server {
    my ($bench, $config, %opt) = @_;
    return httpd(
        $bench, modules => [qw(proxy proxy_fcgi)], %opt,
        files => {
            'in/bare.php' => "<?php\necho str_repeat('x', 1024);\n",
            'in/session.php' => $SESSION_PAGE
        },
        config => <<"CONFIG");
$config
<FilesMatch "\\.php\$">
    SetHandler "@{[ fpm($bench)->handler ]}"
</FilesMatch>
CONFIG
}

sub bare {
    my ($bench) = @_;
    my $httpd = $bench->{php_httpd} //= server($bench, '');
    return { httpd => $httpd, path => '/in/bare.php', others => [ fpm($bench)->pid ] };
}

sub log_in {
    my ($httpd, $cookie) = @_;
    my $client = $httpd->client(cookie_name => $cookie);
    $client->get('/in/session.php?login=alice');
    return "Cookie: $cookie=" . ($client->token // die "no login with PHP\n");
}

sub session {
    my ($bench) = @_;
    my $bare = bare($bench);
    my @lines = map { log_in($bare->{httpd}, 'PHPSESSID') } 1 .. $SESSIONS;
    return { %$bare, path => '/in/session.php', lines => \@lines };
}

# PHP's cookie never reaches the browser, which has ours.
sub vault {
    my ($bench) = @_;
    my $postgres = $bench->{postgres};
    my $httpd = server($bench, <<'CONFIG', module => 1, postgres => $postgres);
<Location "/in/">
    SecSession On
    SecSessionVault PHPSESSID
    SecSessionAppLogin On
</Location>
CONFIG
    my @lines = map { log_in($httpd, '__Host-secsession') } 1 .. $SESSIONS;
    return { httpd => $httpd, path => '/in/session.php', lines => \@lines, postgres => $postgres,
        others => [ fpm($bench)->pid, $postgres->pid ] };
}

1;
