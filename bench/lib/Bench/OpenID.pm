# mod_auth_openidc, with its sessions in shared memory and in a private Redis. Its user logs in over
# HTTP with a local OpenID provider (Secsession::Provider); after that the provider is not asked any
# more.
package Bench::OpenID;

use strict;
use warnings;

use Bench::Httpd 'httpd';
use Secsession::Client;
use Secsession::Process qw(scratch spawn await free_port slurp);
use Secsession::Provider;

my @MODULE = ('libapache2-mod-auth-openidc', '/usr/lib/apache2/modules/mod_auth_openidc.so');
my @REDIS = ('redis-server', '/usr/bin/redis-server');

sub contenders {
    return (
        {
            key => 'openidc-shm', name => 'mod_auth_openidc, shared memory', needs => [ \@MODULE ],
            start => \&with_shm
        },
        {
            key => 'openidc-redis', name => 'mod_auth_openidc, Redis',
            needs => [ \@MODULE, \@REDIS ],
            start => \&with_redis
        },
    );
}

sub answers {
    my ($port, $bytes, $expected) = @_;
    my $client = Secsession::Client->new(port => $port, timeout => 5);
    my $socket = eval { $client->connect_to } or return 0;
    syswrite $socket, $bytes;
    sysread $socket, my $answer, 100;
    return $answer =~ $expected;
}

sub provider { my ($bench) = @_; return $bench->{provider} //= Secsession::Provider::start }

sub redis {
    my $folder = scratch('redis');
    my $port = free_port();
    my $pid = spawn(
        user => 'www-data',
        log => "$folder.log",
        command => [
            'redis-server', '--port', $port,
            '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no',
            '--dir', $folder
        ]
    );
    await { answers($port, "PING\r\n", qr{^\+PONG}) } 10
        or die 'Redis does not start: ' . slurp("$folder.log");
    return ($pid, $port);
}

# Sessions may be idle as long as ours.
sub server {
    my ($bench, $cache) = @_;
    my $provider = Secsession::Provider::config(provider($bench));
    return httpd($bench, modules => ['auth_openidc'], config => <<"CONFIG");
$provider
OIDCSessionInactivityTimeout 1800
$cache
<Location "/in/">
    AuthType openid-connect
    Require valid-user
</Location>
CONFIG
}

sub log_in {
    my ($bench, $httpd) = @_;
    my $client = $httpd->client(cookie_name => 'mod_auth_openidc_session');
    Secsession::Provider::log_in($client, provider($bench), '/in/page.txt');
    return $client->token // die "no login with mod_auth_openidc:\n" . $httpd->error_log;
}

sub contender {
    my ($bench, $cache, @others) = @_;
    my $httpd = server($bench, $cache);
    my $token = log_in($bench, $httpd);
    return { httpd => $httpd, lines => ["Cookie: mod_auth_openidc_session=$token"],
        others => \@others };
}

sub with_shm {
    my ($bench) = @_;
    return contender($bench, 'OIDCCacheType shm');
}

sub with_redis {
    my ($bench) = @_;
    my ($pid, $port) = redis();
    return contender($bench, "OIDCCacheType redis\nOIDCRedisCacheServer 127.0.0.1:$port", $pid);
}

1;
