# A user has one name, however it is typed where the provider takes several for the same: in the
# session, for limits, for revocations and for the throttle (SecSessionUserNames).
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch spew);
use Secsession::Programs 'answering';

# Providers that do not look at case, as LDAP does: asked by the form, by Basic and by mod_auth_form.
my $DBD = <<'CONFIG';
    AuthDBDUserPWQuery "select password from app.users where lower(name) = lower(%s)"
CONFIG
my $CONFIG = <<"CONFIG";
DBDPersist Off
<Location "/login">
    SecSessionAuthProvider dbd
$DBD
</Location>
ScriptAliasMatch "^/(?:basic|fresh|form|money)/(show)" "\@FOLDER\@/cgi-bin/\$1"
<LocationMatch "^/(basic|fresh)/">
    AuthType Basic
    AuthName staff
    AuthBasicProvider dbd
$DBD
    SecSessionAdopt On
</LocationMatch>
<Location "/basic/">
    Require valid-user
</Location>
<Location "/fresh/">
    Require session-fresh 5m
</Location>
<Location "/money/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require session-fresh 5m
</Location>
<Location "/form/">
    AuthType Form
    AuthName staff
    AuthFormProvider dbd
$DBD
    Session On
    Require valid-user
</Location>
<Location "/pub/">
    SecSessionAppLogin On
</Location>
CONFIG
my @MODULES = (modules => [qw(dbd authn_dbd session auth_form request)]);
my ($postgres, $httpd) = start_servers(
    @MODULES, children => 2, threads => 16, throttle => '5 5m',
    config => "SecSessionUserNames lowercase\nSecSessionMaxPerUser 2\n$CONFIG"
);
my $exact = Secsession::Httpd->start(
    @MODULES, postgres => $postgres,
    config => Secsession::Test::standard_config(
        throttle => '5 5m', config => "SecSessionRealm exact\n$CONFIG"
    )
);

sub sql { my ($text, %vars) = @_; return $postgres->psql($text, vars => \%vars) }
sql(q{create schema app; create table app.users (name text, password text not null);
    grant usage on schema app to httpd_web; grant select on app.users to httpd_web});
sql(q{insert into app.users values ('alice', :'hash'), ('Bob', :'hash')},
    hash => crypt('secret', '$6$salt'));

sub log_in {
    my ($user, %opt) = @_;
    my $client = ($opt{server} // $httpd)->client;
    return ($client, $client->login($user, $opt{password} // 'secret'));
}
sub entered {
    my ($client, $response) = log_in(@_);
    is $response->status, 303, "'$_[0]' logs in" or diag $response->raw;
    return $client;
}
sub user_seen { return environment_of($_[0]->get('/app/show'))->{REMOTE_USER} }
sub live { return sql('select string_agg(distinct user_name, \' \' order by user_name) || \' \' '
    . '|| count(*) from secsession.active_session') // '' }
sub revoke_user {
    my ($user) = @_;
    my $ended = $postgres->psql(q{select secsession.revoke_user(:'user', 'test')},
        user => 'admin_role', vars => { user => $user });
    has_heard($postgres);
    return $ended;
}
sub everybody_out {
    sql(q{select secsession.revoke_all('test'); truncate secsession.login_attempt});
    has_heard($postgres);
    return;
}

subtest 'however a name is typed, it is one user' => sub {
    my @clients = map { entered($_) } 'alice', 'Alice', ' ALICE ', "aLice\xc2\xa0";
    has_heard($postgres);
    is_deeply [ map { user_seen($_) } @clients[ 2, 3 ] ], [ 'alice', 'alice' ],
        'applications are told one name';
    is live(), 'alice 2', 'who may have two sessions has two';
    is revoke_user('alicE '), 2, 'a revocation by any spelling finds them';
    is_deeply [ map { $_->get('/app/show')->status } @clients ], [ (401) x 4 ], 'all';
    is sql(q{select count(*) from secsession.event where reason = 'test'
        and event = 'revoked' and user_name = 'alice'}), 2, 'with an event each';
    is revoke_user('ALICE'), 0, 'again, it finds none';
    is sql(q{select string_agg(user_name, ' ') from (select user_name from secsession.event
        where event = 'revoked' order by event_id desc limit 1) last}), 'ALICE',
        'and says whom it was meant for, once';
};

subtest 'a login under way' => sub {
    everybody_out();
    my $moment = sql('select secsession.login_moment()');
    revoke_user('Alice');
    my $state = sub {
        my ($token, $is_lowercase) = @_;
        return sql("select (secsession.authenticate(row(sha256('$token'), null, 'r', 'alice',
            'form', '$moment', null, null, 900, 900)::secsession.login,
            is_lowercase => $is_lowercase)).state");
    };
    is $state->('a', 'true'), 'ended', 'is refused after a revocation by another spelling';
    is $state->('b', 'false'), 'live', 'where it is another spelling, and no other user';
};

subtest 'where names are exact' => sub {
    everybody_out();
    my @at = (server => $exact);
    my ($alice, $other, $blanks) = map { entered($_, @at) } 'alice', 'Alice', " Alice\xe3\x80\x80";
    is_deeply [ map { user_seen($_) } $alice, $other, $blanks ], [qw(alice Alice Alice)],
        'only blanks at the ends do not matter';
    my $folded = entered('ALICE');
    is revoke_user('alice'), 2, 'alice is revoked, here and where case does not matter';
    is_deeply [ map { $_->get('/app/show')->status } $alice, $other, $blanks, $folded ],
        [ 401, 200, 200, 401 ], 'and nobody else';
    $folded = entered('alice');
    is revoke_user('Alice'), 3, 'so is Alice';
    is_deeply [ map { $_->get('/app/show')->status } $other, $blanks, $folded ], [ (401) x 3 ],
        'everywhere';
};

subtest 'another spelling is no other attempt' => sub {
    for my $server ($httpd, $exact) {
        everybody_out();
        my @typed = ('alice', 'Alice', 'ALICE ', " aLice", "alice\xc2\xa0", 'AlicE');
        my @statuses =
            map { (log_in($_, server => $server, password => 'wrong'))[1]->status } @typed;
        is "@statuses", '401 401 401 401 401 429', 'the sixth has to wait';
        is sql(q{select secsession.reset_throttle('ALIce ')}) > 0, 1, 'any of them resets it';
        is((log_in('alice', server => $server))[1]->status, 303, 'and lets her in');
        my @others = map { (log_in($_, server => $server, password => 'wrong'))[1]->status }
            "Zo\xc3\x89  X", "zo\xc3\xa9 x", "ZO\xc3\x89 X", "zoe\xcc\x81 x", "zo\xc3\xa9\xe3\x80\x80x",
            "z\xef\xbd\x8f\xc3\xa9 x";
        is "@others", '401 401 401 401 401 429', 'nor one with accents, or wide blanks and letters';
    }
};

subtest 'who has to log in again' => sub {
    everybody_out();
    my $bob = entered('bob');
    sql(q{update secsession.session set authenticated_at = now() - interval '10 min'});
    has_heard($postgres);
    is $bob->get('/money/show')->status, 401, 'for a page that wants a fresh login';
    my %again = (password => 'secret', again => 1);
    is $bob->post_form('/login', { %again, username => 'alice' })->status, 403,
        'cannot do so as somebody else';
    is $bob->post_form('/login', { %again, username => 'BOB ' })->status, 303,
        'but by another spelling';
    is $bob->get('/money/show')->status, 200, 'and gets in';
};

subtest 'users of Basic' => sub {
    everybody_out();
    my $client = $httpd->client;
    my $is_seen = sub {
        my ($path, $user) = @_;
        my $response = $client->get($path, headers => [ basic_header($user, 'secret') ]);
        return join ' ', $response->status, environment_of($response)->{REMOTE_USER} // '';
    };
    is $is_seen->('/basic/show', $_), '200 alice', "'$_' is alice" for 'Alice', 'alice', 'ALICE';
    is live(), 'alice 1', 'in one session';
    is $is_seen->('/fresh/show', 'aLice'), '200 alice', 'which is fresh';
    is revoke_user('Alice'), 1, 'and can be revoked';
    is $is_seen->('/basic/show', 'aLice') =~ s/ .*//r, 401, 'for every spelling';
};

subtest 'users of mod_auth_form' => sub {
    everybody_out();
    my $client = $httpd->client;
    my $fields = { httpd_username => 'Alice', httpd_password => 'secret' };
    is $client->post_form('/form/show', $fields)->status, 200, 'log in';
    is live(), 'alice 1', 'by the same name';
    is $client->get('/form/show')->status, 200, 'and stay so' for 1 .. 2;
    is live(), 'alice 1', 'in one session';
    unlike $httpd->error_log, qr/SS235/, 'which keeps the credentials of its user';
    revoke_user('aLice');
    is $client->get('/form/show')->status, 401, 'until they are revoked';
};

subtest 'users whom an application logs in' => sub {
    everybody_out();
    my @clients = map {
        my $client = $httpd->client;
        is $client->get(answering('in', "SecSession-Login: $_") =~ s{^/\w+/}{/pub/}r)->status, 200,
            "as $_";
        $client;
    } 'Alice', 'alice', 'ALICE';
    has_heard($postgres);
    is live(), 'alice 2', 'have one name, too';
    is_deeply [ map { user_seen($_) } @clients[ 1, 2 ] ], [ 'alice', 'alice' ], 'are told it';
    is revoke_user('Alice'), 2, 'and end by it';
};

$exact->stop;
done_testing;
