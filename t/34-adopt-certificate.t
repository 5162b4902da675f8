# SecSessionAdopt: whom mod_ssl has taken from a client certificate has a session, with an end.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Certificates;
use Secsession::Process qw(free_port scratch slurp spew);

plan skip_all => $_ for why_not();

my $FOLDER = make_certificates(scratch('tls'), qw(localhost alice bob));
my $postgres = Secsession::Postgres->start->install;

# Answers at this port, with another line of configuration.
sub start_at {
    my ($port, $line) = @_;
    return Secsession::Httpd->start(postgres => $postgres, modules => [qw(ssl socache_shmcb)],
        config => qq($line\nScriptAliasMatch "^/cert/(show)" "\@FOLDER\@/cgi-bin/\$1"\n),
        vhosts => <<"VHOST");
Listen 127.0.0.1:$port
<VirtualHost 127.0.0.1:$port>
    ServerName localhost
    SSLEngine On
    SSLCertificateFile $FOLDER/localhost.pem
    SSLCertificateKeyFile $FOLDER/localhost.key
    SSLCACertificateFile $FOLDER/ca.pem
    SSLVerifyClient optional
    SSLUserName SSL_CLIENT_S_DN_CN
    SecSession On
    <Location "/cert/">
        SecSessionAdopt On
        Require ssl-verify-client
    </Location>
    <Location "/logout">
        SetHandler secsession-logout
        Require all granted
    </Location>
</VirtualHost>
VHOST
}

my $PORT = free_port();
my $httpd = start_at($PORT, '');

my %FOUND = (status => qr{\AHTTP/1.1 (\d+)}, id => qr/^SECSESSION_ID=(.*)$/m,
    user => qr/^REMOTE_USER=(.*)$/m, set => qr/^Set-Cookie: (.*?)\r$/m);

# What a user with a certificate gets, whose cookies are in a file.
sub ask {
    my ($name, $jar, @more) = @_;
    my $out = curl($FOLDER, $name, '-b', $jar, '-c', $jar,
        @more ? @more : "https://localhost:$PORT/cert/show");
    return { map { my ($text) = $out =~ $FOUND{$_}; ($_ => $text) } keys %FOUND };
}

my $jar = spew("$FOLDER/jar", '');
my ($alice, $bob);

subtest 'a session is made, and used' => sub {
    $alice = ask('alice', $jar);
    is $alice->{status}, 200, 'the page is shown';
    is $alice->{user}, 'alice', 'to alice';
    like $alice->{set}, qr/\A__Host-secsession=[\w-]{43}; .*Secure/, 'with a cookie';
    is $postgres->value("select user_name || ' ' || auth_method from secsession.session
        where session_id = '$alice->{id}'"), 'alice certificate', 'her session';
    my $second = ask('alice', $jar);
    is_deeply [ @$second{qw(id set)} ], [ $alice->{id}, undef ], 'the next request has it, too';
};

subtest 'another certificate is another user' => sub {
    $bob = ask('bob', $jar);
    is $bob->{user}, 'bob', 'bob comes with alice\'s cookie';
    isnt $bob->{id}, $alice->{id}, 'and gets a session of his own';
};

subtest 'who had a session that has ended is refused once' => sub {
    for my $end (q{select secsession.revoke_user('bob', 'test')},
        q{update secsession.session set last_seen_at = now() - interval '1 h'}) {
        $postgres->psql($end);
        my $copy = sub { spew("$FOLDER/copy", slurp($jar)) };
        wait_until { ask('bob', $copy->())->{status} == 401 } "$end: refused";
        like ask('bob', $jar)->{set} // '', qr/Max-Age=0/, 'the cookie is deleted';
        is ask('bob', $jar)->{status}, 200, 'and the next request is in';
    }
    my $out = ask('bob', $jar, '-X', 'POST', '-H', "Origin: https://localhost:$PORT",
        "https://localhost:$PORT/logout");
    is $out->{status}, 303, 'a logout';
    isnt ask('bob', $jar)->{id}, $bob->{id}, 'after which there is another session';
};

subtest 'with SecSessionKeys a client without cookies has one session' => sub {
    my $keys = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
    my $port = free_port();
    my $found = start_at($port, qq(SecSessionKeys "$keys"));
    my $ask = sub { return ask($_[0], spew("$FOLDER/none", ''), "https://localhost:$port/cert/show") };
    my ($first, $second) = map { $ask->('alice') } 1, 2;
    is $second->{user}, 'alice', 'alice';
    is_deeply [ @$second{qw(id set)} ], [ $first->{id}, undef ], 'has the same session again';
    isnt $ask->('bob')->{id}, $first->{id}, 'bob has another';
    $postgres->psql("update secsession.session set last_seen_at = now() - interval '1 h'");
    has_heard($postgres);
    is $ask->('alice')->{status}, 200, 'after the idle timeout';
    $postgres->psql("select secsession.revoke_user('alice', 'test')");
    has_heard($postgres);
    is $ask->('alice')->{status}, 401, 'whom a revocation refuses' for 1 .. 3;
    is $ask->('bob')->{status}, 200, 'bob it does not';
    rename "$FOLDER/alice.$_", "$FOLDER/old-alice.$_" for qw(pem key csr);
    sign_certificate($FOLDER, 'alice');
    is $ask->('alice')->{user}, 'alice', 'another certificate is let in';
    is $ask->('old-alice')->{status}, 401, 'the one before is not';
    is $postgres->value("select secsession.allow_user('alice', 'test')"), 1, 'but may be allowed';
    is $ask->('old-alice')->{user}, 'alice', 'then it is';
};

done_testing;
