# SecSessionLog: the events of the audit trail as lines of JSON, in a file or through a piped log.

use lib 't/lib';
use Secsession::Test;
use JSON::PP 'decode_json';
use Secsession::Httpd;
use Secsession::Process qw(run scratch slurp);

my $LOG = 'SecSessionLog logs/events.json';
my ($postgres, $httpd) = start_servers(children => 2, throttle => '3 5m',
    config => "$LOG\nSecSessionMaxPerUser 2\nSecSessionRotateInterval 10m\n");
my $file = $httpd->folder . '/logs/events.json';

sub sql { my ($text, %vars) = @_; return $postgres->psql($text, vars => \%vars) }
sub lines { my ($of) = @_; return split /(?<=\n)/, slurp($of // $file) }
sub events { return map { decode_json($_) } lines(@_) }

# What is in the trail by the web server, in the same words.
sub trail {
    my ($where) = @_;
    return sql(<<"SQL");
select json_strip_nulls(json_build_object('at', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'event', event, 'session_id', session_id,
    'realm', realm, 'user_name', user_name, 'client_addr', client_addr, 'actor', actor, 'reason', reason, 'detail', nullif(detail, '{}')))
from secsession.event where $where order by at
SQL
}

# ASVS 5.0 16.2.1 16.2.2 16.2.4 16.3.1 16.3.3
subtest 'every event that this server has caused' => sub {
    my $alice = browser($httpd, 'alice');
    my $first = id_of($alice);
    $httpd->client->login('carol', 'wrong') for 1 .. 5;
    $httpd->client->login(qq(<b>"o\x{e2}\x{80}\x{a8}brien\\"), 'wrong');
    sql("update secsession.session set rotated_at = rotated_at - interval '1 hour'");
    has_heard($postgres);
    $alice->get('/static/page.html') for 1, 2;
    $alice->logout;
    my $idle = browser($httpd, 'bob');
    my $id = id_of($idle);
    sql(
        "update secsession.session set last_seen_at = last_seen_at - interval '1 hour' where "
            . "session_id = :'id'",
        id => $id);
    has_heard($postgres);
    $idle->get('/static/page.html');
    browser($httpd, 'bob') for 1 .. 3;
    my @expected = split /\n/, trail("actor = 'httpd_web' and coalesce(user_name, '') <> 'canary'");
    my $all = sub { join "\n", sort map { s/\n//r } grep { !/canary/ } lines() };
    is $all->(), join("\n", sort @expected), 'is in the file, as it is in the audit trail';
    my %seen = map { $_->{event} => $_ } events();
    is_deeply [ grep { !$seen{$_} }
            qw(created authenticated rotated login_failed login_throttled logout expired_idle
                evicted)
    ], [], 'of each kind that happened';
    my ($login) = grep { $_->{event} eq 'authenticated' && $_->{session_id} eq $first } events();
    like $login->{at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, 'with the time in UTC';
    delete $login->{at};
    is_deeply $login, {
        event => 'authenticated', session_id => $first, realm => 'localhost', user_name => 'alice',
        client_addr => '127.0.0.1',
        actor => 'httpd_web', detail => { method => 'form' }
        },
        'and who, where, and how';
};

subtest 'what is safe' => sub {    # ASVS 5.0 16.2.5 16.4.1
    my $text = slurp($file);
    unlike $text, qr/[\x00-\x09\x0b-\x1f]/, 'no control character';
    is scalar(grep { !/\A\{.*\}\n\z/ } lines()), 0, 'each line is an object, whatever a name is';
    my ($odd) = grep { ($_->{user_name} // '') =~ /brien/ } events();
    is $odd->{user_name}, qq(<b>"o\x{2028}brien\\"),
        'a name of quotes and separators is what it was';
    my $alice = browser($httpd, 'alice');
    ok index(slurp($file), $alice->token) < 0, 'no token is in it';
    ok index(slurp($file), password_of('alice')) < 0, 'and no password';
    is sprintf('%o', (stat $file)[2] & 07777), '640', 'and not everybody may read it';
};

subtest 'what is not this server\'s' => sub {
    my $alice = browser($httpd, 'alice');
    sql("select secsession.revoke_user('alice', 'in psql')");
    has_heard($postgres);
    is $alice->get('/static/page.html')->status, 401, 'an administrator revokes a user';
    is scalar(grep { /in psql/ } lines()), 0, 'that is in the audit trail';
    is sql(q{select distinct actor from secsession.event where reason = 'in psql'}), 'postgres',
        'under the name of who did it';
};

subtest 'what did not happen' => sub {
    sql(
        q{create function public.refuse() returns trigger language plpgsql
            as 'begin raise exception ''not now''; end';
        create constraint trigger refuse after insert on secsession.event_log deferrable initially
        deferred
            for each row execute function public.refuse()});
    my $before = slurp($file);
    is $httpd->client->login('bob', password_of('bob'))->status, 503, 'a login whose COMMIT fails';
    is slurp($file), $before, 'is in no line';
    sql('drop trigger refuse on secsession.event_log');
    browser($httpd, 'bob');
    isnt slurp($file), $before, 'the next one is';
};

subtest 'what was undone' => sub {
    my $told = sub {
        scalar(() =
                join('', (run([ $postgres->client(user => 'httpd_web'), '-Atq' ], stdin => $_[0])))
                =~ /"event"/g);
    };
    my $fail = "select secsession.login_failed('localhost', 'eve', null, 'x')";
    my $on = "set secsession.tell_events = 'on'";
    is $told->("$on; $fail"), 1, 'an event is told';
    is $told->("$on; begin; savepoint s; $fail; rollback to s; commit"), 0,
        'one that a savepoint has undone is not';
    is $told->($fail), 0, 'nor to who does not ask';
};

subtest 'a restart' => sub {
    my $count = () = lines();
    rename $file, "$file.1" or die $!;
    $httpd->graceful;
    browser($httpd, 'alice');
    ok scalar(lines("$file")), 'a file that was moved away is opened anew';
    is scalar(() = lines("$file.1")), $count, 'and the old one is complete';
};

sub another {
    my (%opt) = @_;
    return Secsession::Httpd->start(postgres => $postgres, files => { 'static/page.html' => 'x' },
        %opt);
}

subtest 'a program' => sub {
    my $folder = scratch('piped');
    chmod 0777, $folder;
    my $piped = another(
        config => Secsession::Test::standard_config(
            config => qq{SecSessionLog "|\$exec cat >>$folder/events"\n}
        )
    );
    browser($piped, 'alice') for 1 .. 3;
    wait_until { (() = slurp("$folder/events") =~ /"authenticated"/g) == 3 } 'gets them';
    $piped->graceful;
    browser($piped, 'bob');
    wait_until { (() = slurp("$folder/events") =~ /"authenticated"/g) == 4 }
        'after a restart, too';
};

subtest 'a program that does not read' => sub {
    my $stuck = another(config =>
            Secsession::Test::standard_config(config => qq{SecSessionLog "|/bin/sleep 1000"\n}));
    my @statuses = map { $stuck->client->login('carol', 'wrong')->status } 1 .. 600;
    is scalar(grep { $_ == 401 } @statuses), 600, 'makes nobody wait';
    like $stuck->error_log,
        qr/SS306: events cannot be written to SecSessionLog \|\/bin\/sleep 1000/,
        'and the log says so';
    cmp_ok scalar(() = $stuck->error_log =~ /SS306/g), '<=', 4, 'once a minute from each process';
    is browser($stuck, 'alice')->get('/static/page.html')->status, 200, 'sessions go on';
};

subtest 'what may be written' => sub {
    my $server = Secsession::Httpd->new(postgres => $postgres,
        config => Secsession::Test::standard_config(config => "SecSessionLog /proc/events\n"));
    ok !eval { $server->launch; 1 }, 'where no file can be made: httpd does not start';
    like $server->said, qr/SS305: SecSessionLog .*cannot be opened/, 'and says why';
    my $hosts = Secsession::Httpd->new(
        postgres => $postgres, config => Secsession::Test::standard_config(config => "$LOG\n"),
        vhosts =>
            "<VirtualHost 127.0.0.1:\@PORT\@>\nServerName other.example\nSecSessionLog "
                . "logs/other\n</VirtualHost>\n"
    );
    ok !eval { $hosts->launch; 1 }, 'two logs for one database';
    like $hosts->said, qr/SS304: .* the same SecSessionLog, .*: write it once/, 'are refused';
};

done_testing;
