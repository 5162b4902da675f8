# Medians of the rounds as a table in Markdown on stdout; every sample as JSON in build/bench/.
#
#   table(\%option, \@contenders, $login, \@missing)     one line a contender
#   matrix(\%option, \@cells)                            one line a cell { rows, sessions, mpm,
#                                                        contenders }
#
# A ratio is the median of the ratios of neighbours, not the ratio of two medians.
package Bench::Report;

use strict;
use warnings;

use File::Path 'make_path';
use JSON::PP ();
use POSIX 'strftime';
use Secsession::Httpd;
use Secsession::Postgres;
use Secsession::Process qw(run slurp spew checkout);

# --- numbers -------------------------------------------------------------------------------------

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2;
}

sub middle {
    my ($contender, $what) = @_;
    return median(map { $_->{$what} } @{ $contender->{samples} });
}

sub ratio {
    my ($samples, $others, $what) = @_;
    return median(map { $samples->[$_]{$what} / ($others->[$_]{$what} || 1) } 0 .. $#$samples);
}

sub of_bare {
    my ($contender, $what) = @_;
    return ratio(@$contender{qw(samples beside_bare)}, $what);
}

sub whole {
    my $digits = sprintf '%.0f', $_[0];
    1 while $digits =~ s/^(\d+)(\d{3})/$1,$2/;
    return $digits;
}

# Three places that count, and no more than are there.
sub places { my ($n) = @_; return $n >= 100 ? whole($n) : sprintf $n >= 10 ? '%.1f' : '%.2f', $n }

# The count cannot tell less from nothing.
sub each_request { my ($n) = @_; return $n < 0.0005 ? '0' : sprintf '%.3f', $n }

# --- where and when ------------------------------------------------------------------------------

sub first_line { my (@command) = @_; return ((run(\@command))[1] =~ /^(.*)$/m)[0] // '' }

sub machine {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
    my $cpus = () = slurp('/proc/cpuinfo') =~ /^processor\s*:/mg;
    my ($httpd) = first_line(Secsession::Httpd::installation()->{program}, '-v') =~ m{(Apache/\S+)};
    my ($postgres) =
        first_line(Secsession::Postgres::installed() . '/postgres', '--version') =~ /(\d\S*)/;
    return {
        processors => $cpus, processor => $cpu // 'unknown', kernel => (POSIX::uname())[2],
        httpd => $httpd,
        postgresql => $postgres,
        commit => first_line('git', '-C', checkout(), 'describe', '--always', '--dirty')
    };
}

sub conditions {
    my ($option, $machine) = @_;
    return
        sprintf
        "1 KiB page, 32 connections, %d rounds of %d s; %d processors (%s), shared by httpd, "
        . "the database and the load; %s, PostgreSQL %s; %s, %s\n",
        @$option{qw(rounds seconds)}, @$machine{qw(processors processor httpd postgresql commit)},
        strftime('%Y-%m-%d', gmtime);
}

sub raw {
    my ($contender) = @_;
    my @kept = grep { defined $contender->{$_} } qw(key name samples beside_bare written memory);
    return { map { $_ => $contender->{$_} } @kept };
}

sub keep {
    my ($option, $machine, $results) = @_;
    my $folder = checkout() . '/build/bench';
    make_path($folder);
    my $file = "$folder/" . strftime('%Y%m%d-%H%M%S', gmtime) . '.json';
    spew(
        $file,
        JSON::PP->new->canonical->pretty->encode(
            { option => $option, machine => $machine, %$results }
        )
    );
    print STDERR "raw results: $file\n";
    return;
}

# --- tables --------------------------------------------------------------------------------------

sub line { return '| ' . join(' | ', @_) . " |\n" }

sub head {
    my ($text, @columns) = @_;
    return line($text, @columns) . '| --- |' . ' ---: |' x @columns . "\n";
}

my @COLUMNS = (
    'requests/s', 'of bare', 'p50 ms', 'p99 ms', 'p99 of bare', 'CPU of httpd µs', 'of bare',
    'CPU of other servers µs', 'SQL transactions', 'rows written',
    "memory of httpd's children MiB", '+ shared MiB'
);

sub row {
    my ($contender) = @_;
    my $of_bare =
        sub { $contender->{beside_bare} ? sprintf '%.2f', of_bare($contender, $_[0]) : '' };
    my $written = $contender->{written};
    return line($contender->{name},
        whole(middle($contender, 'rate')), $of_bare->('rate'),
        places(middle($contender, 'p50')), places(middle($contender, 'p99')), $of_bare->('p99'),
        places(middle($contender, 'cpu')), $of_bare->('cpu'),
        @{ $contender->{others} // [] } ? places(middle($contender, 'other_cpu')) : '',
        (map { $written ? each_request($written->{$_}) : '' } qw(transactions rows)),
        map { sprintf '%.1f', $contender->{memory}{$_} } qw(children shared));
}

sub login_line {
    my ($login, $cost, $connections) = @_;
    my @rounds = $login->shares($cost, $connections);
    my %middle = map {
        my $what = $_;
        ($what => median(map { $_->{$what} } @rounds))
    } qw(login floor time cpu);
    return
        sprintf
        "A login takes %.0f %% of the time that the password's bcrypt hash of cost %d and one "
            . "commit take, and "
        . "%.0f %% of their CPU time (%d connection%s: %s logins/s; %s/s of both).\n",
        100 * $middle{time}, $cost, 100 * $middle{cpu}, $connections, $connections > 1 ? 's' : '',
        map { whole($_) } @middle{qw(login floor)};
}

# Beside another contender than bare httpd, for one who adds to that.
sub beside_line {
    my ($contender, $contenders) = @_;
    my ($base) = grep { $_->{key} eq $contender->{beside} } @$contenders or return '';
    my @samples = map { $_->{samples} } $contender, $base;
    return sprintf "%s: %.2f of the requests a second of %s, %.2f of its p99.\n",
        $contender->{name},
        ratio(@samples, 'rate'), $base->{name}, ratio(@samples, 'p99');
}

sub table {
    my ($option, $contenders, $login, $missing) = @_;
    my $machine = machine();
    print conditions($option, $machine);
    printf "%s MPM; %s sessions of mod_secsession in use, %s more in the database\n\n",
        $option->{mpm}, map { whole($_) } @$option{qw(sessions rows)};
    print head('', @COLUMNS), map { row($_) } @$contenders;
    print row($login->row) if $login;
    print
        "\nPer request: CPU, SQL transactions, rows written. Of bare: medians of the ratios of "
            . "neighbours.\n";
    print map { beside_line($_, $contenders) } grep { $_->{beside} } @$contenders;
    print map { login_line($login, @$_) } $login->kinds if $login;
    print map { "$_\n" } @$missing;
    keep(
        $option, $machine,
        {
            contenders => [ map { raw($_) } @$contenders, $login ? $login->row : () ],
            missing => $missing, $login ? (login => $login->{shares}) : ()
        }
    );
    return;
}

sub cell_row {
    my ($cell) = @_;
    my ($bare, @ours) = @{ $cell->{contenders} };
    return line(
        whole($cell->{rows}), whole($cell->{sessions}), $cell->{mpm}, whole(middle($bare, 'rate')),
        map {
            my $contender = $_;
            (
                whole(middle($contender, 'rate')),
                map({ sprintf '%.2f', of_bare($contender, $_) } qw(rate p99 cpu)),
                each_request($contender->{written}{transactions})
            )
        } @ours
    );
}

sub matrix {
    my ($option, $cells) = @_;
    my $machine = machine();
    my @ours = ('requests/s', 'of bare', 'p99 of bare', 'CPU of httpd of bare',
        'SQL transactions a request');
    my @names =
        map { $_->{key} } @{ $cells->[0]{contenders} }[ 1 .. $#{ $cells->[0]{contenders} } ];
    print conditions($option, $machine), "\n";
    my @columns = map { my $name = $_; map { "$name: $_" } @ours } @names;
    print head('other sessions', 'in use', 'MPM', 'bare requests/s', @columns);
    print map { cell_row($_) } @$cells;
    my @raw = map { { %$_, contenders => [ map { raw($_) } @{ $_->{contenders} } ] } } @$cells;
    keep($option, $machine, { cells => \@raw });
    return;
}

1;
