# What is under way when a session ends: responses and uploads are cut, whoever makes or reads them;
# what belongs to anybody else, or to the end itself, is not.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await free_port run scratch slurp spawn spew);
use IO::Select;
use IO::Socket::INET;

my $BIG = 300_000_000;

# What a backend sends: words as long as somebody reads; one, and then nothing until all is over;
# fewer bytes than it has said.
my $BACKEND = <<'PERL';
use strict; use warnings; use IO::Socket::INET;
my ($port, $folder) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 50, ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
while (my $c = $server->accept) {
    next if fork;
    $SIG{PIPE} = sub { exit };
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread($c, $head, 4096, length $head) or exit }
    my $type = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    if ($head =~ m{^GET /silent}) {
        syswrite $c, "${type}Transfer-Encoding: chunked\r\n\r\n6\r\nword\n\n\r\n";
        open my $silent, '>', "$folder/silent.$$" or die "silent: $!";
        select undef, undef, undef, 0.1 until -e "$folder/over";
        close $c;
        unlink "$folder/silent.$$";
    } elsif ($head =~ m{^GET /length}) {
        syswrite $c, "${type}Content-Length: 1000000\r\n\r\n";
        for (1 .. 500) { syswrite $c, "word\n\n"; select undef, undef, undef, 0.05 }
    } else {
        syswrite $c, "${type}Transfer-Encoding: chunked\r\n\r\n";
        for (1 .. 500) { syswrite $c, "6\r\nword\n\n\r\n"; select undef, undef, undef, 0.05 }
    }
    exit;
}
PERL
my $port = free_port();
my $backend = scratch('backend');
my $program = spew("$backend/backend.pl", $BACKEND, 0644);
spawn(command => [ $^X, $program, $port, $backend ], log => "$backend/log");
await { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }
    or die 'the backend does not start';

my %cgi = (
    words => <<'PERL',
$| = 1;
print "Content-Type: text/plain\n\n";
for (1 .. 500) { print "word\n\n"; select undef, undef, undef, 0.05 }
PERL
    logout => <<'PERL',
print "Content-Type: text/plain\nSecSession-Logout: 1\n\n", "x" x 200_000;
PERL
    upload => <<'PERL',
open my $started, '>', "$state/upload" or die "$state/upload: $!";
my $length = 0;
while (my $read = sysread(STDIN, my $data, 1000)) {
    $length += $read;
    seek $started, 0, 0;
    syswrite $started, "$length\n";
}
print "Content-Type: text/plain\n\nread $length\n";
PERL
);
my @servers = (children => 2, threads => 16, modules => [qw(proxy proxy_http http2)], cgi => \%cgi);
my $CONFIG = <<"CONFIG";
Protocols h2c http/1.1
ProxyPass "/up/" "http://127.0.0.1:$port/"
<Location "/up/">
    AuthType SecSession
    Require valid-user
</Location>
<Location "/app/logout">
    SecSessionAppLogin On
</Location>
CONFIG
my ($postgres, $httpd) =
    start_servers(@servers, config => $CONFIG, database => { log_statements => 1 });
truncate spew($httpd->document_root . '/static/big', ''), $BIG or die "truncate: $!";

# --- clients --------------------------------------------------------------------------------------

# Reads what is there, at most 64 KiB.
sub take {
    my ($flow) = @_;
    return if $flow->{is_over} || !IO::Select->new($flow->{socket})->can_read(0.1);
    my $read = sysread $flow->{socket}, my $data, 65536;
    $flow->{data} .= substr $data, 0, 1000 if $read;
    $flow->{length} += $read || 0;
    $flow->{is_over} = 1 unless $read;
    return;
}

sub connect_to {
    my ($client, $head) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $client->{port})
        or die "connect: $!";
    syswrite $socket, "$head HTTP/1.1\r\nHost: @{[ $client->authority ]}\r\n"
        . "Cookie: __Host-secsession=@{[ $client->token ]}\r\n";
    return { socket => $socket, data => '', length => 0 };
}

# Asks, and reads the first part of the response.
sub begin {
    my ($client, $path) = @_;
    my $flow = connect_to($client, "GET $path");
    syswrite $flow->{socket}, "\r\n";
    await { take($flow); $flow->{data} =~ /\r\n\r\n.*(?:word|\0)/s || $flow->{is_over} };
    return $flow;
}

sub is_over_soon {
    my ($flow, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    wait_until { take($flow); $flow->{is_over} } $name;
    unlike $flow->{data}, qr/\r\n0\r\n/, '... and has no end';
    return;
}

sub goes_on {
    my ($flow, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    take($flow) for 1 .. 3;
    my $before = $flow->{length};
    return wait_until { take($flow); $flow->{length} > $before } $name;
}

sub revoke { return $postgres->psql("select secsession.revoke_user('$_[0]', 'test')") }

# --- what is cut ----------------------------------------------------------------------------------

my %STREAMS = (
    'of a CGI program' => '/app/words',
    'of a proxied application' => '/up/words',
    'with a Content-Length' => '/up/length',
    'that says nothing' => '/up/silent',
);
for my $kind (sort keys %STREAMS) {
    subtest "a response $kind" => sub {
        my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
        my $path = $STREAMS{$kind};
        my ($hers, $his) = map { begin($_, $path) } $alice, $bob;
        like $hers->{data}, qr/word/, 'begins';
        revoke('alice');
        is_over_soon($hers, 'and is cut when the session is revoked');
        like $httpd->error_log,
            qr/SS275: what is under way at \Q$path\E is cut: session [-0-9a-f]+ of user alice/,
            'which the log says';
        return goes_on($his, 'nobody else\'s is') if $path !~ /silent/;
        take($his);
        ok !$his->{is_over}, 'nobody else\'s is';
    };
}

my %ENDS = (
    'logged out of in another tab' => sub { $_[0]->clone->logout },
    'replaced by that of another user' =>
        sub { $_[0]->clone->login('bob', password_of('bob')) },
    'over by its absolute end' => sub {
        $postgres->psql("update secsession.session set expires_at = now()
            where user_name = 'alice' and ended_at is null");
    },
);
for my $end (sort keys %ENDS) {
    subtest "a session that is $end" => sub {
        my $alice = browser($httpd, 'alice');
        my @flows = map { begin($alice, $_) } qw(/up/words /up/silent /up/silent);
        $ENDS{$end}->($alice);
        is_over_soon($_, 'what is under way for it is cut') for @flows;
    };
}

subtest 'a file that is sent by sendfile, to a slow client' => sub {
    my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
    my ($hers, $his) = map { begin($_, '/static/big') } $alice, $bob;
    revoke('alice');
    wait_until { $httpd->error_log =~ m{SS275: what is under way at /static/big is cut} }
        'is cut although nothing is read of it';
    take($hers) until $hers->{is_over};
    cmp_ok $hers->{length}, '<', $BIG / 2, 'and what is left does not come';
    take($his) until $his->{is_over} || $his->{length} > $BIG;
    cmp_ok $his->{length}, '>', $BIG, 'nobody else\'s is';
};

# Reads over HTTP/2, slower than httpd sends, so that most of a file waits for it.
sub start_curl {
    my ($client, $path) = @_;
    my $out = scratch('h2') . '/out';
    my @command = (qw(curl -sS --no-buffer --http2-prior-knowledge --limit-rate 2M -m 60 -o),
        $out, '-H', 'Cookie: __Host-secsession=' . $client->token, $httpd->url($path));
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>', "$out.err" or die "$!";
        exec @command or die "curl: $!";
    }
    await { -s $out };
    return { pid => $pid, out => $out };
}

subtest 'HTTP/2' => sub {
    for my $path ('/static/big', '/up/words', '/app/words') {
        my ($alice, $bob) = map { browser($httpd, $_) } qw(alice bob);
        my ($hers, $his) = map { start_curl($_, $path) } $alice, $bob;
        revoke('alice');
        waitpid $hers->{pid}, 0;
        is $? >> 8, 92, "the stream of $path is broken off" or diag slurp("$hers->{out}.err");
        cmp_ok -s $hers->{out}, '<', $BIG / 2, 'and what is left does not come';
        my $before = -s $his->{out};
        wait_until { -s $his->{out} > $before } 'nobody else\'s is';
        kill TERM => $his->{pid};
        waitpid $his->{pid}, 0;
    }
};

subtest 'an upload' => sub {
    my $alice = browser($httpd, 'alice');
    my $flow = connect_to($alice, 'POST /app/upload');
    syswrite $flow->{socket}, "Content-Length: 100000000\r\n\r\n";
    my $state = $httpd->folder . '/state/upload';
    local $SIG{PIPE} = 'IGNORE';
    my $more = sub { syswrite $flow->{socket}, 'x' x 20_000; select undef, undef, undef, 0.01 };
    wait_until { $more->(); -s $state && slurp($state) > 20_000 } 'arrives at the application';
    revoke('alice');
    wait_until { $more->(); take($flow); $flow->{is_over} } 'until the session has ended';
    like $flow->{data}, qr{^(?:HTTP/1\.1 401 .*)?$}s, 'and its response is refused';
    unlike $flow->{data}, qr/read \d/, 'whatever the application says';
};

subtest 'a response that has not begun' => sub {
    my $alice = browser($httpd, 'alice');
    my $page = $alice->clone->start_request('GET', '/app/slow?page',
        headers => [ [ Accept => 'text/html' ] ]);
    my $script = $alice->clone->start_request('GET', '/app/slow?script');
    ok $httpd->slow_started($_), 'is waited for' for qw(page script);
    revoke('alice');
    has_heard($postgres);
    $httpd->let_go($_) for qw(page script);
    my ($to_person, $to_script) = map { $_->finish } $page, $script;
    is $to_person->status, 303, 'becomes a redirect to the login page';
    like $to_person->header('Location'), qr{^/login\?return=}, 'that leads back';
    is $to_script->status, 401, 'or a refusal';
    is $to_script->header('Cache-Control'), 'no-store', 'which no cache keeps';
    ok defined $to_script->header('WWW-Authenticate'), 'with a challenge';
    unlike $_->raw, qr/done|Set-Cookie/, 'and nothing of it is sent' for $to_person, $to_script;
};

# --- what is not ----------------------------------------------------------------------------------

subtest 'what ends a session, or goes on with it, is not cut' => sub {
    my $alice = browser($httpd, 'alice');
    my $flow = begin($alice, '/up/words');
    my $silent = begin($alice, '/up/silent');
    $postgres->psql("update secsession.session set rotated_at = rotated_at - interval '1 hour'
        where user_name = 'alice' and ended_at is null");
    has_heard($postgres);
    my $old = $alice->token;
    $alice->get('/static/page.html') for 1, 2;
    isnt $alice->token, $old, 'the session has another token';
    has_heard($postgres);
    goes_on($flow, 'what is under way goes on');
    is $alice->login('alice', password_of('alice'))->status, 303, 'the user logs in again';
    has_heard($postgres);
    goes_on($flow, 'what is under way goes on');
    $postgres->psql("update secsession.session set last_seen_at = now() - interval '1 hour'
        where user_name = 'alice' and ended_at is null");
    has_heard($postgres);
    goes_on($flow, 'what is under way is use: it goes on');
    take($silent);
    ok !$silent->{is_over}, 'so does what says nothing';

    $alice = browser($httpd, 'alice');
    my $response = $alice->get('/app/logout');
    is length $response->body, 200_000, 'the response of the application that logs out is whole';
    is $alice->get('/app/show')->status, 401, 'and the session is over';
};

# --- what it costs --------------------------------------------------------------------------------

subtest 'with the cache' => sub {
    my $alice = browser($httpd, 'alice');
    my @flows = map { begin($alice, '/up/words') } 1 .. 5;
    goes_on($_, 'a stream begins') for @flows;
    has_heard($postgres);
    my $asked =
        sub { scalar $postgres->statements('httpd_web', qr/under_way|lookup|current_token/) };
    my $before = $asked->();
    for (1 .. 3) { goes_on($_, 'goes on') for @flows }
    has_heard($postgres);
    goes_on($_, 'and on') for @flows;
    is $asked->() - $before, 0, 'without SQL';
};

subtest 'a database that does not answer' => sub {
    my $alice = browser($httpd, 'alice');
    my $flow = begin($alice, '/up/words');
    $postgres->stop;
    wait_until { take($flow); $flow->{is_over} } 'what is under way is cut after the lease';
    like $httpd->error_log, qr/SS276: what is under way at .* nothing is known of session/,
        'the log says why';
    $postgres->start_again;
};

subtest 'without a cache' => sub {
    my $other = Secsession::Httpd->start(@servers, postgres => $postgres,
        config => $httpd->{config} . "SecSessionCache Off\n");
    my ($alice, $bob) = map { browser($other, $_) } qw(alice bob);
    my @flows = map { begin($alice, '/up/words') } 1 .. 12;
    my $his = begin($bob, '/up/words');
    my $asked = sub { scalar $postgres->statements('httpd_web', qr/under_way/) };
    my $before = $asked->();
    my $until = $his->{length} + 40 * length "6\r\nword\n\n\r\n";
    wait_until { take($_) for $his, @flows; $his->{length} >= $until } 'streams go on for 2 s';
    my $statements = $asked->() - $before;
    cmp_ok $statements, '>', 0, 'PostgreSQL is asked';
    cmp_ok $statements, '<', 13, 'not once for each of them' if $other->mpm ne 'prefork';
    revoke('alice');
    is_over_soon($_, 'and they are cut when the session is revoked') for @flows;
    goes_on($his, 'nobody else\'s is');
};

# mod_proxy of prefork aborts when a child ends while a backend is silent.
spew("$backend/over", '');
await { !@{ [ glob "$backend/silent.*" ] } };

done_testing;
