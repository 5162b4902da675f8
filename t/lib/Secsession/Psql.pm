# One psql that stays open, so that transactions can be held open and a statement costs no new
# process.
#
#   my $psql = Secsession::Psql->new($postgres, $user);     the superuser without $user
#   $psql->run($sql)        its output, when the statements have been answered; dies at the first
#                           error,
#                           which ends the connection: the next run() opens another
#   $psql->close            whatever transaction is open is rolled back by PostgreSQL
package Secsession::Psql;

use strict;
use warnings;

use IPC::Open3;

my $END = '--- answered ---';

sub new {
    my ($class, $postgres, $user) = @_;
    return bless { command => [ $postgres->client($user ? (user => $user) : ()), '-Atq' ] }, $class;
}

sub open {
    my ($self) = @_;
    $self->{pid} = open3($self->{in}, $self->{out}, undef, @{ $self->{command} });
    $self->{in}->autoflush(1);
    return;
}

sub close {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    close $self->{in};
    close $self->{out};
    waitpid $pid, 0;
    return;
}

sub run {
    my ($self, $sql) = @_;
    local $SIG{PIPE} = 'IGNORE';
    $self->open if !$self->{pid};
    print { $self->{in} } "$sql\n\\echo '$END'\n";
    my @lines;
    while (defined(my $line = readline $self->{out})) {
        chomp $line;
        return join "\n", @lines if $line eq $END;
        push @lines, $line;
    }
    $self->close;
    die "psql: @lines\n";
}

sub DESTROY { my ($self) = @_; local ($?, $!); $self->close if $self->{pid}; return }

1;
