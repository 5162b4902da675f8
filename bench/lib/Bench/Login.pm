# A login with mod_secsession against what it cannot do without: the hash of the password, and one
# commit.
#
# Two things take turns, with one connection and with several, each at an httpd of its own and the
# same PostgreSQL with fsync:
#   login   POST /login with the right password: the hash, then the two statements of a login
#           (login_begin and
#           authenticate), of which the second makes a session, a token and two events; answered
#               with 303
#   floor   GET of the 1 KiB page under AuthType Basic with mod_authn_dbd, whose query inserts the
#           same four rows by plain
#           SQL, no function, no check, no lock, and returns the password's hash, which httpd then
#               computes
# Each for two work factors of bcrypt: 10, the least that OWASP's Password Storage Cheat Sheet
# allows, and 5, which htpasswd takes if it is not told otherwise. Hash and commit are measured in
# one request, since in loops of their own each keeps the processor's caches to itself: a commit
# takes PostgreSQL 0.3 ms of CPU time in a loop of pgbench, and 1.2 ms 5 ms after the one before it.
#
#   Bench::Login->start($bench)->round($seconds)    row: the logins with work factor 5 as a
#                                                   contender
#   kinds                       what there are shares of: [ work factor, connections ]
#   shares($cost, $connections) of each round { login, floor (a second), time, cpu (N / 100) }
package Bench::Login;

use strict;
use warnings;

use Bench::Httpd qw(httpd basic_header);
use Bench::Load 'measure';
use Secsession::Client;
use Secsession::Process 'slurp';

my @COSTS = (5, 10);
# As many as keep all processors busy; what is under way at the end of a measurement is lost to it.
my %CONNECTIONS = (5 => [ 1, 32 ], 10 => [ 1, 8 ]);

# Of the user that is asked for (%s), whose hash is put in.
my $QUERY = <<'SQL';
with session as (
    insert into secsession.session (
        token_hash, realm, user_name, auth_method, client_addr, user_agent,
        created_at, authenticated_at, last_seen_at, idle_timeout, absolute_timeout, expires_at
    )
    values (
        sha256(gen_random_uuid()::text::bytea), 'localhost', 'alice', 'form', '127.0.0.1', null,
        now(), now(), now(), 1800, 28800, now() + interval '8 hours'
    )
    returning session_id, user_name
), event as (
    insert into secsession.event_log (event, session_id, realm, user_name, client_addr)
    select 'login', session_id, 'localhost', 'alice', '127.0.0.1'
    from session
)
select 'HASH'
from session
where user_name = %s
SQL
my $RIGHTS =
    'grant insert, select on secsession.session, secsession.event_log to httpd_web; '
    . 'grant usage on sequence secsession.event_log_event_id_seq to httpd_web';

sub login_config {
    my ($cost, $users) = @_;
    return <<"CONFIG";
<Location "/login/$cost">
    SetHandler secsession-login
    AuthUserFile "$users"
    Require all granted
</Location>
CONFIG
}

sub floor_config {
    my ($cost, $users) = @_;
    my ($hash) = slurp($users) =~ /^alice:(\S+)/m;
    my $query = $QUERY =~ s/HASH/$hash/r =~ s/\s+/ /gr;
    return <<"CONFIG";
<Location "/floor/$cost/">
    AuthType Basic
    AuthName bench
    AuthBasicProvider dbd
    AuthDBDUserPWQuery "$query"
    Require valid-user
</Location>
CONFIG
}

# A database of its own: logins leave rows, and those of the other contenders stay as many as they
# were.
sub start {
    my ($class, $bench) = @_;
    my $postgres = Bench::Contenders::database();
    $postgres->psql($RIGHTS);
    my %users = map { $_ => Bench::Contenders::users_file($_) } @COSTS;
    # 32 at once of one user from one address are what the throttle refuses.
    my $httpd = httpd(
        $bench, module => 1, postgres => $postgres,
        config => join "\n", 'SecSession On', 'SecSessionLoginThrottle Off',
        map { login_config($_, $users{$_}) } @COSTS
    );
    my $plain = httpd(
        $bench, postgres => $postgres, modules => ['authn_dbd'],
        files => { map { ("floor/$_/page.txt" => 'x' x 1024) } @COSTS },
        config => join "\n", map { floor_config($_, $users{$_}) } @COSTS);
    my %common = (postgres => $postgres, others => [ $postgres->pid ]);
    my $self = bless { postgres => $postgres, shares => {}, login => {}, floor => {} }, $class;
    for my $cost (@COSTS) {
        $self->{login}{$cost} = {
            %common, httpd => $httpd, key => 'login', path => "/login/$cost", status => 303,
            name => "a login with mod_secsession, bcrypt of cost $cost", method => 'POST',
            body => 'username=alice&password=' . Secsession::Client::encode($bench->{password}),
            lines => [
                      'Content-Type: application/x-www-form-urlencoded'
                    . "\tOrigin: "
                    . $httpd->client->origin
            ]
        };
        $self->{floor}{$cost} = {
            %common, httpd => $plain, path => "/floor/$cost/page.txt",
            name => "hash of cost $cost and one commit", lines => [ basic_header($bench) ]
        };
    }
    return $self;
}

sub row { return $_[0]{login}{5} }

# An answer is no proof of either: the database says whether these made sessions.
sub sessions_made {
    my ($self, $contender, $seconds, $connections) = @_;
    $self->{postgres}->psql(
        'truncate secsession.session, secsession.other_token, secsession.vault, secsession.event_log');
    my $sample = measure($contender, seconds => $seconds, connections => $connections);
    my $made = $self->{postgres}->value('select count(*) from secsession.active_session');
    die "$contender->{name}: $sample->{requests} requests made $made sessions\n"
        if $made < $sample->{requests};
    return $sample;
}

sub kinds {
    return map { my $cost = $_; map { [ $cost, $_ ] } @{ $CONNECTIONS{$cost} } } reverse @COSTS;
}

sub round {
    my ($self, $seconds) = @_;
    my $turned = $self->{rounds}++ % 2;
    for my $kind (kinds()) {
        my ($cost, $connections) = @$kind;
        my %sample;
        for my $what ($turned ? qw(floor login) : qw(login floor)) {
            $sample{$what} = $self->sessions_made($self->{$what}{$cost}, $seconds, $connections);
        }
        my ($login, $floor) = @sample{qw(login floor)};
        push @{ $self->{shares}{$cost}{$connections} }, {
            login => $login->{rate}, floor => $floor->{rate},
            time => $floor->{rate} / $login->{rate},
            cpu => ($login->{cpu} + $login->{other_cpu}) / ($floor->{cpu} + $floor->{other_cpu}),
        };
        push @{ $self->{login}{$cost}{samples} }, $login if $connections == 32;
    }
    return;
}

sub shares {
    my ($self, $cost, $connections) = @_;
    return @{ $self->{shares}{$cost}{$connections} };
}

1;
