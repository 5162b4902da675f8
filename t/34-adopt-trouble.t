# What may go wrong with SecSessionAdopt: nobody is adopted where it is not wanted, nor with a wrong
# password, nor after a revocation; errors and a database that is away let nobody in; and requests
# at once are all served.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp);
use Secsession::Psql;

my $NAME = '__Host-secsession';
my $USERS = users_file(scratch('adopt'));

my $PROGRAMS = '(show|slow|headers)(.*)$" "@FOLDER@/cgi-bin/$1$2"';
my ($postgres, $httpd) = start_servers(modules => [qw(authn_dbd authn_anon)],
    database => { log_statements => 1 }, config => <<"CONFIG");
ScriptAliasMatch "^/(?:basic|short|plain|off|slow|anon)/$PROGRAMS
<LocationMatch "^/(basic|short|plain|off|slow|anon)/">
    AuthType Basic
    AuthName staff
    AuthUserFile "$USERS"
    SecSessionAdopt On
    Require valid-user
</LocationMatch>
<Location "/short/">
    SecSessionIdleTimeout 5m
</Location>
<Location "/plain/">
    SecSessionAdopt Off
</Location>
<Location "/off/">
    SecSession Off
</Location>
<Location "/slow/">
    AuthBasicProvider dbd
    AuthDBDUserPWQuery "select password from app_user where name = %s"
</Location>
<Location "/anon/">
    AuthBasicProvider anon
    Anonymous *
    Anonymous_MustGiveEmail Off
    Anonymous_VerifyEmail Off
</Location>
<Location "/basic/gone/">
    ErrorDocument 401 /basic/show
</Location>
CONFIG

sub count { return $postgres->count(@_) }
sub of_token { return $postgres->of_token(@_) }
sub revoke { return $postgres->psql("select secsession.revoke_user('$_[0]', 'test')") }

sub basic {
    my ($client, $path) = @_;
    return $client->get($path // '/basic/show', headers => [ basic_header('alice') ]);
}

sub adopted {
    my $client = browser($httpd);
    my $status = basic($client)->status;
    die "alice is not adopted: $status" unless $status == 200 && $client->token;
    return $client;
}

subtest 'nobody is adopted where it is not wanted' => sub {
    my $rows = count('session');
    for my $path (qw(/plain/show /off/show)) {
        my $response = basic(browser($httpd), $path);
        is $response->status, 200, "$path: served";
        is $response->cookie($NAME), undef, "$path: no cookie";
    }
    is basic(browser($httpd), '/pub/show')->cookie($NAME), undef,
        'nor where nobody asked for a user';
    is count('session'), $rows, 'no session was made';
};

subtest 'a wrong password makes no session, and no password costs no SQL' => sub {
    my $rows = count('session');
    my $response = $httpd->get('/basic/show', headers => [ basic_header('alice', 'guess') ]);
    is $response->status, 401, 'refused';
    is $response->cookie($NAME), undef, 'no cookie';
    is count('session'), $rows, 'no session';
    my $asked = $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/);
    is $httpd->get('/basic/show')->status, 401, 'nobody' for 1 .. 3;
    is $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/), $asked, 'no SQL';
    my $alice = adopted();
    basic($alice);
    $asked = $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/);
    is basic($alice)->status, 200, 'alice' for 1 .. 3;
    is $postgres->statements('httpd_web', qr/login_moment|lookup|authenticate/), $asked,
        'nor does a session that goes on';
};

subtest 'a location with a shorter timeout has its user authenticate again' => sub {
    my $alice = adopted();
    my $old = $alice->token;
    is basic($alice, '/short/show')->status, 200, 'in time';
    $postgres->psql("update secsession.session set last_seen_at = now() - interval '10 minutes'
        where ended_at is null");
    has_heard($postgres);
    my $response = basic($alice, '/short/show');
    is $response->status, 401, 'too late';
    like $response->cookie($NAME), qr/Max-Age=0/, 'the cookie is deleted';
    is of_token('end_reason', $old), 'logout',
        'and the session has ended, since nobody has its token';
    is basic($alice, '/short/show')->status, 200, 'then she is in again';
};

subtest 'requests at once are all served' => sub {
    for my $kind ('without a cookie', 'with an anonymous session') {
        my $client = browser($httpd);
        $client->set_token($postgres->anonymous_token) if $kind =~ /anonymous/;
        my @running = map {
            $client->start_request('GET', '/basic/show', headers => [ basic_header('alice') ])
        } 1 .. 20;
        my @seen = map { $_->finish } @running;
        is_deeply [ grep { $_->status != 200 } @seen ], [], "$kind: none is refused";
        is_deeply [ grep { environment_of($_)->{REMOTE_USER} ne 'alice' } @seen ], [],
            "$kind: each is alice's";
        is basic($client)->status, 200, "$kind: so is the next one";
    }
};

subtest 'requests that were under way when the token changed are served, without a session' => sub {
    my $alice = browser($httpd)->set_token($postgres->anonymous_token);
    my $late = $alice->clone;
    basic($alice);
    my $rows = count('session');
    my $response = basic($late);
    is $response->status, 200, 'served';
    is environment_of($response)->{SECSESSION_ID}, undef, 'without a session';
    is $response->cookie($NAME), undef, 'the cookie is left alone';
    is count('session'), $rows, 'and no other session is made';
    is basic($alice)->status, 200, 'the session goes on';
};

subtest 'the page of an error shows itself to nobody' => sub {
    my $alice = adopted();
    revoke('alice');
    has_heard($postgres);
    my $response = basic($alice, '/basic/gone/x');
    is $response->status, 401, 'refused';
    unlike $response->body, qr/^REMOTE_USER=/m, 'the ErrorDocument knows no user';
};

subtest 'who cannot have a session does not get in' => sub {
    my $response = $httpd->get('/anon/show', headers => [ basic_header('x' x 300, 'x') ]);
    is $response->status, 403, 'a name that is too long';
    like $httpd->error_log, qr/SS231: /, 'the log says why';
    is environment_of($httpd->get('/anon/show', headers => [ basic_header('x' x 255, 'x') ]))
        ->{REMOTE_USER}, 'x' x 255, 'the longest';
};

# The password is being looked for in a table that we hold.
sub is_waiting {
    return $postgres->value("select count(*) from pg_stat_activity
        where wait_event_type = 'Lock' and query ~ 'app_user'");
}

subtest 'a revocation while the password is checked refuses the request' => sub {
    my ($hash) = slurp($USERS) =~ /^alice:(.*)$/m;
    $postgres->psql(<<'SQL', vars => { hash => $hash });
create table app_user (name text primary key, password text not null);
insert into app_user values ('alice', :'hash');
grant select on app_user to httpd_web;
SQL
    my %cookie =
        ('without a cookie' => undef, 'with a token of nobody' => $postgres->anonymous_token);
    for my $kind (sort keys %cookie) {
        my $alice = browser($httpd);
        $alice->set_token($cookie{$kind}) if $cookie{$kind};
        my $psql = Secsession::Psql->new($postgres);
        $psql->run('begin; lock table app_user in access exclusive mode;');
        my $request =
            $alice->start_request('GET', '/slow/show', headers => [ basic_header('alice') ]);
        wait_until { is_waiting() } "$kind: the password is being checked";
        revoke('alice');
        $psql->run('commit;');
        $psql->close;
        my $response = $request->finish;
        is $response->status, 401, "$kind: refused";
        like $response->header('WWW-Authenticate'), qr/^Basic/, "$kind: with the challenge";
        unlike $response->body, qr/REMOTE_USER/, "$kind: nothing is shown";
        is basic($alice, '/slow/show')->status, 200, "$kind: who tries again is in";
    }
};

subtest 'the database is away' => sub {
    my $alice = adopted();
    my $rows = count('session');
    $postgres->stop('fast');
    lease_ends { basic($alice) } 'the lease ends';
    my %client = ('with a session' => $alice, 'without one' => browser($httpd),
        'with an unknown token' => browser($httpd)->set_token('A' x 43));
    for my $kind (sort keys %client) {
        my $response = basic($client{$kind});
        is $response->status, 503, "$kind: 503";
        ok $response->header('Retry-After'), "$kind: try again later";
        unlike $response->body, qr/REMOTE_USER/, "$kind: nothing is shown";
        is $response->cookie($NAME), undef, "$kind: the cookie stays";
    }
    is $httpd->get('/basic/show')->status, 401, 'who shows no password is asked for it';
    $postgres->start_again;
    is basic($alice)->status, 200, 'when it is back, the session goes on';
    is count('session'), $rows, 'and no other was made';
};

done_testing;
