# Zabbix's web interface, as Debian ships it, with PostgreSQL: it takes the user from httpd, and keeps
# a cookie of its own beside that. Only its configuration is written.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Fpm;
use Secsession::Httpd;
use Secsession::Process qw(run scratch slurp spew);

my $root = unpacked('usr/share/zabbix');
my $program = private_copy("$root/usr/share/zabbix", 'zabbix');
my $data = give_away(scratch('data'));
my $record = recorder();
my $fpm = Secsession::Fpm->start(children => 4, values => {
        %{ $record->{values} }, max_execution_time => 300, max_input_time => 300,
        post_max_size => '16M', 'date.timezone' => 'UTC' });
my $config = configuration('zabbix', '/usr/share/zabbix' => $program,
    'proxy:unix:/run/php/php8.2-fpm.sock' => 'proxy:unix:' . $fpm->socket);
my ($postgres, $httpd) = start_servers(config => $config, modules => [qw(proxy proxy_fcgi)]);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config),
    modules => [qw(proxy proxy_fcgi)]);

# The rows that the interface itself needs, out of the whole lot that comes with it.
my $NEEDED = join '|', qw(role role_rule users usrgrp users_groups config dbversion ids settings
    hstgrp graph_theme module);
sub sql_of {
    my ($file) = @_;
    my ($exit, $sql) = run([ 'zcat', "$root/usr/share/zabbix-server-pgsql/$file.sql.gz" ]);
    return $sql;
}
$postgres->psql('create role zabbix login');
$postgres->psql('create database zabbix owner zabbix');
$postgres->psql(sql_of('schema'), user => 'zabbix', db => 'zabbix');
$postgres->psql(join("\n", grep { /^INSERT INTO (?:$NEEDED) / } split /\n/, sql_of('data')),
    user => 'zabbix', db => 'zabbix');
$postgres->psql("update config set http_auth_enabled = 1, http_login_form = 1;
    insert into users (userid, username, roleid) values (11, 'alice', 3), (12, 'bob', 1);
    insert into users_groups (id, usrgrpid, userid) values (11, 7, 11), (12, 8, 12);",
    user => 'zabbix', db => 'zabbix');
my $class = 'include/classes/core/CConfigFile.php';
spew("$program/$class", slurp("$program/$class") =~ s{'/etc/zabbix/}{'$data/}r);
spew("$data/zabbix.conf.php", <<"PHP");
<?php
\$DB = ['TYPE' => 'POSTGRESQL', 'SERVER' => '@{[ $postgres->host ]}', 'PORT' => '5432',
    'DATABASE' => 'zabbix', 'USER' => 'zabbix', 'PASSWORD' => '', 'SCHEMA' => '',
    'ENCRYPTION' => false, 'DOUBLE_IEEE754' => true];
PHP

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page('/zabbix/zabbix.php?action=userprofile.edit')->body;
    return '' if $page =~ /name="password" /;
    return $1 if $page =~ />User profile: (\w+)</;
    die "no page of Zabbix: $page";
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields) = form($visitor->page('/zabbix/'), qr/method="?post/i);
    return $visitor->submit('/login',
        { %$fields, username => $user // 'alice', password => $password // password_of('alice') });
}
sub log_out { my ($visitor) = @_; return $visitor->post_form('/logout', {}) }

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => 'alice', bare => $bare,
    cookies => qr/^zbx_session/, who => \&who, log_in => \&log_in,
    log_out => \&log_out,
    fail => sub { log_in($_[0], 'alice', 'wrong') }
);

subtest 'two users, one browser' => sub {
    my $visitor = visitor($httpd);
    log_in($visitor);
    is who($visitor), 'alice', 'alice is in';
    log_out($visitor);
    log_in($visitor, 'bob', password_of('bob'));
    is who($visitor), 'bob', 'and bob, who comes after her, is not alice inside';
};

done_testing;
