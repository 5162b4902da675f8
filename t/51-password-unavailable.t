# When a password cannot be checked (no users file, no table, no database), the login is answered
# with 503: it does not say that the password is wrong, it counts as no failure, and afterwards
# logins work again. Right and wrong passwords are tested in t/10-login.t.
# mpm: all

use lib 't/lib';
use Secsession::Test;

my %HASH = (
    'third time' => '$2y$04$zWy1neROnC5557HVAQLFuuI9H8iMEUc4jWtwSwAWEXGMhNygZcMKy',
    'elsewhere' => '$2y$04$km5DQiszEkmlUVAauPvaJeHJPAJ/Zf0jefuvsJDmBCvdlcBqdlVxe',
);

sub login_at {
    my ($path, @lines) = @_;
    return join "\n", qq{<Location "$path">}, 'SetHandler secsession-login', 'Require all granted',
        @lines, '</Location>', '';
}
my $DBD = login_at('/login-dbd', 'SecSessionAuthProvider dbd',
    'AuthDBDUserPWQuery "select password from app_user where name = %s"');
my $BROKEN = login_at('/login-dbd',
    'AuthDBDUserPWQuery "select x from missing where y = %s"');
my $NO_FILE = login_at('/login-nofile', 'AuthUserFile "/nonexistent/users"');

# DBDPersist Off: mod_dbd's kept connections forget their prepared statements when PostgreSQL
# restarts.
my ($postgres, $httpd) = start_servers(
    modules => ['authn_dbd'], database => { log_statements => 1 },
    log_level => 'info secsession:trace8 authn_dbd:trace8 authn_file:trace8 dbd:trace8',
    config => "DBDPersist Off\n$DBD$NO_FILE", vhosts => <<"CONFIG");
<VirtualHost 127.0.0.1:\@PORT\@>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:\@PORT\@>
    ServerName broken.example
    $BROKEN
</VirtualHost>
<VirtualHost 127.0.0.1:\@PORT\@>
    ServerName throttled.example
    SecSessionLoginThrottle 5 5m
</VirtualHost>
CONFIG
$postgres->psql(<<'SQL', vars => { elsewhere => $HASH{elsewhere}, carol => $HASH{'third time'} });
create table app_user (name text primary key, password text not null);
grant select on app_user to httpd_web;
insert into app_user values ('alice', :'elsewhere'), ('carol', :'carol');
SQL

sub is_unavailable {
    my ($name, $response) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply [ $response->status, !!$response->header('Retry-After'),
        map { $response->all_headers($_) } qw(Set-Cookie WWW-Authenticate) ],
        [ 503, 1 ], "$name: 503, and when to try again";
    unlike $response->body, qr/<form|wrong/, "$name: nobody is told that the password is wrong";
}

sub who { return environment_of($_[0]->get('/app/show'))->{REMOTE_USER} }

my @ATTEMPTS = (
    [ 'the right password', 'alice', 'correct horse' ],
    [ 'a wrong one', 'alice', 'Wr0ngPassw0rd' ], [ 'no such user', 'nobody', 'Wr0ngPassw0rd' ],
);

subtest 'if the password cannot be looked up, nobody is told that it is wrong' => sub {
    my $before = $postgres->count('event');
    for my $case ([ 'localhost', '/login-nofile' ], [ 'broken.example', '/login-dbd' ]) {
        my ($host, $path) = @$case;
        is_unavailable("$host$path, $_->[0]",
            $httpd->client(host => $host)->login(@$_[ 1, 2 ], path => $path)) for @ATTEMPTS;
    }
    is $postgres->count('event'), $before, 'it counts as no failure';
    is_unavailable("attempt $_ where five may fail",
        $httpd->client(host => 'throttled.example')
            ->login('alice', 'Wr0ngPassw0rd', path => '/login-nofile')) for 1 .. 7;
    is $postgres->psql('select coalesce(sum(attempts), 0) from secsession.login_attempt'), 0,
        'nor as an attempt';
    is $httpd->client->login('alice', 'elsewhere', path => '/login-dbd')->status, 303,
        'the other provider goes on';
};

subtest 'nor if the database is away, and then logins work again' => sub {
    my $alice = browser($httpd, 'alice');
    # each child has several connections
    $_->finish for map { $alice->start_request('GET', '/app/show') } 1 .. 24;
    $postgres->stop('fast');
    for my $path (qw(/login /login-dbd)) {
        is_unavailable("database away, $path, $_->[0]",
            $httpd->client->login(@$_[ 1, 2 ], path => $path)) for @ATTEMPTS;
    }
    is_unavailable('database away, with a cookie', $alice->login('alice', 'correct horse'));
    $postgres->start_again;
    for my $case ([ '/login', 'bob', 'battery staple' ], [ '/login-dbd', 'carol', 'third time' ]) {
        my ($path, @user) = @$case;
        my @status = map { $httpd->client->login(@user, path => $path)->status } 1 .. 12;
        is_deeply \@status, [ (303) x 12 ],
            "$path: the first logins afterwards work, in every child";
    }
    is who($alice), 'alice', 'and her session is as it was';
};

subtest 'no log holds a password that could not be checked' => sub {
    my $logs = $httpd->error_log . $httpd->access_log . $postgres->log;
    my @typed = map { ($_, s/ /+/gr, s/ /%20/gr) } 'Wr0ngPassw0rd', 'correct horse', keys %HASH;
    is_deeply [ grep { index($logs, $_) >= 0 } @typed ], [], 'of httpd or of PostgreSQL';
    like $logs, qr/user alice/, 'though the attempts are there';
};

done_testing;
