# Invariants I7 and I8 of docs/architecture.md: the token is nowhere but in the two cookie header
# fields, and no response contains anything of another session.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await run scratch slurp spew);
use Digest::SHA 'sha256';
use File::Find 'find';
use MIME::Base64 'decode_base64url';

# Ten users with one password.
my @users = map { "user$_" } 0 .. 9;
my ($hash) = slurp(users_file(scratch('hash'))) =~ /^alice:(.*)$/m;
my $many = spew(scratch('users') . '/users', join '', map { "$_:$hash\n" } 'alice', @users);
my $password = password_of('alice');

my $CONFIG = <<'CONFIG';
LogFormat "%r %u %{Cookie}i %{Referer}i %U %q %{SECSESSION_ID}e" chatty
CustomLog "@FOLDER@/logs/chatty.log" chatty
LogLevel trace3 secsession:trace8 dbd:trace8 authn_core:trace8 authz_core:trace8
CONFIG

my %CGI = (secrets => <<'CGI');
open my $environ, '<', '/proc/self/environ' or die $!;
open my $command, '<', '/proc/self/cmdline' or die $!;
print "Content-Type: text/plain\n\n", <$environ>, "\n", <$command>, "\n";
CGI

my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, config => $CONFIG, cgi => \%CGI,
    login => qq{AuthUserFile "$many"}, database => { log_statements => 1 },
);

sub user {
    my ($name) = @_;
    my $client = $httpd->client;
    $client->login($name, $password)->status == 303 or die "$name cannot log in\n";
    return $client;
}

sub seen_by_app { return environment_of($_[0]->get('/app/show')) }

sub start_login {
    my ($client, $user) = @_;
    my @headers =
        ([ 'Content-Type' => 'application/x-www-form-urlencoded' ], [ Origin => $client->origin ]);
    my $body = "username=$user&password=" . $password =~ s/ /+/gr;
    return $client->start_request('POST', '/login', headers => \@headers, body => $body);
}

# Every file below a folder that holds one of the texts.
sub files_with {
    my ($folder, @texts) = @_;
    my @found;
    my $look = sub {
        my $text = -f $_ ? slurp($_) : '';
        push @found, $File::Find::name if grep { index($text, $_) >= 0 } @texts;
    };
    find($look, $folder);
    return @found;
}

# ASVS 5.0 3.3.4 16.2.5
subtest 'I7: the token is in Cookie and Set-Cookie, and nowhere else' => sub {
    my $alice = $httpd->client;
    my @answers = $alice->login('alice', $password);
    my $token = $alice->token;
    is $answers[0]->cookie('__Host-secsession'),
        "__Host-secsession=$token; Path=/; Secure; HttpOnly; SameSite=Lax",
        'Set-Cookie has it';
    my @cookies = (headers => [ [ Cookie => "a=1; __Host-secsession=$token; b=2" ] ], jar => 0);
    push @answers, map { $alice->get($_, @cookies) }
        qw(/app/show /pub/show /app/secrets /pub/page.html /app/nothing /login /logout);
    push @answers, $alice->request('TRACE', '/pub/page.html', @cookies);
    push @answers, $alice->logout(@cookies), $alice->get('/app/show', @cookies);
    like $answers[1]->body, qr/^HTTP_COOKIE=a=1; b=2$/m, 'an application gets the other cookies';
    my @headers = map { "@$_" } grep { $_->[0] ne 'Set-Cookie' } map { @{ $_->headers } } @answers;
    is_deeply [ grep { index($_, $token) >= 0 } @headers, map { $_->body } @answers ], [],
        'no body, no other header field and no environment has it';
    my $bytes = decode_base64url($token);
    my $hash = unpack 'H*', sha256($bytes);
    my ($exit, $dump) =
        run([ $postgres->program('pg_dump'), '-h', $postgres->host, '-U', 'postgres', 'app' ]);
    ok $exit == 0 && index($dump, $hash) >= 0, 'the database has its hash';
    is index($dump, $token) + index($dump, unpack 'H*', $bytes), -2, 'and not itself';
    my $log = slurp($httpd->folder . '/logs/chatty.log');
    like $log, qr{GET /app/show HTTP/1.1 alice a=1; b=2 },
        'the access log can have the other cookies';
    is_deeply [ files_with($httpd->folder, $token, $bytes, unpack 'H*', $bytes) ], [],
        'no log and no file of httpd has it';
    is_deeply [
        files_with($postgres->{data} =~ s{/data$}{}r, $token, $bytes, unpack 'H*', $bytes) ], [],
        'nor PostgreSQL\'s log, tables and journal';
};

# httpd closes idle connections when its threads are all busy: a browser then asks again.
sub answer_to {
    my ($client) = @_;
    return
        eval { $client->{running}->finish }
        // $client->{browser}->get($client->{path}, keep_alive => 1);
}

# All of them hang up. An event MPM that is stopped while it closes connections may crash, without
# our help (close_worker_sockets() looks at sockets whose pools its threads are destroying).
sub hang_up {
    my @clients = @_;
    delete $_->{running} for @clients;
    $_->{browser}->disconnect for @clients;
    my $at = sprintf '0100007F:%04X [0-9A-F]+:[0-9A-F]+ (?:01|04|05|08|09|0B) ', $httpd->port;
    return await { slurp('/proc/net/tcp') !~ /$at/ };
}

# Rounds of requests, one on each connection at once.
subtest 'I8: on shared threads and connections nobody sees anything of anybody else' => sub {
    my (%id, %issued, @wrong);
    my @clients =
        map { { name => $_, browser => user($_) } } (@users) x ($httpd->mpm eq 'prefork' ? 1 : 4);
    push @clients, { name => undef, browser => $httpd->client };
    $_->{id} = $_->{name} ? seen_by_app($_->{browser})->{SECSESSION_ID} : '' for @clients;
    srand 8;
    my @paths =
        qw(/app/show /app/show /pub/show /static/page.html /app/nothing
            /app/headers?Set-Cookie:%20own=);
    for my $round (1 .. 12) {
        for my $client (@clients) {
            my $path = $paths[ rand @paths ];
            $path .= $client->{name} // 'none' if $path =~ /own=$/;
            $client->{path} = $path;
            $client->{running} = $client->{browser}->start_request('GET', $path, keep_alive => 1);
        }
        for my $client (@clients) {
            my ($answer, $path, $name) = (answer_to($client), @$client{qw(path name)});
            my $seen = $path =~ /show/ ? environment_of($answer) : {};
            my @expected = $path =~ /^.(app|static)/ && !$name ? (401, '', '', '') : (
                $path =~ /nothing/ ? 404 : 200, $path eq '/app/show' ? $name : '',
                $path =~ /show/ ? $client->{id} : '',
                $path =~ /own=/ ? "own=$name" : ''
            );
            my @got = (
                $answer->status, (map { $_ // '' } @$seen{qw(REMOTE_USER SECSESSION_ID)}),
                join ',', $answer->all_headers('Set-Cookie')
            );
            push @wrong, "$path of " . ($name // 'nobody') . ": @got" if "@got" ne "@expected";
        }
    }
    is_deeply \@wrong, [], scalar(@clients) . ' connections: each answer is of the one who asked';
    my @logins = grep { $_->{name} } @clients;
    $_->{running} = start_login($_->{browser}, $_->{name}) for @logins;
    $issued{ $_->{running}->finish->cookie('__Host-secsession') }++ for @logins;
    is scalar(keys %issued), scalar @logins, 'as many logins at once: each gets a token of its own';
    is scalar(grep { seen_by_app($_->{browser})->{REMOTE_USER} ne $_->{name} } @logins), 0,
        'which is that user\'s';
    ok hang_up(@clients), 'all connections are closed';
};

done_testing;
