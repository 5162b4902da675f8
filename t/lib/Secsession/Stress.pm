# What t/71-stress.t is made of: the readers, the writers, and the troubles that they meet. Two
# httpds and a PostgreSQL are given; every process started here is stopped by its pid.
#
#   my $stress = Secsession::Stress->new(postgres => $postgres, httpds => [$a, $b], connections =>
#       64, writers => 8);
#   $stress->start;
#   $stress->trouble(kind);     child, feed, frozen_feed, frozen_children, restart, graceful: what
#                               happened, or '' if it could not
#   $stress->finish;            true if the writers and the readers ended well
#   $stress->records            (writers => text, readers => text, troubles => [...]) for
#                               Secsession::Stress::Verdict
#   Secsession::Stress::build($name, @arguments)   compiles a C program in a private folder; its
#                                                  path
package Secsession::Stress;

use strict;
use warnings;

use POSIX qw(mkfifo WNOHANG);
use Secsession::Process qw(at_end await checkout is_alive run scratch slurp spawn spew);
use Secsession::Stress::Writer;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

# so long after a trouble things may be slower: another feed takes over within it
my $AFTERMATH = 2;
my $FROZEN = 3;       # seconds
my $FEED = "application_name = 'mod_secsession feed'";
my %children;         # writers, which must not outlive the test
my %frozen;           # nor may anything stay frozen

at_end { kill 'CONT', keys %frozen; kill 'KILL', keys %children; return };

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub build {
    my ($name, @arguments) = @_;
    my $program = scratch('program') . "/$name";
    my ($exit, $out, $err) = run(
        [
            $ENV{CC} || 'cc', '-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra',
            '-I' . checkout(), '-o', $program,
            map { m{^t/|^bench/} ? checkout() . "/$_" : $_ } @arguments
        ]
    );
    die "cc: $out$err" if $exit;
    return $program;
}

sub new {
    my ($class, %opt) = @_;
    my $folder = scratch('stress');
    mkfifo("$folder/commands", 0600) or die "mkfifo: $!";
    # Open on this side as long as the test lives: no writer waits for readers that are not there.
    open my $pipe, '+<', "$folder/commands" or die "pipe: $!";
    $pipe->autoflush(1);
    return bless { %opt, folder => $folder, troubles => [], pipe => $pipe }, $class;
}

sub start {
    my ($self) = @_;
    my $readers = build('readers', 't/stress/readers.c', 't/stress/asker.c');
    my @ports = map { $_->port } @{ $self->{httpds} };
    $self->{readers} = spawn(
        log => "$self->{folder}/readers.log",
        death_signal => 'KILL',
        command => [
            $readers,
            "$self->{folder}/commands", "$self->{folder}/answers", $self->{connections},
            '/static/page.html', @ports
        ]
    );
    $self->start_writer($_, @ports) for 1 .. $self->{writers};
    return $self;
}

sub start_writer {
    my ($self, $n, @ports) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
        my $writer = Secsession::Stress::Writer->new(
            number => $n, postgres => $self->{postgres}, ports => \@ports,
            folder => $self->{folder}, commands => "$self->{folder}/commands"
        );
        my $did = eval { $writer->work; 1 };
        print STDERR "# writer $n: $@" if !$did;
        POSIX::_exit($did ? 0 : 1);
    }
    $children{$pid} = 1;
    $self->{pids}{$pid} = $n;
    return;
}

# Each in its time, and the readers last: they go on until the last session may be forgotten.
sub finish {
    my ($self) = @_;
    my $failed = 0;
    spew("$self->{folder}/stop", '');
    for my $pid (keys %{ $self->{pids} }) {
        my $status;
        await { waitpid($pid, WNOHANG) == $pid && defined($status = $?) } 90;
        $failed++ if !defined $status || $status != 0;
        delete $children{$pid} if !is_alive($pid);
    }
    print { $self->{pipe} } "quit\n";
    my $ended = await { slurp("$self->{folder}/answers") =~ /^total /m } 40;
    return $ended && !$failed;
}

sub records {
    my ($self) = @_;
    return (
        writers => join('', map { slurp("$self->{folder}/writer-$_") } 1 .. $self->{writers}),
        readers => slurp("$self->{folder}/answers"), troubles => $self->{troubles},
    );
}

# --- trouble -------------------------------------------------------------------------------------

sub trouble {
    my ($self, $kind) = @_;
    my $from = now();
    my $what = $self->can("trouble_$kind")->($self);
    push @{ $self->{troubles} }, [ $from, now() + $AFTERMATH ] if $what;
    return $what;
}

sub some_httpd { my ($self) = @_; return $self->{httpds}[ rand @{ $self->{httpds} } ] }

sub trouble_child {
    my ($self) = @_;
    my $httpd = $self->some_httpd;
    my @children = $httpd->child_pids;
    return '' if @children < 2;
    my $victim = $children[ rand @children ];
    kill 'KILL', $victim or return '';
    await { !is_alive($victim) } 10;
    return 'a child killed';
}

sub feeds {
    my ($self) = @_;
    return split /\n/, $self->{postgres}->psql("select pid from pg_stat_activity where $FEED");
}

sub trouble_feed {
    my ($self) = @_;
    my $cut = $self->{postgres}->value("select count(pg_terminate_backend(pid)) from (
        select pid from pg_stat_activity where $FEED order by random() limit 1) victim");
    return $cut ? 'a feed terminated' : '';
}

sub freeze {
    my ($what, @pids) = @_;
    @frozen{@pids} = @pids;
    my $how_many = kill 'STOP', @pids;
    sleep $FROZEN if $how_many;
    kill 'CONT', @pids;
    delete @frozen{@pids};
    return $how_many ? $what : '';
}

# The end of the feed's connection, and a feed that hears nothing, are two things.
sub trouble_frozen_feed {
    my ($self) = @_;
    my @feeds = $self->feeds or return '';
    return freeze('a feed frozen', $feeds[ rand @feeds ]);
}

# One child of each server listens for all of them: if it is frozen, the one that is not has only
# the lease.
sub trouble_frozen_children {
    my ($self) = @_;
    my @children = $self->some_httpd->child_pids;
    splice @children, rand @children, 1;
    return freeze('all children of a server but one frozen', @children);
}

sub trouble_restart {
    my ($self) = @_;
    $self->{postgres}->restart('immediate');
    return 'PostgreSQL restarted';
}

sub trouble_graceful {
    my ($self) = @_;
    $self->some_httpd->graceful;
    return 'a graceful restart';
}

1;
