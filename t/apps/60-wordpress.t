# WordPress, as Debian ships it, with MariaDB: its own login form and its own cookies, and only its
# configuration written.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Fpm;
use Secsession::Httpd;
use Secsession::Mariadb;
use Secsession::Process qw(run slurp spew);

my $root = unpacked('usr/share/wordpress');
my ($USER, $PASSWORD) = ('alice', 'correct horse battery');
my $mariadb = Secsession::Mariadb->start;
$mariadb->sql("create database wordpress; create user wordpress identified by 'secret';
    grant all on wordpress.* to wordpress;");
my $program = private_copy("$root/usr/share/wordpress", 'wordpress');
my $files = private_copy("$root/var/lib/wordpress/wp-content", 'wp-content');
unlink "$program/wp-config.php";
spew("$program/wp-config.php", <<"PHP");
<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', 'secret');
define('DB_HOST', 'localhost:@{[ $mariadb->socket ]}');
define('COOKIEHASH', md5('wordpress'));    // its cookies are called the same on both servers
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_CONTENT_DIR', '$files');
if (isset(\$_SERVER['HTTP_HOST'])) {    // the test chooses its port
    define('WP_HOME', 'http://' . \$_SERVER['HTTP_HOST'] . '/wordpress');
    define('WP_SITEURL', WP_HOME);
    define('WP_CONTENT_URL', WP_HOME . '/wp-content');
}
\$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
PHP

my $record = recorder();
my $fpm = Secsession::Fpm->start(children => 4,
    values => { %{ $record->{values} }, upload_max_filesize => '16M', post_max_size => '17M' });
my $config = configuration('wordpress', '/usr/share/wordpress' => $program,
    '/var/lib/wordpress/wp-content' => $files,
    'proxy:unix:/run/php/php8.2-fpm.sock' => 'proxy:unix:' . $fpm->socket);
my ($postgres, $httpd) = start_servers(config => $config, modules => [qw(proxy proxy_fcgi)]);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config),
    modules => [qw(proxy proxy_fcgi)]);

my $installed = visitor($bare)->submit('/wordpress/wp-admin/install.php?step=2', {
    weblog_title => 'Site', user_name => $USER, admin_password => $PASSWORD,
    admin_password2 => $PASSWORD, admin_email => 'alice@example.org', blog_public => 0,
    pw_weak => 1, language => ''
});
like $installed->body, qr/Success!/, 'its installer has run' or diag $installed->body;

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page('/wordpress/wp-admin/profile.php')->body;
    return $1 if $page =~ /name="user_login"[^>]*value="([^"]*)"/;
    die "no page of WordPress: $page" unless $page =~ /id="loginform"/;
    return '';
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields, $action) = form($visitor->page('/wordpress/wp-login.php'), qr/name="loginform"/);
    return $visitor->submit($action,
        { %$fields, log => $user // $USER, pwd => $password // $PASSWORD });
}

sub log_out {
    my ($visitor) = @_;
    my $profile = $visitor->page('/wordpress/wp-admin/profile.php');
    return $visitor->page(link_to($profile, qr/action=logout/));
}

sub upload {
    my ($visitor, $content) = @_;
    my $place = '/wordpress/wp-admin/media-new.php';
    my ($fields) = form($visitor->page($place), qr/id="file-form"/);
    $visitor->send_file($place, { %$fields, 'html-upload' => 'Upload' }, 'async-upload', 'large.pdf',
        "%PDF-1.4\n$content");
    return -s (glob "$files/uploads/*/*/large.pdf")[0] == length("%PDF-1.4\n$content");
}

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => $USER, bare => $bare,
    cookies => qr/^wordpress_(?:[0-9a-f]{8,}|sec_|logged_in_)/, who => \&who, log_in => \&log_in,
    log_out => \&log_out,
    upload => \&upload,
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

done_testing;
