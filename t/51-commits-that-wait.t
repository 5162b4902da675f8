# A standby that every COMMIT waits for is away, or the queue of NOTIFY is full: sessions in use go
# on, and a revocation takes effect.
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(await is_alive spawn);
use Secsession::Programs 'answering';
use Secsession::Psql;

my $CONFIG = <<'CONFIG';
SecSessionRotateInterval 10m
SecSessionRotateGrace 20s
<Location "/static/">
    SecSessionIdleTimeout 30m
</Location>
<Location "/v/">
    SecSessionVault APPID
</Location>
ScriptAlias "/v/" "@FOLDER@/cgi-bin/"
CONFIG

# Beside each other: one that remembers sessions, and one that asks for each.
my ($postgres, $cached) = start_servers(config => $CONFIG);
my $uncached = Secsession::Httpd->start(
    postgres => $postgres,
    config => Secsession::Test::standard_config(config => "$CONFIG\nSecSessionCache Off\n"),
    files => { 'static/page.html' => "<p>private</p>\n" }
);

# Ourselves we wait for no standby.
sub sql { return $postgres->psql("set synchronous_commit = 'local';\n$_[0]") }

sub configure {
    my ($line, $value) = @_;
    sql("alter system set $line");
    sql('select pg_reload_conf()');
    my ($name) = $line =~ /^(\w+)/;
    return await { ($postgres->value("show $name") // '') eq $value };
}

subtest 'a standby that is away' => sub {
    my @browsers = map { browser($_, 'alice') } ($cached) x 3, ($uncached) x 3;
    my @ids = map { id_of($_) } @browsers;
    ok configure("synchronous_standby_names = 'nobody'", 'nobody'), 'COMMIT waits for nobody';

    my $age = sub {
        sql("update secsession.session set rotated_at = rotated_at - interval '11 min',
            last_seen_at = last_seen_at - interval '10 min' where ended_at is null");
    };
    my %seen;
    my $ask = sub {
        for my $browser (@browsers) {
            $seen{ $browser->get('/static/page.html')->status }++ for 1 .. 5;
        }
    };
    my @before = map { $_->token } @browsers;
    $age->();
    # A server that remembers them hears of it a moment later.
    wait_until {
        $ask->();
        @browsers == grep { $browsers[$_]->token ne $before[$_] } 0 .. $#browsers
    }
    'every session gets another token';
    my $list = join ', ', map { "'$_'" } @ids;
    wait_until {
        $ask->();
        @ids == $postgres->value("select count(*) from secsession.session where session_id in
            ($list) and last_seen_at > now() - interval '5 min'")
    }
    'and its use is written down';
    is_deeply [ keys %seen ], [200], 'every request with a session is served';
    is $browsers[0]->get(answering('v', 'Set-Cookie: APPID=1; path=/'))->status, 200,
        'so is one in which the application sets a cookie, which is kept';
    is environment_of($browsers[0]->get('/v/show'))->{HTTP_COOKIE}, 'APPID=1', 'and given back';
    is $cached->client->login('alice', password_of('alice'))->status, 503,
        'a login is not acknowledged';
    is $browsers[0]->logout->status, 503, 'nor is a logout';
    configure("synchronous_standby_names = ''", '');
    is browser($cached, 'alice')->get('/static/page.html')->status, 200,
        'when nobody has to be waited for any more, logins work';
};

# It holds a lock that every COMMIT with a NOTIFY needs, until the standby is back.
subtest 'a NOTIFY in another database whose COMMIT waits for a standby' => sub {
    sql('create database elsewhere');
    my ($alice, $bob) = map { browser($cached, $_) } qw(alice bob);
    my $id = id_of($bob);
    my $holds = "select count(*) from pg_locks where locktype = 'object' and database = 0
        and classid = 'pg_database'::regclass and objid = 0 and granted";
    ok configure("synchronous_standby_names = 'nobody'", 'nobody'), 'COMMIT waits for nobody';
    my $culprit = spawn(command =>
            [ $postgres->client(db => 'elsewhere'), '-c', "create table t (); notify nothing" ]);
    wait_until { $postgres->value($holds) == 1 } 'it waits, with that lock';
    my $revoke = sub {
        return $postgres->psql("set synchronous_commit = 'local'; set statement_timeout = '20s';
            select secsession.$_[0]", user => 'admin_role');
    };
    cmp_ok $revoke->(q(revoke_user('alice', 'x'))), '>', 0, 'a user is revoked all the same';
    is $revoke->("revoke_session('$id', 'x')"), 1, 'so is a session';
    ok is_alive($culprit), 'while it waits';
    wait_until { $_->get('/static/page.html')->status != 200 } 'they are refused within the lease'
        for $alice, $bob;
    configure("synchronous_standby_names = ''", '');
    wait_until { !is_alive($culprit) } 'it goes on when nobody has to be waited for';
};

subtest 'a full queue of NOTIFY' => sub {
    plan skip_all => 'before PostgreSQL 17 it has eight gigabytes'
        if $postgres->value('show server_version_num') < 170_000;
    sql(q(alter system set max_notify_queue_pages = 64));
    $postgres->restart;
    my ($alice, $bob) = map { browser($cached, $_) } qw(alice bob);
    my $culprit = Secsession::Psql->new($postgres);
    $culprit->run('\connect elsewhere');
    $culprit->run('listen nothing; begin; select 1;');
    my $filled = 0;
    while ($postgres->value('select pg_notification_queue_usage()', db => 'elsewhere') < 0.9
        && $filled++ < 100) {
        eval {
            $postgres->psql(
                "select pg_notify('nothing', n || repeat('x', 7900)) from generate_series(1, 3) n",
                db => 'elsewhere');
        } or last;
    }
    cmp_ok $postgres->value('select pg_notification_queue_usage()'), '>', 0.8, 'it is full';
    cmp_ok $postgres->psql(q(select secsession.revoke_user('alice', 'x')), user => 'admin_role'),
        '>', 0, 'a user is revoked all the same';
    wait_until { $alice->get('/static/page.html')->status != 200 }
        'and is refused within the lease';
    is $bob->logout->status, 303, 'who logs out is logged out';
    is browser($cached, 'bob')->get('/static/page.html')->status, 200, 'and who logs in is in';
    wait_until { $cached->error_log =~ /SS119: / } 'the log says that it is full';
    $culprit->close;
    wait_until { $postgres->value('select pg_notification_queue_usage()') < 0.1 }
        'when the culprit has left it is empty again';
};

done_testing;
