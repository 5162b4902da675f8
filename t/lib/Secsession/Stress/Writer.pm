# One writer of t/71-stress.t: a process that creates sessions, and ends them in every way there is.
#
#   Secsession::Stress::Writer->new(%opt)->work;     until the file $folder/stop is there
#       number => n, postgres => $postgres, ports => [two], folder => $folder, commands => the
#           readers' pipe
#
# It tells the readers what to ask, and writes down in $folder/writer-N, with times of
# CLOCK_MONOTONIC:
#   token NUMBER BEGIN END AUTHENTICATED     created between BEGIN and END; microseconds by the
#                                            database's clock
#   end NUMBER KIND BEGIN COMMIT             ended for certain at COMMIT; may be refused from BEGIN
#                                            on
#   rolled NUMBER KIND ROLLBACK              a revocation that was rolled back: goes on
#   wide KIND BEGIN COMMIT MOMENT            all sessions; MOMENT: those authenticated before it, or
#                                            0
package Secsession::Stress::Writer;

use strict;
use warnings;

use Digest::SHA 'sha256_hex';
use IO::Handle;
use MIME::Base64 'encode_base64url';
use Secsession::Client;
use Secsession::Psql;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

my $POOL = 6;         # sessions of one writer at a time
my $LINGER = 2.5;     # how long an ended session is asked on: longer than the lease
my $NO_REUSE = 8;     # a retired token is taken for theft after 10 s
my $LEFT_OPEN = 4;     # seconds at most
my $PATIENCE = 60;    # the database is away for a few seconds at most

# How often each thing is done, of the sum.
my %WEIGHTS = (
    session => 16, user => 8, address => 6, logout => 6, logout_http => 8, rotation => 14,
    update => 6, update_user => 3, delete => 6,
    repeatable_session => 3, repeatable_user => 3, repeatable_update => 3, repeatable_delete => 3,
    late_login => 3, login_under_way => 3, before => 1, all => 0.4,
    rolled_back => 12, left_open => 5,
);

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub new {
    my ($class, %opt) = @_;
    my $self = bless { %opt, live => [], made => 0 }, $class;
    my %user = (web => 'httpd_web', stranger => 'httpd_web', admin => 'admin_role');
    $self->{$_} = Secsession::Psql->new($opt{postgres}, $user{$_})
        for qw(web admin super other stranger);
    open $self->{log}, '>', "$opt{folder}/writer-$opt{number}" or die "log: $!";
    open $self->{pipe}, '>>', $opt{commands} or die "pipe: $!";
    $self->{$_}->autoflush(1) for qw(log pipe);
    srand $opt{number} + time;
    return $self;
}

sub work {
    my ($self) = @_;
    until (-e "$self->{folder}/stop") {
        $self->create while @{ $self->{live} } < $POOL;
        sleep rand 0.2;
        $self->close_what_is_open if now() > ($self->{left_open} // 9**9**9);
        my $kind = choose();
        my $do = "do_$kind";
        $self->can($do) ? $self->$do : $self->end_by($kind);
    }
    $self->close_what_is_open if $self->{left_open};
    $self->end_by('session') while @{ $self->{live} };
    return;
}

sub choose {
    my $sum = 0;
    $sum += $_ for values %WEIGHTS;
    my $at = rand $sum;
    for my $kind (sort keys %WEIGHTS) {
        return $kind if ($at -= $WEIGHTS{$kind}) < 0;
    }
    return 'session';
}

sub say { my ($self, @words) = @_; return print { $self->{log} } "@words\n" }
sub tell { my ($self, @words) = @_; return print { $self->{pipe} } "@words\n" }

# Again, until it has been answered: what was cut off may have happened, or not.
sub insist {
    my ($self, $do) = @_;
    my $end = now() + $PATIENCE;
    while (1) {
        my @result = eval { $do->() };
        return wantarray ? @result : $result[0] if !$@;
        die $@ if now() > $end;
        sleep 0.05;
    }
}

# --- logins --------------------------------------------------------------------------------------

sub random_bytes {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
    read($random, my $bytes, 32) == 32 or die "/dev/urandom: $!";
    return $bytes;
}

sub new_login {
    my ($self, %of) = @_;
    my $bytes = random_bytes();
    my $n = $self->{number};
    return {
        number => $n * 10_000_000 + ++$self->{made}, token => encode_base64url($bytes),
        hash => sha256_hex($bytes),
        user => "w${n}u" . int rand 3, net => "10.$n." . int(rand 3) . '.0/24', %of,
    };
}

sub authentication {
    my ($login, $old) = @_;
    my $address = $login->{net} =~ s{0/24}{7}r;
    my $replaced = $old ? "'\\x$old->{hash}'" : 'null';
    return
        "select state, session_id, (extract(epoch from authenticated_at) * 1000000)::bigint
            from secsession.authenticate(
        row('\\x$login->{hash}', $replaced, 'stress', '$login->{user}', 'form',
        secsession.login_moment(), '$address', 'stress', 1000,
        10000)::secsession.login);";
}

# A revocation that came in between may have refused or ended it already: then there is none.
sub create {
    my ($self, %opt) = @_;
    my $login = $self->new_login(%{ $opt{of} // {} });
    my $begin = now();
    my $answer = $self->insist(sub { $self->{web}->run(authentication($login, $opt{old})) });
    my ($state, $session, $authenticated) = split /\|/, $answer;
    return if $state ne 'live';
    @$login{qw(session begin authenticated)} = ($session, $begin, $authenticated);
    $self->publish($login);
    push @{ $self->{live} }, $login;
    return $login;
}

sub publish {
    my ($self, $login) = @_;
    $self->say(token => $login->{number}, $login->{begin}, now(), $login->{authenticated});
    return $self->tell(new => @$login{qw(number token user session)});
}

# --- ends ----------------------------------------------------------------------------------------

sub take_one {
    my ($self) = @_;
    my $at = int rand @{ $self->{live} };
    return $self->{live}[$at];
}

sub ended {
    my ($self, $kind, $begin, @logins) = @_;
    my $commit = now();
    for my $login (@logins) {
        $self->say(end => $login->{number}, $kind, $begin, $commit);
        $self->tell(stop => $login->{number}, $commit + $LINGER);
    }
    my %gone = map { $_->{number} => 1 } @logins;
    @{ $self->{live} } = grep { !$gone{ $_->{number} } } @{ $self->{live} };
    return;
}

# Who is meant by a kind, beside the session itself.
sub meant_by {
    my ($self, $kind, $one) = @_;
    my $same = $kind =~ /user/ ? 'user' : $kind =~ /address/ ? 'net' : 'number';
    return grep { $_->{$same} eq $one->{$same} } @{ $self->{live} };
}

# Which psql says it, and what.
sub statement {
    my ($kind, $one) = @_;
    my $what = $kind =~ s/^repeatable_//r;
    return {
        session => [ admin => "select secsession.revoke_session('$one->{session}', 'stress')" ],
        user => [ admin => "select secsession.revoke_user('$one->{user}', 'stress')" ],
        address => [ admin => "select secsession.revoke_address('$one->{net}', 'stress')" ],
        all => [ admin => "select secsession.revoke_all('stress', 'stress')" ],
        logout => [ web => "select secsession.logout('\\x$one->{hash}', 'stress')" ],
        update => [
            super => "update secsession.session set ended_at = now(), end_reason = 'revoked'
            where session_id = '$one->{session}'"
        ],
        update_user => [
            super => "update secsession.session set ended_at = now(), end_reason = 'evicted'
            where user_name = '$one->{user}' and ended_at is null"
        ],
        delete =>
            [ super => "delete from secsession.session where session_id = '$one->{session}'" ],
    }->{$what};
}

# The statement before the end of the session gives the transaction its snapshot.
sub end_by {
    my ($self, $kind) = @_;
    my $one = $self->take_one;
    my ($who, $sql) = @{ statement($kind, $one) };
    $sql = "begin isolation level repeatable read; select 1; $sql; commit"
        if $kind =~ /^repeatable/;
    $self->let_go_for($who);
    my $begin = now();
    $self->insist(sub { $self->{$who}->run("$sql;") });
    return $self->ended($kind, $begin, $self->meant_by($kind, $one));
}

sub do_rolled_back {
    my ($self) = @_;
    my $one = $self->take_one;
    my @kinds = qw(session user address logout update update_user delete rotation all);
    my $kind = $kinds[ rand @kinds ];
    my ($who, $sql) =
        $kind eq 'rotation'
        ? (web => authentication($self->new_login(user => $one->{user}), $one))
        : @{ statement($kind, $one) };
    $self->let_go_for($who);
    return if !eval { $self->{$who}->run("begin; $sql; rollback;"); 1 };
    return $self->say(rolled => $one->{number}, $kind, now());
}

# Somebody with the web server's own rights holds a session, and lets go of it much later.
sub do_left_open {
    my ($self) = @_;
    return if $self->{left_open};
    my $one = $self->take_one;
    my $hold = "begin; select secsession.client_moved('$one->{session}', '192.0.2.7', 'log');";
    return if !eval { $self->{stranger}->run($hold); 1 };
    $self->{left_open} = now() + rand $LEFT_OPEN;
    return;
}

# Who writes rows by hand waits for whoever holds them, and must not wait for this process itself.
sub let_go_for {
    my ($self, $who) = @_;
    $self->close_what_is_open if $who eq 'super' && $self->{left_open};
    return;
}

sub close_what_is_open {
    my ($self) = @_;
    delete $self->{left_open};
    return eval { $self->{stranger}->run('rollback;') };
}

sub do_rotation {
    my ($self) = @_;
    my $one = $self->take_one;
    my $begin = now();
    $self->tell(stop => $one->{number}, $begin + $NO_REUSE);
    $self->create(old => $one, of => { user => $one->{user}, net => $one->{net} });
    return $self->ended(rotation => $begin, $one);
}

sub client { my ($self) = @_; return Secsession::Client->new(port => $self->{ports}[ rand 2 ]) }

sub do_logout_http {
    my ($self) = @_;
    my $one = $self->take_one;
    my $begin = now();
    $self->insist(sub {
        my $status = $self->client->set_token($one->{token})->logout->status;
        die "logout: $status\n" if $status != 303;
    });
    return $self->ended(logout_http => $begin, $one);
}

# A revocation whose snapshot is older than a login that both servers have already served.
sub do_late_login {
    my ($self) = @_;
    my $snapshot =
        'begin isolation level repeatable read; select count(*) from secsession.session;';
    return if !eval { $self->{other}->run($snapshot); 1 };
    my $one = $self->create or return;
    for my $port (@{ $self->{ports} }) {
        eval {
            Secsession::Client->new(port => $port)->set_token($one->{token})
                ->get('/static/page.html');
        };
    }
    my $begin = now();
    my $revoke = "select secsession.revoke_user('$one->{user}', 'stress');";
    my $kind = eval { $self->{other}->run("$revoke commit;"); 1 } ? 'late_login' : 'user';
    $self->insist(sub { $self->{admin}->run($revoke) }) if $kind eq 'user';
    return $self->ended($kind, $begin, $self->meant_by(user => $one));
}

# The login commits after the revocation of its user: it is dead from the first moment.
sub do_login_under_way {
    my ($self) = @_;
    my $login = $self->new_login;
    $login->{begin} = now();
    my $answer = eval { $self->{web}->run('begin; ' . authentication($login)) } // return;
    @$login{qw(state session authenticated)} = split /\|/, $answer;
    my $begin = now();
    $self->insist(
        sub { $self->{admin}->run("select secsession.revoke_user('$login->{user}', 'stress');") });
    $self->ended(user => $begin, $self->meant_by(user => $login));
    return if !eval { $self->{web}->run('commit;'); 1 } || $login->{state} ne 'live';
    $self->publish($login);
    return $self->ended(login_under_way => $login->{begin}, $login);
}

# --- everybody's sessions ------------------------------------------------------------------------

sub do_before {
    my ($self) = @_;
    my $begin = now();
    # It may say that it has not counted all, which is no answer.
    my $answer = $self->insist(sub { $self->{admin}->run(<<'SQL') });
set client_min_messages = warning;
select (extract(epoch from moment) * 1000000)::bigint, secsession.revoke_before(moment, 'stress', 'stress')
from (select clock_timestamp() - interval '1 s' as moment offset 0) m;
SQL
    my ($moment) = split /\|/, $answer;
    return $self->say(wide => 'before', $begin, now(), $moment);
}

sub do_all {
    my ($self) = @_;
    my $begin = now();
    $self->insist(sub { $self->{admin}->run("select secsession.revoke_all('stress', 'stress');") });
    return $self->say(wide => 'all', $begin, now(), 0);
}

1;
