# The load: wrk, with one request after the other on each of 32 connections that stay open, and what
# it cost.
#
#   measure($contender, seconds => n)    also: connections (32), offset (where in its requests to
#                                        begin; else anywhere)
#       -> { requests, rate (a second), p50, p99 (ms), cpu (µs of httpd a request), other_cpu (of
#           its other servers) }
#
# A contender says where to send them: httpd, path, lines (header fields, one set of them a
# request), method, body, status (of every answer; 200), others (process ids of servers that work
# for it). A wrong answer ends the run.
package Bench::Load;

use strict;
use warnings;

use Bench::Cost 'cpu_of';
use Exporter 'import';
use File::Basename 'dirname';
use Secsession::Process qw(run scratch spew);

our @EXPORT_OK = qw(measure);

my $SCRIPT = dirname(dirname(__FILE__)) . '/load.lua';
my $PAGE = 1024;    # bytes; an answer with less in it is not the page

sub requests_file {
    my ($contender) = @_;
    return $contender->{requests_file} //= do {
        spew(scratch('requests') . '/lines', join '', map { "$_\n" } @{ $contender->{lines} });
    };
}

sub wrk {
    my ($contender, $seconds, $connections, $offset) = @_;
    my @command = (
        'wrk', '-t1', "-c$connections", "-d${seconds}s", '--timeout', '20s', '-s', $SCRIPT,
        $contender->{httpd}->url($contender->{path}), '--', requests_file($contender), $offset,
        $contender->{method} // 'GET', $contender->{body} // ());
    my ($exit, $out, $err) = run(\@command, timeout => $seconds + 60);
    my ($line) = $out =~ /^result (.*)$/m or die "wrk: exit $exit\n$out$err\n";
    return { $line =~ /(\w+)=(\d+)/g };
}

# httpd may close a connection that waits for its next request; the load opens another.
sub check {
    my ($contender, $said) = @_;
    my $status = $contender->{status} // 200;
    my $refused = $status < 400 ? 0 : $said->{requests};
    my $wrong = !$said->{requests} ? 'nothing was answered'
        : $said->{refused} != $refused ? "$said->{refused} of $said->{requests} answers were errors"
        : $said->{broken} > $said->{requests} / 1000 + 1 ? "$said->{broken} connections failed"
        : $status == 200 && $said->{bytes} < $PAGE * $said->{requests} ? 'answers were not the page'
        : return;
    die "$contender->{name}: $wrong\n";
}

sub measure {
    my ($contender, %opt) = @_;
    my $offset = $opt{offset} // int rand @{ $contender->{lines} };
    my @pids = ([ $contender->{httpd}->parent_pid ], $contender->{others} // []);
    truncate $contender->{httpd}->folder . '/logs/access.log', 0;    # or they fill the disk
    my @before = map { cpu_of(@$_) } @pids;
    my $said = wrk($contender, $opt{seconds}, $opt{connections} // 32, $offset);
    my @used = map { cpu_of(@{ $pids[$_] }) - $before[$_] } 0, 1;
    check($contender, $said);
    my $requests = $said->{requests};
    return {
        requests => $requests, broken => $said->{broken},
        rate => $requests / $said->{duration} * 1e6,
        p50 => $said->{p50} / 1e3, p99 => $said->{p99} / 1e3,
        cpu => $used[0] / $requests, other_cpu => $used[1] / $requests,
    };
}

1;
