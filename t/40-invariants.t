# The invariants of docs/architecture.md: what must hold whatever happens, seen from outside.
# httpd's own mod_session_dbd breaks most of them. I7 and I8 are in t/46-secrecy.t, more of I6 in
# t/33-timeouts.t, more of I3 and I4 in t/50-database-trouble.t.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await scratch slurp);

my $password = password_of('alice');
my $CONFIG = <<'CONFIG';
<Location "/login-by-database">
    SetHandler secsession-login
    SecSessionAuthProvider dbd
    AuthDBDUserPWQuery "select password from app_user where name = %s"
    Require all granted
</Location>
LogFormat "%P" child
CustomLog "@FOLDER@/logs/children.log" child
CONFIG

my %CGI = (effect => <<'CGI');
1 while <STDIN>;
open my $ran, '>>', "$state/ran" or die $!;
print {$ran} ($ENV{REMOTE_USER} // '-'), "\n";
close $ran;
print "Content-Type: text/plain\n\nran\n";
CGI

my ($hash) = slurp(users_file(scratch('hash'))) =~ /^alice:(.*)$/m;
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, modules => ['authn_dbd'], config => $CONFIG, cgi => \%CGI,
    database => { log_statements => 1 },
);
$postgres->psql(<<'SQL', vars => { hash => $hash });
create table app_user (name text primary key, password text not null);
insert into app_user values ('alice', :'hash');
grant select on app_user to httpd_web;
SQL

my @navigation = (headers => [ [ Accept => 'text/html' ] ]);

sub bearer { my ($token) = @_; return $httpd->client->set_token($token) }
sub seen_by_app { return environment_of($_[0]->get('/app/show')) }
sub revoke {
    return $postgres->psql("select secsession.revoke_user('$_[0]', 'test')", user => 'admin_role');
}
sub live {
    return $postgres->value(
        "select count(*) from secsession.active_session where user_name = 'alice'");
}
sub rows { return $postgres->value(<<'SQL') }
select (select count(*) from secsession.session) || ' ' || (select count(*) from secsession.token)
    || ' ' || (select count(*) from secsession.event_log) || ' ' || (select count(*) from secsession.revocation)
SQL

# Within the lease, and from then on on any child, on any connection: the refusal deletes the
# cookie, so each request is of another browser.
sub is_refused {
    my ($token, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %seen;
    await { bearer($token)->get('/static/page.html')->status != 200 };
    $seen{ bearer($token)->get('/static/page.html')->status }++ for 1 .. 16;
    return is join(' ', sort keys %seen), '401', $name;
}

sub start_login {
    my ($client, $user, %opt) = @_;
    my @headers =
        ([ 'Content-Type' => 'application/x-www-form-urlencoded' ], [ Origin => $client->origin ]);
    my $body = "username=$user&password=" . $password =~ s/ /+/gr;
    return $client->start_request('POST', $opt{path} // '/login', headers => \@headers,
        body => $body);
}

sub revoke_all {
    return $postgres->psql("select secsession.revoke_all('test')", user => 'admin_role');
}
sub revoke_each {
    return $postgres->psql(
        "select secsession.revoke_session(session_id, 'test') from secsession.active_session",
        user => 'admin_role'
    );
}

# What returns a browser returns one that must still be logged in. Work in progress is use, so that no
# request finds at its end that its session has been idle; all other ends refuse its response.
my %slow_ends = (
    'the user was revoked' => sub { revoke('alice'); return },
    'the session was revoked' => sub { revoke_each(); return },
    'everybody was revoked' => sub { revoke_all(); return },
    'the logout' => sub { $_[0]->clone->logout; return },
    'another login' =>
        sub { my $again = $_[0]->clone; $again->login('alice', $password); return $again },
    'the idle timeout' => sub {
        $postgres->psql("update secsession.session set last_seen_at = now() - interval '1 h'");
        return;
    },
);

# ASVS 5.0 7.4.1
subtest 'I1: a slow request that ends late does not bring a dead session back' => sub {
    for my $ending (sort keys %slow_ends) {
        my $name = $ending =~ s/\W/_/gr;
        my $alice = browser($httpd, 'alice');
        my $token = $alice->token;
        my @running = map { $alice->start_request('GET', "/app/slow?$name$_", @navigation) } 1 .. 3;
        ok $httpd->slow_started("$name$_"), 'a slow request is under way' for 1 .. 3;
        my $again = $slow_ends{$ending}->($alice);
        $httpd->let_go("$name$_") for 1 .. 3;
        my @answers = map { $_->finish } @running;
        my $status = $again || $ending =~ /idle/ ? 200 : 303;
        is_deeply [ map { $_->status } @answers ], [ ($status) x 3 ], "it ends after $ending";
        is_deeply [ map { $_->all_headers('Set-Cookie') } @answers ], [], 'and sets no cookie';
        is_refused($token, "after $ending its token is refused everywhere");
        is live(), $again ? 1 : 0, 'and nothing is live but a session that began later';
        is $again->get('/app/show')->status, 200, 'which is not harmed' if $again;
        revoke('alice');
    }
};

subtest 'I1: a revocation that is obeyed by one request is obeyed by the next in every child' =>
    sub {
    my $log = $httpd->folder . '/logs/children.log';
    my @browsers;
    my $covered = sub {
        my $alice = browser($httpd, 'alice');
        push @browsers, map { $alice->clone } 1 .. 4;
        $_->get('/static/page.html', keep_alive => 1) for @browsers[ -4 .. -1 ];
        my %served = map { $_ => 1 } split /\n/, slurp($log);
        return @browsers >= 12 || !grep { !$served{$_} } $httpd->child_pids;
    };
    1 until $covered->();
    my @before = map { $_->get('/static/page.html', keep_alive => 1)->status } @browsers;
    is scalar(grep { $_ == 200 } @before), scalar @browsers,
        'alice is logged in, on ' . @browsers . ' connections';
    cmp_ok scalar(keys %{ { map { $_ => 1 } split /\n/, slurp($log) } }), '>=', 2,
        'of several children';
    cmp_ok revoke('alice'), '>=', 1, 'she is revoked';
    wait_until { $browsers[0]->clone->get('/static/page.html')->status == 401 }
        'within the lease a request is refused';
    my @running = map { $_->start_request('GET', '/static/page.html', keep_alive => 1) } @browsers;
    is scalar(grep { $_->finish->status != 401 } @running), 0,
        'no request that starts then is accepted';
    };

# Locks a table. What it returns waits for somebody to come for it, does something else, and unlocks
# it.
sub hold {
    my ($table, $mode) = @_;
    open my $psql, '|-', $postgres->client, '-q' or die "psql: $!";
    $psql->autoflush(1);
    print {$psql} "begin; lock table $table in $mode mode;\n";
    my $wait_for = sub {
        my ($granted) = @_;
        my $locks = "from pg_locks where relation = '$table'::regclass and granted = $granted"
            . ($granted eq 'true' ? " and mode ~ '^(AccessExclusive|Share)Lock'" : '');
        await { $postgres->value("select count(*) $locks") > 0 }
            or die "nobody waits for $table\n";
    };
    $wait_for->('true');
    return sub { $wait_for->('false'); $_[0]->(); print {$psql} "rollback;\n"; close $psql };
}

# A revocation that commits after the login has looked for one is met by the next look-up.
my %held_up = (
    'its password is checked' => [ 'app_user', 'access exclusive', '/login-by-database', 2, 401 ],
    'its session is about to be stored' => [ 'secsession.session', 'share', '/login', 1, 303 ],
    'its session has been stored, but not yet committed' =>
        [ 'gate', 'share', '/login', 1, 303 ],
);
# A COMMIT of a login goes through a gate.
my $GATE = <<'SQL';
create table gate ();
create function pass() returns trigger language plpgsql security definer set search_path = public as
    'begin lock table gate in row exclusive mode; return null; end';
create constraint trigger pass after insert on secsession.session deferrable initially deferred
    for each row execute function pass();
SQL

subtest 'I2: who is revoked while logging in is not logged in' => sub {
    $postgres->psql($GATE);
    for my $case (sort keys %held_up) {
        my ($table, $mode, $path, $how_many, $status) = @{ $held_up{$case} };
        for my $revoke (sub { revoke('alice') }, \&revoke_all) {
            my @browsers = ($httpd->client, browser($httpd, 'alice'))[ 0 .. $how_many - 1 ];
            revoke('alice') if $how_many == 1;
            my $release = hold($table, $mode);
            my @running = map { start_login($_, 'alice', path => $path) } @browsers;
            $release->($revoke);
            is join(' ', map { $_->finish->status } @running), join(' ', ($status) x @running),
                "a login is revoked while $case: $status";
            my @tokens = grep { defined && length } map { $_->token } @browsers;
            is_refused($_, 'no token that came of it is good') for @tokens;
            is live(), 0, 'and no session lives';
        }
    }
    $postgres->psql('drop trigger pass on secsession.session; drop function pass; drop table gate');
    my $alice = $httpd->client;
    is $alice->login('alice', $password, path => '/login-by-database')->status, 303,
        'the next login works';
    is $alice->get('/app/show')->status, 200, 'and is one';
};

my $LOOKUP = 'secsession.lookup(bytea, text, integer, integer, inet, text)';
my $answer = $postgres->value("select pg_get_function_result('$LOOKUP'::regprocedure)");
my $FAKE =
    "alter function $LOOKUP rename to real; create function $LOOKUP returns $answer language sql
        as";
my $REST =
    "'form', now(), now(), now(), now(), now(), 9, 9, true, 0, false, now(), null::inet, false, "
        . "null::bytea, null::bytea";
my $ALICE = "gen_random_uuid(), 'alice', $REST";
my $MEND = "drop function $LOOKUP; alter function secsession.real rename to lookup";
my %errors = (
    'the right to look up is gone' => [
        "revoke execute on function $LOOKUP from secsession_httpd",
        "grant execute on function $LOOKUP to secsession_httpd",
    ],
    'the function is gone' => [
        "alter function $LOOKUP rename to other",
        'alter function secsession.other rename to lookup',
    ],
    'a table may not be read' => [
        'revoke all on secsession.session from secsession_owner',
        'grant all on secsession.session to secsession_owner',
    ],
    'it divides by zero' =>
        [ "$FAKE \$\$select 'live', null, @{[ $ALICE =~ s/9, 9/9, 9 \/ (\$3 * 0)/r ]}\$\$", $MEND ],
    'a reason that nobody knows' => [ "$FAKE \$\$select 'ended', 'bored', $ALICE\$\$", $MEND ],
    'a session without a user' =>
        [ "$FAKE \$\$select 'live', null, gen_random_uuid(), null, $REST\$\$", $MEND ],
    'a session without an id' =>
        [ "$FAKE \$\$select 'live', null, null::uuid, 'alice', $REST\$\$", $MEND ],
    'a state that nobody knows' => [ "$FAKE \$\$select 'Live', null, $ALICE\$\$", $MEND ],
);

# ASVS 5.0 16.5.3
subtest 'I3, I4: an error of the database lets nobody in and logs nobody out' => sub {
    my $asking = Secsession::Httpd->start(
        postgres => $postgres, cgi => \%CGI, files => { 'static/page.html' => 'private' },
        config => Secsession::Test::standard_config(config => "SecSessionCache Off\n")
    );
    my $alice = browser($asking, 'alice');
    my $id = seen_by_app($alice)->{SECSESSION_ID};
    $alice->get('/app/effect');
    my $ran = slurp($asking->folder . '/state/ran');
    is $ran, "alice\n", 'a program that leaves a trace';
    for my $error (sort keys %errors) {
        $postgres->psql($errors{$error}[0]);
        my @answers = map { $alice->get($_, @navigation) } '/app/effect', '/static/page.html',
            '/login';
        push @answers, $alice->get('/app/effect'), $alice->post('/app/effect', 'x');
        push @answers, $alice->login('alice', $password), $alice->logout;
        is_deeply [ map { $_->status } @answers ], [ (503) x 7 ], "$error: 503";
        is_deeply [ map { $_->all_headers('Set-Cookie') } @answers ], [],
            'no cookie is deleted or set';
        is slurp($asking->folder . '/state/ran'), $ran, 'the program behind has not run';
        my $public = environment_of($alice->get('/pub/show'));
        is_deeply [ grep { /^(?:REMOTE_USER|SECSESSION_)/ } keys %$public ], [],
            'a public page is served, to nobody';
        $postgres->psql($errors{$error}[1]);
        is seen_by_app($alice)->{SECSESSION_ID}, $id,
            'when it is over she is still in the same session';
    }
    for my $function ('authenticate', 'login_begin') {
        my $signature =
            $postgres->value("select oid::regprocedure from pg_proc where proname = '$function'");
        $postgres->psql("revoke execute on function $signature from secsession_httpd");
        my $login = $asking->client->login('alice', $password);
        is_deeply [ $login->status, $login->all_headers('Set-Cookie') ], [503],
            "nobody can log in without $function";
        is $alice->get('/app/show')->status, 200, 'who is logged in does not notice';
        $postgres->psql("grant execute on function $signature to secsession_httpd");
    }
};

subtest 'I5: nobody can have somebody else log in to a prepared session' => sub {
    my ($bob, $dead) = map { browser($httpd, 'bob') } 1 .. 2;
    $dead->clone->logout;
    my $retired = browser($httpd, 'alice');
    my $before = $retired->token;
    $retired->login('alice', $password);
    my %planted = (
        'that nobody has' => 'A' x 43, 'of another user' => $bob->token,
        'of an ended session' => $dead->token,
        'that was replaced' => $before, 'of her own' => $retired->token, 'that is none' => 'x',
    );
    for my $kind (sort keys %planted) {
        my $alice = bearer($planted{$kind});
        my $answer = $alice->login('alice', $password);
        is $answer->status, 303, "a token $kind was planted before the login";
        is scalar(() = $answer->all_headers('Set-Cookie')), 1, 'one cookie is set';
        isnt $alice->token, $planted{$kind}, 'a new one';
        is seen_by_app($alice)->{REMOTE_USER}, 'alice', 'which is hers';
        is_refused($planted{$kind}, 'and the planted one is worth nothing');
    }
    my $token = browser($httpd, 'alice')->token;
    is $httpd->get($_)->status, 401, 'a token in a URL is never read'
        for "/app/show?__Host-secsession=$token", "/app/show;__Host-secsession=$token",
        "/app/show?secsession=$token";
};

subtest 'I6: nothing but a login moves the absolute end' => sub {
    my $alice = browser($httpd, 'alice');
    my $id = seen_by_app($alice)->{SECSESSION_ID};
    my $column =
        sub { $postgres->value("select $_[0] from secsession.session where session_id = '$id'") };
    $postgres->psql(
        "update secsession.session set last_seen_at = now() - interval '600 s' where session_id = "
            . "'$id'"
    );
    has_heard($postgres);
    my ($end, $seen) = map { $column->($_) } 'expires_at', 'last_seen_at';
    $alice->get('/login');
    $alice->get($_) for ('/app/show', '/static/page.html', '/pub/show') x 3;
    $alice->clone->login('alice', 'wrong');
    $alice->clone->login('nobody', 'wrong');
    $httpd->client->login('alice', $password);
    is $column->('expires_at'), $end, 'requests, failed logins and logins elsewhere do not';
    wait_until { $column->("last_seen_at > '$seen'") eq 't' } 'though the time of the last use grew';
    $alice->login('alice', $password);
    is $column->("expires_at > '$end'"), 't', 'a login does';
};

subtest 'I9: a replaced token has one successor and is never forgotten' => sub {
    my $alice = browser($httpd, 'alice');
    my ($old, $id) = ($alice->token, seen_by_app($alice)->{SECSESSION_ID});
    my @twice = map { $alice->clone } 1 .. 6;
    my @running = map { start_login($_, 'alice') } @twice;
    is scalar(grep { $_->finish->status == 303 } @running), 6,
        'the login form was sent six times at once: all are answered';
    is scalar(grep { seen_by_app($_)->{REMOTE_USER} eq 'alice' } @twice), 6,
        'each of them is logged in';
    is $postgres->value(
        "select count(*) from secsession.token where session_id = '$id' and retired_at is null"), 1,
        'one of them goes on with the session';
    is_refused($old, 'and the old token is worth nothing');
    my ($heir) = grep { seen_by_app($_)->{SECSESSION_ID} eq $id } @twice;
    $postgres->psql('select secsession.purge(1000000)', user => 'httpd_web');
    $postgres->psql("update secsession.other_token
        set retired_at = now() - interval '1 h', grace_until = now() - interval '1 h'
        where session_id = '$id' and retired_at is not null");
    my $thief = bearer($old)->get('/app/show', @navigation);
    like $thief->header('Location') // '', qr/&why=reuse$/,
        'a thief who has it from before the login is noticed, after a purge too';
    is_refused($heir->token, 'and the session ends');
};

subtest 'I10: who has no session costs no row, and nothing he sends wears the database out' => sub {
    my $before = rows();
    my $asked = $postgres->statements('httpd_web', qr/lookup/);
    my @unknown = map { join '', map { ('A' .. 'Z', 'a' .. 'z')[ rand 52 ] } 1 .. 42 } 1 .. 40;
    for my $path ('/app/show', '/pub/show', '/static/page.html', '/login', '/pub/page.html') {
        $httpd->get($path, @navigation) for 1 .. 20;
        bearer($_)->get($path, @navigation)
            for '', 'x', 'A' x 42, 'A' x 44, 'A' x 4000, "'; drop",
            map { "$_!" } @unknown[ 0 .. 9 ];
    }
    is $postgres->statements('httpd_web', qr/lookup/), $asked,
        'no cookie, and what cannot be a token: not one statement';
    bearer("${_}A")->get('/app/show') for @unknown;
    is $postgres->statements('httpd_web', qr/lookup/) - $asked, 40, 'a guessed token: one';
    is rows(), $before, 'and nothing is written for any of them';
};

subtest 'I10: slow applications do not keep others from the database' => sub {
    my $small = Secsession::Httpd->start(postgres => $postgres, children => 1, threads => 16,
        config => Secsession::Test::standard_config(config => "DBDMax 2\n"),
        files => { 'static/page.html' => 'private' });
    my @slow = map { browser($small, 'alice') } 1 .. 12;
    my @running = map { $slow[$_]->start_request('GET', "/app/slow?slow$_") } 0 .. 11;
    is scalar(grep { $small->slow_started("slow$_") } 0 .. 11), 12,
        'twelve slow applications, two connections to the database';
    is $postgres->value(
        "select count(*) from pg_stat_activity where usename = 'httpd_web' and state <> 'idle'
        and application_name not like '% feed'"
        ),
        0,
        'none of which is in use';
    my $bob = browser($small, 'bob');
    is scalar(grep { $bob->get('/static/page.html')->status == 200 } 1 .. 20), 20,
        'others log in and are served';
    is scalar(grep { $_->is_answered } @running), 0, 'meanwhile';
    $small->let_go("slow$_") for 0 .. 11;
    is scalar(grep { $_->finish->status == 200 } @running), 12, 'the slow ones end well';
};

subtest 'I11: an acknowledged revocation survives a crash of the database' => sub {
    my ($durable, $web) =
        start_servers(database => { durable => 1, settings => { wal_writer_delay => '10s' } });
    my ($alice, $bob) = map { browser($web, $_) } qw(alice bob);
    $durable->psql("alter role $_ set synchronous_commit = off") for qw(admin_role httpd_web);
    $web->graceful;
    my @token = map { $_->token } $alice, $bob;
    is $alice->get('/app/show')->status, 200, 'alice is logged in';
    is $bob->logout->status, 303, 'bob logs out';
    is $durable->psql("select secsession.revoke_user('alice', 'test')", user => 'admin_role'), 1,
        'alice is revoked';
    $durable->restart('immediate');
    is $web->client->set_token($_)->get('/app/show')->status, 401,
        'after the crash both are still out'
        for @token;
    $_->stop for $web, $durable;
};

done_testing;
