# The way to the database: a host or a name server that says nothing, a firewall that forgets
# connections. Requests are answered within the deadline, and served as soon as there is a way.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await am_root run);
use IO::Socket::INET;
use POSIX ();
use IO::Socket::UNIX;
use Socket qw(inet_aton);

# A network of its own, where packets can be dropped.
BEGIN {
    plan skip_all => 'needs root' unless am_root();
    if (!$ENV{SECSESSION_NETWORK}) {
        my ($exit) = run([ 'unshare', '--net', 'nft', 'list', 'ruleset' ]);
        plan skip_all => 'neither namespaces nor nft here' if $exit;
        $ENV{SECSESSION_NETWORK} = 'its own';
        exec 'unshare', '--net', $^X, '-It/lib', $0 or die "unshare: $!";
    }
}

my ($DATABASE, $SILENT, $NAMES) = qw(127.0.0.5 127.0.0.6 127.0.0.53);

sub root { my ($exit, $out, $err) = run([@_]); die "@_: $err" if $exit; return $out }
sub nft { return root('nft', @_) }

# The name servers of this machine are at home here, and say nothing.
sub name_servers {
    open my $in, '<', '/etc/resolv.conf' or return $NAMES;
    my @servers = map { /^nameserver\s+([\d.]+)/ ? $1 : () } <$in>;
    return @servers ? @servers : '127.0.0.1';
}

root(qw(ip link set lo up));
for my $server (grep { !/^127\./ } name_servers()) {
    root(qw(ip address add), "$server/32", qw(dev lo));
}
nft('add table ip test; add chain ip test in { type filter hook input priority 0; };'
        . 'add chain ip test names; add chain ip test firewall; add rule ip test in jump names;'
        . 'add rule ip test in jump firewall; add rule ip test names udp dport 53 drop');

my $silent = IO::Socket::INET->new(LocalAddr => $SILENT, LocalPort => 5432, Listen => 100)
    or die "socket: $!";
my ($postgres, $httpd) = start_servers(
    database => { settings => { listen_addresses => $DATABASE } },
    dbd_params => "host=$DATABASE", children => 2, config => "SecSessionCache Off\nDBDMin 0\n",
);
my $alice = browser($httpd, 'alice');
my $deadline = 30;    # so long at most a client waits here for what is to be answered within 2 s

sub httpd_with {
    my ($params) = @_;
    return Secsession::Httpd->start(postgres => $postgres, children => 2, dbd_params => $params,
        config => Secsession::Test::standard_config(config => "SecSessionCache Off\nDBDMin 0\n"));
}

# A browser with her session, at another server.
sub alice_at {
    my ($server) = @_;
    return $server->client(timeout => $deadline)->set_token($alice->token);
}

sub is_served {
    my ($client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $in_a_row = 0;
    return wait_until {
        $in_a_row = $client->get('/app/show')->status == 200 ? $in_a_row + 1 : 0;
        $in_a_row == 10
    }
    $name;
}

subtest 'the first of several hosts accepts and says nothing' => sub {
    my $server = httpd_with("host=$SILENT,$DATABASE target_session_attrs=read-write");
    my $client = alice_at($server);
    my @running = map { $client->clone->start_request('GET', '/app/show') } 1 .. 8;
    is join(' ', grep { !/^(?:200|503)$/ } map { $_->finish->status } @running), '',
        'requests are answered in time';
    is_served($client, 'and served as soon as one connection is open');
    $server->stop;
};

subtest 'the first of several hosts is dead' => sub {
    nft("add rule ip test firewall ip daddr $SILENT drop");
    my $server = httpd_with("host=$SILENT,$DATABASE target_session_attrs=read-write");
    is_served(alice_at($server), 'the other one is used');
    nft('flush chain ip test firewall');
    $server->stop;
};

subtest 'a firewall forgets the connections' => sub {
    for my $round (1 .. 3) {
        my @running = map { $alice->clone->start_request('GET', '/app/show') } 1 .. 12;
        $_->finish for @running;
        my @ports = map { /\s\S+:(\d+)\s+\Q$DATABASE\E:5432/ ? $1 : () }
            split /\n/, root(qw(ss -Htn state established));
        ok scalar(@ports), "round $round: there are connections";
        nft("add rule ip test firewall tcp sport { @{[ join ', ', @ports ]} } drop");
        my @later = map { $alice->clone->start_request('GET', '/app/show') } 1 .. 6;
        is join(' ', map { $_->finish->status } @later), '200 200 200 200 200 200',
            'all requests are served all the same';
    }
    nft('flush chain ip test firewall');
};

subtest 'what the administrator writes is kept' => sub {
    my $server = httpd_with(
        "host=$DATABASE keepalives=0 tcp_user_timeout=0 application_name='it''s' password='a\\\\ b'"
            =~ s/''/\\'/r);
    is_served(alice_at($server), 'it is understood');
    my $named = q{select count(*) > 0 from pg_stat_activity where application_name = $$it's$$};
    is $postgres->value($named), 't', 'letter by letter';
    my @timers = map { /timer:\((\w+)/ ? $1 : () } grep { /:5432\s/ && /it/ }
        split /\n/, root(qw(ss -Htno state established));
    is "@timers", '', 'no keepalives';
    $server->stop;
};

# Answers every question for an address with that of the database.
sub be_a_name_server {
    my ($socket, $seconds) = @_;
    my $end = time + $seconds;
    while (time < $end) {
        my $ready = '';
        vec($ready, fileno $socket, 1) = 1;
        next unless select $ready, undef, undef, 0.1;
        my $from = $socket->recv(my $query, 512) or next;
        my ($question) = substr($query, 12) =~ /\A((?:[^\0][^\0]*?)*?\0.{4})/s or next;
        my $is_a = unpack('n', substr $question, -4) == 1;
        my $answer = $is_a ? pack('n n n N n', 0xC00C, 1, 1, 1, 4) . inet_aton($DATABASE) : '';
        $socket->send(
            substr($query, 0, 2) . pack('n5', 0x8180, 1, $is_a ? 1 : 0, 0, 0) . $question . $answer,
            0, $from
        );
    }
    return;
}

subtest 'the name server says nothing' => sub {
    my $server = httpd_with('host=database.example');
    my $client = alice_at($server);
    my @running = map { $client->clone->start_request('GET', '/app/show') } 1 .. 20;
    is $server->get('/ready.txt')->status, 200, 'what needs no session is answered meanwhile';
    my @status = map { eval { $_->finish->status } // 'none' } @running;
    is join(' ', grep { $_ ne '503' } @status), '', 'each request is answered in time, with 503';
    is $client->get('/app/show')->status, 503, 'also later';
    my ($address) = name_servers();
    my $socket = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 53, Proto => 'udp')
        or die "socket: $!";
    nft('flush chain ip test names');
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        be_a_name_server($socket, 60);
        POSIX::_exit(0);
    }
    is_served($client, 'when it answers, the sessions go on');
    kill 'KILL', $pid;
    waitpid $pid, 0;
    $server->stop;
};

is $alice->get('/app/show')->status, 200, 'after all that alice is still logged in';
done_testing;
