# A login with mod_secsession against what it cannot do without: the hash of the password, and one commit.
#
# Three things take turns, with one connection and with 32, at the same httpd and the same PostgreSQL with fsync:
#   login   POST /login with the right password: the hash, then the two statements of a login (login_begin and
#           authenticate), of which the second makes a session, a token and two events; answered with 303
#   hash    GET of the 1 KiB page under AuthType Basic: the same hash of the same file, checked at every request
#   commit  pgbench: one prepared statement that inserts the same four rows by plain SQL, with as many connections
#           as the load has; no function, no check, no lock
# Each for two work factors of bcrypt: 10, the least that OWASP's Password Storage Cheat Sheet allows, and 5, which
# htpasswd takes if it is not told otherwise.
# "N % of what the password hash and one commit cost" is the time of a login over the sum of the other two, where a time
# is the inverse of what is done in a second; and the same of the CPU time of httpd and PostgreSQL, which is steadier on
# a busy machine. hash contains the work of an ordinary request, as login does; commit has no client in its CPU time.
#
#   Bench::Login->start($bench)->round($seconds)    row: the logins with work factor 5 as a contender
#   kinds                       what there are shares of: [ work factor, connections ]
#   shares($cost, $connections) of each round { login, hash, commit (a second), time, cpu (N / 100) }
package Bench::Login;

use strict;
use warnings;

use Bench::Cost 'cpu_of';
use Bench::Httpd qw(httpd basic_config basic_header);
use Bench::Load 'measure';
use Secsession::Client;
use Secsession::Postgres;
use Secsession::Process qw(run scratch spew);

my @COSTS = (5, 10);
my @CONNECTIONS = (1, 32);

my $COMMIT = <<'SQL';
with session as (
    insert into secsession.session (
        token_hash, realm, user_name, auth_method, epoch, client_addr, user_agent,
        created_at, authenticated_at, last_seen_at, idle_timeout, absolute_timeout, expires_at
    )
    values (
        sha256(gen_random_uuid()::text::bytea), 'localhost', 'alice', 'form', 0, '127.0.0.1', null,
        now(), now(), now(), 1800, 28800, now() + interval '8 hours'
    )
    returning session_id, token_hash
), token as (
    insert into secsession.token (token_hash, session_id, issued_at)
    select token_hash, session_id, now()
    from session
)
insert into secsession.event_log (event, session_id, realm, user_name, client_addr)
select event, session_id, 'localhost', 'alice', '127.0.0.1'
from session, unnest(array['created', 'authenticated']) event;
SQL

# What a user with a password of this work factor is asked through.
sub places {
    my ($bench, $cost) = @_;
    return basic_config($bench, "/basic/$cost/") . <<"CONFIG";
<Location "/login/$cost">
    SetHandler secsession-login
    AuthUserFile "$bench->{users}"
    Require all granted
</Location>
CONFIG
}

# A database of its own: logins leave rows, and those of the other contenders stay as many as they were.
sub start {
    my ($class, $bench) = @_;
    my $postgres = Bench::Contenders::database();
    my %users = map { $_ => { %$bench, users => Bench::Contenders::users_file($_) } } @COSTS;
    # 32 at once of one user from one address are what the throttle refuses.
    my $httpd = httpd($bench, module => 1, postgres => $postgres,
        files => { map { ("basic/$_/page.txt" => 'x' x 1024) } @COSTS },
        config => join "\n", 'SecSession On', 'SecSessionLoginThrottle Off', map { places($users{$_}, $_) } @COSTS);
    my %server = (httpd => $httpd, postgres => $postgres, others => [ $postgres->pid ]);
    my $self = bless { postgres => $postgres, shares => {}, login => {}, hash => {} }, $class;
    for my $cost (@COSTS) {
        $self->{login}{$cost} = { %server, key => 'login', name => "a login with mod_secsession, bcrypt of cost $cost",
            path => "/login/$cost", status => 303, method => 'POST',
            body => 'username=alice&password=' . Secsession::Client::encode($bench->{password}),
            lines => [ 'Content-Type: application/x-www-form-urlencoded' . "\tOrigin: " . $httpd->client->origin ] };
        $self->{hash}{$cost} = { %server, name => "hash of cost $cost", path => "/basic/$cost/page.txt",
            lines => [ basic_header($bench) ] };
    }
    $self->{script} = spew(scratch('commit') . '/commit.sql', $COMMIT);
    return $self;
}

sub row { return $_[0]{login}{5} }

# 303 is no error for the load, whatever it leads to: the database says whether these were logins.
sub logins {
    my ($self, $cost, $seconds, $connections) = @_;
    $self->{postgres}->psql('truncate secsession.session, secsession.token, secsession.vault, secsession.event_log');
    my $sample = measure($self->{login}{$cost}, seconds => $seconds, connections => $connections);
    my $made = $self->{postgres}->value('select count(*) from secsession.active_session');
    die "$sample->{requests} logins made $made sessions\n" if $made < $sample->{requests};
    return $sample;
}

sub commits {
    my ($self, $seconds, $connections) = @_;
    my $postgres = $self->{postgres};
    my @command = (Secsession::Postgres::binaries() . '/pgbench', '-n', '-M', 'prepared', '-f', $self->{script},
        '-c', $connections, '-T', $seconds, '-h', $postgres->host, '-U', 'postgres', 'app');
    my $before = cpu_of($postgres->pid);
    my ($exit, $out, $err) = run(\@command, timeout => $seconds + 60);
    my $used = cpu_of($postgres->pid) - $before;
    my ($done) = $out =~ /^number of transactions actually processed: (\d+)/m;
    my ($rate) = $out =~ /^tps = ([\d.]+)/m;
    die "pgbench: exit $exit\n$out$err\n" if $exit || !$done || !$rate;
    return { rate => $rate, cpu => $used / $done };
}

sub kinds {
    return map { my $cost = $_; map { [ $cost, $_ ] } @CONNECTIONS } reverse @COSTS;
}

sub round {
    my ($self, $seconds) = @_;
    for my $kind (kinds()) {
        my ($cost, $connections) = @$kind;
        my $login = $self->logins($cost, $seconds, $connections);
        my $hash = measure($self->{hash}{$cost}, seconds => $seconds, connections => $connections);
        my $commit = $self->commits($seconds, $connections);
        push @{ $self->{shares}{$cost}{$connections} }, {
            login => $login->{rate}, hash => $hash->{rate}, commit => $commit->{rate},
            time => (1 / $login->{rate}) / (1 / $hash->{rate} + 1 / $commit->{rate}),
            cpu => ($login->{cpu} + $login->{other_cpu}) / ($hash->{cpu} + $commit->{cpu}),
        };
        push @{ $self->{login}{$cost}{samples} }, $login if $connections == 32;
    }
    return;
}

sub shares { my ($self, $cost, $connections) = @_; return @{ $self->{shares}{$cost}{$connections} } }

1;
