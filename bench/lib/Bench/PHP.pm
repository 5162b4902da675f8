# PHP on PHP-FPM: a page that prints, and the same page with PHP's own sessions (session_start, in files).
#
# PHP holds a lock on a session's file while the page runs: requests of one session wait for one another. Here they are
# of 256 sessions in turn, so that this does not count against it.
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
        { key => 'php-session', name => "PHP's own sessions, in files", needs => \@NEEDS, start => \&session,
            beside => 'php' },
    );
}

# One for both; a static number of processes, so that none starts while we measure.
sub fpm {
    my ($bench) = @_;
    return $bench->{fpm} //= Secsession::Fpm->start(children => 16);
}

sub server {
    my ($bench) = @_;
    return $bench->{php_httpd} //= httpd($bench, modules => [qw(proxy proxy_fcgi)],
        files => { 'in/bare.php' => "<?php\necho str_repeat('x', 1024);\n", 'in/session.php' => $SESSION_PAGE },
        config => <<"CONFIG");
<FilesMatch "\\.php\$">
    SetHandler "@{[ fpm($bench)->handler ]}"
</FilesMatch>
CONFIG
}

sub bare {
    my ($bench) = @_;
    return { httpd => server($bench), path => '/in/bare.php', others => [ fpm($bench)->pid ] };
}

sub log_in {
    my ($httpd) = @_;
    my $client = $httpd->client(cookie_name => 'PHPSESSID');
    $client->get('/in/session.php?login=alice');
    return $client->token // die "no login with PHP\n";
}

sub session {
    my ($bench) = @_;
    my @lines = map { 'Cookie: PHPSESSID=' . log_in(server($bench)) } 1 .. $SESSIONS;
    return { %{ bare($bench) }, path => '/in/session.php', lines => \@lines };
}

1;
