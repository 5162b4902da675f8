# Random pipelines of requests with and without bodies, Upgrade, Expect and HEAD, to backends that
# answer, refuse, break off or close, through mod_proxy_http, mod_proxy_wstunnel and FastCGI, with
# httpd giving back memory as soon as it can: no child is lost, and each response is whole and its
# own. A fault that is found names its seed. PIPELINED_REQUESTS=100000 makes it last longer, and
# PIPELINED_SEED=17 begins with that seed; t/lib/run --asan runs it under the sanitizers.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Fpm;
use Secsession::Pipeline::Backend;
use Secsession::Pipeline::Fuzz;
use Secsession::Process qw(scratch slurp spew);

my $REQUESTS = $ENV{PIPELINED_REQUESTS} || 3000;
my $SEED = $ENV{PIPELINED_SEED} || 1;
my $CLIENTS = 4;
my $ROUND = 250;    # requests with one seed

my $port = Secsession::Pipeline::Backend->start;
my $fpm = Secsession::Fpm->start_if_there(children => 4);
my $fcgi = $fpm ? "<LocationMatch \"\\.php\$\">\nSetHandler \"@{[ $fpm->handler ]}\"\n</LocationMatch>" : '';
my $PHP = <<'PHP';
<?php
$f = "<$_GET[id]>";
$got = strlen(file_get_contents('php://input'));
if ($got != ($_GET['in'] ?? 0)) { http_response_code(400); }
header("X-Id: $_GET[id]");
echo "begin $_GET[id]\n", substr(str_repeat($f, intdiv($_GET['n'], strlen($f)) + 1), 0, (int) $_GET['n']), "\nend $_GET[id]\n";
PHP
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 16, log_level => 'notice', without => ['reqtimeout'],
    modules => [qw(proxy proxy_http proxy_fcgi proxy_wstunnel)],
    files => { 'pub/page.php' => $PHP }, config => <<"CONFIG");
MaxMemFree 1
MaxKeepAliveRequests 0
ProxyPass "/http/"    "http://127.0.0.1:$port/http/"
ProxyPass "/up/"      "http://127.0.0.1:$port/up/" upgrade=websocket
ProxyPass "/any/"     "http://127.0.0.1:$port/any/" upgrade=ANY
ProxyPass "/ws/"      "ws://127.0.0.1:$port/ws/"
ProxyPass "/raw/"     "ws://127.0.0.1:$port/raw/"
ProxyPass "/private/" "http://127.0.0.1:$port/private/" upgrade=ANY
<Location "/raw/">
    ProxyWebsocketFallbackToProxyHttp Off
</Location>
<Location "/private/">
    AuthType SecSession
    Require valid-user
</Location>
$fcgi
CONFIG

my %places = (
    backend => [qw(/http/ /up/)], tunnel => [qw(/up/ /any/ /ws/)], raw => ['/raw/'],
    page => [ $fpm ? '/pub/page.php' : () ], refused => ['/private/ok'],
);

# Seeds are taken in turn; each client runs its own, one after the other.
sub client {
    my ($number, $folder) = @_;
    my @complaints;
    for (my $seed = $SEED + $number; $seed * $ROUND < $SEED * $ROUND + $REQUESTS;
        $seed += $CLIENTS) {
        push @complaints, Secsession::Pipeline::Fuzz->new(port => $httpd->port, seed => $seed,
            places => \%places)->run($ROUND);
        last if @complaints;
    }
    return spew("$folder/$number", join "\n", @complaints, 'finished');
}

my $folder = scratch('clients');
my %before = map { $_ => 1 } $httpd->child_pids;
my @clients;
for my $number (0 .. $CLIENTS - 1) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        eval { client($number, $folder); 1 } or spew("$folder/$number", $@);
        require POSIX;
        POSIX::_exit(0);
    }
    push @clients, $pid;
}
waitpid $_, 0 for @clients;
is slurp("$folder/$_"), 'finished', "client $_ gets each response whole, and its own"
    for 0 .. $CLIENTS - 1;
my @lost = grep { /exit signal/ } split /\n/, $httpd->error_log;
is "@lost", '', 'no child is lost';
is $httpd->get('/pub/page.html')->status, 200, 'httpd goes on';

done_testing;
