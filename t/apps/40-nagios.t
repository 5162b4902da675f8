# Nagios, as Debian ships it, and its CGIs, which show what the user in REMOTE_USER may see.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Fpm;
use Secsession::Process qw(am_root scratch slurp spew);

my $root = unpacked('usr/lib/cgi-bin/nagios4');
my $folder = scratch('nagios');
mkdir "$folder/results" or die $!;
spew("$folder/objects.cfg", <<'CFG');
define timeperiod {
    timeperiod_name always
    alias always
}
define command {
    command_name nothing
    command_line /bin/true
}
define contact {
    contact_name alice
    host_notifications_enabled 0
    service_notifications_enabled 0
    host_notification_period always
    service_notification_period always
    host_notification_commands nothing
    service_notification_commands nothing
}
define host {
    host_name reactor
    address 127.0.0.1
    contacts alice
    check_period always
    notification_period always
    max_check_attempts 1
    notification_interval 0
    check_command nothing
}
define service {
    service_description temperature
    host_name reactor
    contacts alice
    check_period always
    notification_period always
    max_check_attempts 1
    notification_interval 0
    check_interval 1
    retry_interval 1
    check_command nothing
}
CFG
my $user = am_root() ? 'www-data' : getpwuid $>;
my $main = spew(
    "$folder/nagios.cfg", join '', map { "$_\n" } "cfg_file=$folder/objects.cfg",
    "log_file=$folder/log", "object_cache_file=$folder/objects",
    "status_file=$folder/status", "temp_file=$folder/temp", "temp_path=$folder",
    "check_result_path=$folder/results", "lock_file=$folder/lock",
    "command_file=$folder/commands", "query_socket=$folder/query",
    "state_retention_file=$folder/retention", 'status_update_interval=1',
    "nagios_user=$user", "nagios_group=$user", 'check_external_commands=0',
    'execute_host_checks=0', 'execute_service_checks=0', 'check_for_updates=0'
);
my $cgi =
    spew("$folder/cgi.cfg",
    slurp("$root/etc/nagios4/cgi.cfg") =~ s/^main_config_file=.*/main_config_file=$main/mr
        =~ s/^use_authentication=0/use_authentication=1/mr);
give_away($folder);
Secsession::Process::spawn(command => [ "$root/usr/sbin/nagios4", $main ], log => "$folder/said",
    user => am_root() ? $user : undef);
wait_until { slurp("$folder/status") =~ /host_name=reactor/ } 'Nagios is running';
diag slurp("$folder/said") unless -e "$folder/status";

my $fpm = Secsession::Fpm->start(children => 2);
my $config = configuration(
    'nagios', '/usr/lib/cgi-bin/nagios4' => "$root/usr/lib/cgi-bin/nagios4",
    '/etc/nagios4/stylesheets' => "$root/etc/nagios4/stylesheets",
    '/usr/share/nagios4/htdocs' => "$root/usr/share/nagios4/htdocs",
    'proxy:unix:/run/php/php8.2-fpm.sock' => 'proxy:unix:' . $fpm->socket
);
$config =~ s{\^\(\?:/usr.*?\)"}{^\Q$root\E"} or die 'no DirectoryMatch';
my ($postgres, $httpd) = start_servers(
    config => $config . qq{ScriptAlias "/cgi-bin/" "$root/usr/lib/cgi-bin/"\n} . "SetEnv NAGIOS_CGI_CONFIG $cgi\n",
    modules => [qw(env proxy proxy_fcgi)]);

# Whom the CGI takes its user for; a user who is no contact sees no host.
sub who {
    my ($visitor) = @_;
    my $page = $visitor->page('/nagios4/cgi-bin/status.cgi?hostgroup=all&style=hostdetail')->body;
    return '' if $page =~ /name="password"/;
    die "no page of Nagios: $page" unless $page =~ m{Logged in as <i>([^<]*)</i>};
    return $1;
}

check_application(servers => [ $postgres, $httpd ], user => 'alice', who => \&who,
    log_in => sub { $_[0]->login('alice', password_of('alice')) }, log_out => sub { $_[0]->logout },
    fail => sub { $_[0]->login('alice', 'wrong') });

subtest 'what a user may see' => sub {
    my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
    my @pages =
        map { $_->get('/nagios4/cgi-bin/status.cgi?hostgroup=all&style=hostdetail')->body } $alice,
        $bob;
    like $pages[0], qr/reactor/, 'the contact of a host sees it';
    unlike $pages[1], qr/reactor/, 'somebody else does not';
    like $alice->get('/nagios4/')->body, qr/<frameset|<iframe/i, 'its pages of PHP are there';
    is $httpd->get('/nagios4/')->status, 401, 'but not for strangers';
    is $httpd->get('/cgi-bin/nagios4/status.cgi?hostgroup=all')->status, 401,
        'not even through the door that Debian has for all CGI programs';
    like $alice->get('/cgi-bin/nagios4/status.cgi?hostgroup=all&style=hostdetail')->body, qr/reactor/,
        'through which a user may go';
    is $alice->get('/nagios4/cgi-bin/cmd.cgi?cmd_typ=96&host=reactor')->status, 200,
        'who has just logged in may give commands';
    $postgres->psql(
        "update secsession.session set authenticated_at = authenticated_at - interval '2 hours' "
            . "where user_name = 'alice'"
    );
    has_heard($postgres);
    is $alice->get("$_/cmd.cgi?cmd_typ=96&host=reactor")->status, 401,
        'others are asked for the password again'
        for '/nagios4/cgi-bin', '/cgi-bin/nagios4';
};

done_testing;
