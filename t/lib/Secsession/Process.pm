# Processes and folders of a test: everything a test starts or writes goes through here, so that
# nothing is left when it ends, whether it passes, fails, dies or is interrupted.
#
#   scratch($name)                 a new folder that httpd's and PostgreSQL's users may enter
#   spawn(command => [...], ...)   starts a server; options: user, groups, log, env, death_signal
#   stop($pid, $signal)            asks it to end, waits, and insists after a minute; true if asking was
#                                  enough
#   run([...], %opt)               runs a program to its end: (exit, stdout, stderr); options:
#                                  stdin, user, env,
#                                  timeout (120 s; the exit is then 124)
#   await { ... }                  true as soon as the block is true; false if it is not within a time
#                                  that no machine is too slow for, or within await { ... } $seconds
#   at_end { ... }                 runs before everything is stopped; returns complaints, which fail
#                                  the test
#   free_port(), slurp($file), spew($file, $text), checkout(), am_root(), descendants($pid)
package Secsession::Process;

use strict;
use warnings;

use Cwd ();
use Exporter 'import';
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Test::Builder;
use Time::HiRes qw(sleep time);

our @EXPORT_OK =
    qw(scratch spawn stop run await at_end free_port slurp spew checkout am_root descendants
        is_alive);

my $owner = $$;
my $checkout = Cwd::abs_path(dirname(__FILE__) . '/../../..');
my $scratch;    # this test's own folder; scratch() makes folders inside it
my @running;    # { pid, signal }, in the order in which they were started
my @at_end;
my @held;       # what keeps ports for this test

# A caller's own PostgreSQL settings must not reach the private cluster.
delete @ENV{ grep { /^PG/ } keys %ENV };
$ENV{PATH} = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' unless $ENV{PATH};

my %number = (HUP => 1, INT => 2, TERM => 15);
for my $name (keys %number) {
    $SIG{$name} = sub { exit 128 + $number{$name} };
}

sub checkout { return $checkout }
sub am_root { return $> == 0 }

sub slurp {
    my ($file) = @_;
    open my $in, '<:raw', $file or return '';
    local $/;
    return scalar(<$in>) // '';
}

sub spew {
    my ($file, $text, $mode) = @_;
    open my $out, '>:raw', $file or die "cannot write $file: $!";
    print {$out} $text;
    close $out or die "cannot write $file: $!";
    chmod $mode, $file if defined $mode;
    return $file;
}

sub await(&;$) {
    my ($condition, $seconds) = @_;
    my $end = time + ($seconds // 120);
    my $pause = 0.002;
    while (1) {
        my $result = $condition->();
        return $result if $result;
        return $result if time > $end;
        sleep $pause;
        $pause = $pause < 0.05 ? $pause * 1.5 : 0.05;
    }
}

sub at_end(&) { push @at_end, $_[0]; return }

# --- folders -------------------------------------------------------------------------------------

# httpd's and PostgreSQL's users differ from root, and must get from / to the folder.
sub everyone_can_enter {
    my ($folder) = @_;
    for (my $at = $folder; ; $at = dirname($at)) {
        return 0 unless ((stat $at)[2] // 0) & 0001;
        return 1 if $at eq '/';
    }
}

# Paths of Unix sockets end at 107 characters: a checkout deep down is not used either.
sub scratch_root {
    return $scratch if $scratch;
    my $test = basename($0) =~ s/\.t$//r;
    my $build = "$checkout/build/t";
    make_path($build, { mode => 0755 });
    my $usable = length($build) < 60 && -w $build && (!am_root() || everyone_can_enter($build));
    $scratch = File::Temp::tempdir("$test-XXXXXX", $usable ? (DIR => $build) : (TMPDIR => 1));
    chmod 0755, $scratch;
    return $scratch;
}

sub scratch {
    my ($name) = @_;
    my $root = scratch_root();
    my ($folder, $n) = ("$root/$name", 1);
    $folder = "$root/$name" . ++$n while -e $folder;
    make_path($folder, { mode => 0755 });
    return $folder;
}

# --- processes -----------------------------------------------------------------------------------

# This test's own until it ends: no other test gets it, since an abstract socket of its name is held,
# and no client, since the kernel takes theirs from above 32767.
sub free_port {
    for my $n (0 .. 9999) {
        my $port = 20_000 + ($$ * 10 + @held + $n) % 10_000;
        my $holds = IO::Socket::UNIX->new(Local => "\0secsession test $port", Listen => 1) or next;
        push @held, $holds;
        return $port
            if IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:$port", ReuseAddr => 1);
    }
    die 'no free port';
}

# The user's groups are given up; the signal comes if this test is killed without a chance to clean
# up.
sub privileges {
    my (%opt) = @_;
    my @as = ('setpriv');
    push @as, '--pdeathsig', $opt{death_signal} if $opt{death_signal};
    if ($opt{user} && am_root()) {
        my $gid = (getpwnam $opt{user})[3] // die "no user $opt{user} on this machine";
        push @as, '--reuid', $opt{user}, '--regid', $gid,
            $opt{groups} ? ('--groups', $opt{groups}) : '--clear-groups';
    }
    return @as > 1 ? @as : ();
}

sub child {
    my ($in, $out, $err, $env, @command) = @_;
    @SIG{ keys %number } = ('DEFAULT') x keys %number;
    open STDIN, '<', $in or POSIX::_exit(126);
    open STDOUT, '>>', $out or POSIX::_exit(126);
    open STDERR, '>>', $err or POSIX::_exit(126);
    @ENV{ keys %$env } = values %$env;
    exec { $command[0] } @command or POSIX::_exit(127);
}

sub spawn {
    my (%opt) = @_;
    my $signal = $opt{death_signal} // 'TERM';
    my @command = (privileges(%opt, death_signal => $signal), @{ $opt{command} });
    my $log = $opt{log} // '/dev/null';
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        POSIX::setsid();    # httpd under prefork signals its whole process group
        child('/dev/null', $log, $log, $opt{env} // {}, @command);
    }
    push @running, { pid => $pid, signal => $signal };
    return $pid;
}

sub run {
    my ($command, %opt) = @_;
    my $folder = File::Temp::tempdir(DIR => scratch_root(), CLEANUP => 0);
    my ($in, $out, $err) = map { "$folder/$_" } qw(in out err);
    spew($_, '') for $out, $err;
    spew($in, $opt{stdin} // '');
    my $pid = fork // die "fork: $!";
    child($in, $out, $err, $opt{env} // {}, privileges(user => $opt{user}), @$command) if $pid == 0;
    my $exit = wait_for($pid, $opt{timeout} // 120);
    my @result = ($exit, slurp($out), slurp($err));
    remove_tree($folder);
    return @result;
}

# As a shell says it: 128 + the signal, and as timeout(1): 124.
sub wait_for {
    my ($pid, $seconds) = @_;
    my $status;
    await { waitpid($pid, WNOHANG) == $pid && defined($status = $?) } $seconds;
    return $status & 127 ? 128 + ($status & 127) : $status >> 8 if defined $status;
    kill 'KILL', descendants($pid), $pid;
    waitpid $pid, 0;
    return 124;
}

sub is_alive {
    my ($pid) = @_;
    return kill(0, $pid) && slurp("/proc/$pid/stat") !~ /^\d+ \(.*\) Z/s;
}

# Every process below this one, as the kernel says now.
sub descendants {
    my ($pid) = @_;
    my @children = map { split ' ', slurp($_) } glob "/proc/$pid/task/*/children";
    return map { ($_, descendants($_)) } @children;
}

sub stop {
    my ($pid, $signal) = @_;
    @running = grep { $_->{pid} != $pid } @running;
    my @family = ($pid, descendants($pid));
    kill 'CONT', @family;
    kill $signal // 'TERM', $pid;
    my $ended = 0;
    my $over = await {
        $ended ||= waitpid($pid, WNOHANG) != 0;
        $ended && !grep { is_alive($_) } @family
    };
    return 1 if $over;
    kill 'KILL', @family;
    waitpid $pid, 0 unless $ended;
    return 0;
}

# --- the end -------------------------------------------------------------------------------------

sub say_on_stderr { print STDERR map { "# $_\n" } map { split /\n/ } @_; return }

END {
    if ($$ == $owner) {
        my $status = $?;
        local ($@, $!);
        my @complaints = map { my @said = eval { $_->() }; ($@ || (), @said) } reverse @at_end;
        my @left = reverse @running;    # stop() changes @running
        for my $process (@left) {
            stop($process->{pid}, $process->{signal});
        }
        say_on_stderr(@complaints);
        $status ||= 1 if @complaints;
        if ($scratch && ($status || !Test::Builder->new->is_passing)) {
            say_on_stderr("logs are kept in $scratch");
        }
        elsif ($scratch) {
            remove_tree($scratch, { error => \my $ignored });
        }
        $? = $status;
    }
}

1;
