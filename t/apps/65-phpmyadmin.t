# phpMyAdmin, as Debian ships it, with MariaDB: its own login form, its own cookies with the password
# in one of them, and only its configuration written.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Fpm;
use Secsession::Httpd;
use Secsession::Mariadb;
use Secsession::Process qw(scratch slurp spew);

my $root = unpacked('usr/share/phpmyadmin');
my ($USER, $PASSWORD) = ('alice', 'correct horse battery');
my $mariadb = Secsession::Mariadb->start;
$mariadb->sql("create user $USER identified by '$PASSWORD'; create database pets;
    grant all on pets.* to $USER;");
my $program = private_copy("$root/usr/share/phpmyadmin", 'phpmyadmin');
my $data = give_away(scratch('data'));
my $paths = slurp("$program/libraries/vendor_config.php");
spew("$program/libraries/vendor_config.php", $paths =~ s{'/etc/phpmyadmin/}{'$data/}r
    =~ s{'/var/lib/phpmyadmin/tmp/'}{'$data/'}r);
spew("$data/config.inc.php", <<"PHP");
<?php
\$cfg['blowfish_secret'] = '01234567890123456789012345678901';
\$cfg['Servers'][1] = ['auth_type' => 'cookie', 'host' => 'localhost',
    'socket' => '@{[ $mariadb->socket ]}'];
PHP

my $record = recorder();
my $fpm = Secsession::Fpm->start(children => 4, values => { %{ $record->{values} },
    include_path => ".:$root/usr/share/php:/usr/share/php",
    upload_max_filesize => '16M', post_max_size => '17M' });
my $config = configuration('phpmyadmin', '/usr/share/phpmyadmin' => $program,
    'proxy:unix:/run/php/php8.2-fpm.sock' => 'proxy:unix:' . $fpm->socket);
my ($postgres, $httpd) = start_servers(config => $config, modules => [qw(proxy proxy_fcgi)]);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config),
    modules => [qw(proxy proxy_fcgi)]);

my $START = '/phpmyadmin/index.php?route=/';

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page($START)->body;
    return '' if $page =~ /id="login_form"/;
    return $1 if $page =~ /User:.*?\b(\w+)\@localhost/s;
    die "no page of phpMyAdmin: $page";
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields) = form($visitor->page($START), qr/id="login_form"/);
    return $visitor->submit('/phpmyadmin/index.php?route=/',
        { %$fields, pma_username => $user // $USER, pma_password => $password // $PASSWORD });
}

sub log_out {
    my ($visitor) = @_;
    my ($token) = $visitor->page($START)->body =~ /token:"([^"]*)"/;
    return $visitor->submit('/phpmyadmin/index.php?route=/logout', { token => $token });
}

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => $USER, bare => $bare,
    cookies => qr/^(?:phpMyAdmin|pmaUser-|pmaAuth-)/, who => \&who, log_in => \&log_in,
    log_out => \&log_out,
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

done_testing;
