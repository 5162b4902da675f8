# What requests cost, as the kernel and PostgreSQL counted it.
#
#   cpu_of(@pids)          µs of user and system time of these processes and all that they ever
#                          started
#   memory_of($httpd)      MiB: { children, shared }
#   written($postgres)     { transactions, rows } so far, at (when); takes 11 s
#
# children: the proportional share (PSS) of the processes that serve requests, without shared
# memory; program text that all servers of the run have in common counts to each in part. shared:
# the pages in use of httpd's shared memory, once.
package Bench::Cost;

use strict;
use warnings;

use Exporter 'import';
use List::Util 'sum0';
use POSIX ();
use Secsession::Process qw(descendants slurp);
use Time::HiRes 'time';

our @EXPORT_OK = qw(cpu_of memory_of written);

my $TICKS = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Four fields of /proc/PID/stat: the process' own time, and that of children that have ended.
sub ticks {
    my ($pid) = @_;
    my ($fields) = slurp("/proc/$pid/stat") =~ /.*\) (.*)/s or return 0;
    return sum0((split ' ', $fields)[ 11 .. 14 ]);
}

sub cpu_of {
    my (@pids) = @_;
    return sum0(map { ticks($_) } map { ($_, descendants($_)) } @pids) * 1e6 / $TICKS;
}

sub pss {
    my ($pid, $kind) = @_;
    return slurp("/proc/$pid/smaps_rollup") =~ /^\Q$kind\E:\s+(\d+)/m ? $1 / 1024 : 0;
}

# PSS divides a shared page among those who have it: over all processes of this httpd it is whole
# again.
sub memory_of {
    my ($httpd) = @_;
    my @children = $httpd->child_pids;
    my @all = ($httpd->parent_pid, descendants($httpd->parent_pid));
    return {
        children => sum0(map { pss($_, 'Pss') - pss($_, 'Pss_Shmem') } @children),
        shared => sum0(map { pss($_, 'Pss_Shmem') } @all),
    };
}

# PostgreSQL's processes say what they have done when they have been idle for 10 s.
sub written {
    my ($postgres) = @_;
    sleep 11;
    my $answer = $postgres->value(
        q{select xact_commit + xact_rollback, tup_inserted + tup_updated + tup_deleted
        from pg_stat_database where datname = 'app'}
    );
    my %written = (at => time);
    @written{qw(transactions rows)} = split /\|/, $answer;
    return \%written;
}

1;
