# Roundcube, as Debian ships it, with SQLite and an IMAP server: its own login form and its own
# cookies, and only its configuration written.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Dovecot;
use Secsession::Fpm;
use Secsession::Httpd;
use Secsession::Process qw(run scratch slurp spew);

my $root = unpacked('usr/share/roundcube');
plan skip_all => 'there can be no mounts of our own here' unless Secsession::Dovecot::can_start($root);

my ($USER, $PASSWORD) = ('alice', 'correct horse battery');
my $dovecot = Secsession::Dovecot->start($root, users => { $USER => $PASSWORD, bob => 'x' });
my $program = "$root/usr/share/roundcube";
my $data = scratch('data');
my ($exit, undef, $said) = run([
    'php', '-r', '(new PDO("sqlite:$argv[1]"))->exec(file_get_contents($argv[2]));', "$data/mail.db",
    "$program/SQL/sqlite.initial.sql"
]);
is $exit, 0, 'its database is there' or diag $said;
spew("$data/config.inc.php", <<"PHP");
<?php
\$config = ['db_dsnw' => 'sqlite:///$data/mail.db', 'imap_host' => 'localhost:@{[ $dovecot->port ]}',
    'des_key' => '012345678901234567890123', 'temp_dir' => '$data', 'log_dir' => '$data',
    'enable_installer' => false, 'skin' => 'elastic', 'plugins' => []];
PHP
run([ 'cp', map({ "$root/etc/roundcube/$_" } qw(defaults.inc.php mimetypes.php)), $data ]);
give_away($data);

my $record = recorder();
my $prepend = slurp($record->{code});
spew($record->{code}, "$prepend\ndefine('INSTALL_PATH', '$program/');\n");
my $fpm = Secsession::Fpm->start(children => 4,
    values => { %{ $record->{values} }, include_path => ".:$root/usr/share/php:/usr/share/php" },
    env => { ROUNDCUBE_CONFIG_DIR => $data });
my $config = configuration('roundcube', '/usr/share/roundcube' => $program,
    'proxy:unix:/run/php/php8.2-fpm.sock' => 'proxy:unix:' . $fpm->socket);
my ($postgres, $httpd) = start_servers(config => $config, modules => [qw(proxy proxy_fcgi)]);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config),
    modules => [qw(proxy proxy_fcgi)]);

my $START = '/roundcube/?_task=mail';

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page($START)->body;
    return '' if $page =~ /id="login-form"/;
    return $1 if $page =~ /class="[^"]*\busername">([^<@]*)/;
    die "no page of Roundcube: $page";
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields) = form($visitor->page('/roundcube/'), qr/id="login-form"/);
    return $visitor->submit('/roundcube/?_task=login',
        { %$fields, _user => $user // $USER, _pass => $password // $PASSWORD });
}

sub log_out {
    my ($visitor) = @_;
    my ($token) = $visitor->page($START)->body =~ /"request_token":"([^"]*)"/;
    return $visitor->page("/roundcube/?_task=logout&_token=$token");
}

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => $USER, bare => $bare,
    cookies => qr/^roundcube_sess/, who => \&who, log_in => \&log_in,
    log_out => \&log_out,
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

done_testing;
