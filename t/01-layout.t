# The source tree is as CONTRIBUTING.md describes it: rooms on floors, every include points down,
# and no chain of includes comes back to where it began.
# asan: no

use lib 't/lib';
use Secsession::Test;

# Each room with the rooms that stand directly below it; what these include it may include, too.
my %BELOW = (
    'http/application' => ['http/access'],
    'http/handlers'    => ['http/access'],
    'http/access'      => ['http/modsession'],
    'http/modsession'  => ['http/request'],
    'http/request'     => ['http/users'],
    'http/users'       => ['http/setup'],
    'http/setup'       => [ 'http/parse', 'store' ],
    'http/parse'       => ['session'],
    'store'            => ['session'],
    'session'          => [],
);

# What http/ may know of store/.
my %FACE = map { $_ => 1 } qw(store/store.h store/sink.h);

sub slurp {
    my ($path) = @_;
    open my $in, '<', $path or die "$path: $!";
    local $/;
    return scalar <$in>;
}

sub room { return $_[0] =~ s{/[^/]+$}{}r }

sub below {
    my ($room) = @_;
    return map { ($_, below($_)) } @{ $BELOW{$room} };
}

my @files = (glob('http/*/*.[ch]'), glob('store/*.[ch]'), glob('session/*.[ch]'));
my $TOP = 'mod_secsession.c';

# Our own headers, however they are written: beside the sources -I. finds them in angle brackets,
# too.
sub includes {
    my ($file) = @_;
    my @named = slurp($file) =~ /^\s*#\s*include\s*(["<][^">]+)[">]/mg;
    return map { substr $_, 1 } grep { /^"/ || -e substr $_, 1 } @named;
}
my %includes = map { $_ => [ includes($_) ] } @files, $TOP;

# A unit is a source with its header.
sub unit { return $_[0] =~ s/\.[cho]$//r }
my %uses;
for my $file (@files) {
    $uses{ unit($file) }{ unit($_) } = 1 for grep { unit($_) ne unit($file) } @{ $includes{$file} };
}

subtest 'every file is in a room' => sub {
    is_deeply [ grep { !$BELOW{ room($_) } } @files ], [], 'that the plan knows';
    is_deeply [ glob('http/*.[ch]') ], [], 'and none in the hall';
    ok @files > 100, 'all of them were read';
};

subtest 'our own headers are included in double quotes, by their path' => sub {
    my @angled;
    for my $file (@files, $TOP) {
        push @angled, map { "$file: $_" } grep { -e } slurp($file) =~ /^\s*#\s*include\s*<([^>]+)>/mg;
    }
    is_deeply \@angled, [], 'none in angle brackets';
    is_deeply [ map { my $file = $_; map { -e $_ ? () : "$file: $_" } @{ $includes{$file} } }
            sort keys %includes ], [], 'all of them are there';
};

subtest 'no include points up' => sub {
    my @up;
    for my $file (@files) {
        my %may = map { $_ => 1 } room($file), below(room($file));
        push @up, map { "$file includes $_" } grep { !$may{ room($_) } } @{ $includes{$file} };
    }
    is_deeply \@up, [], 'from any room to one that stands above it, or beside it';
    my @inside;
    for my $file ($TOP, grep { /^http/ } @files) {
        push @inside,
            map { "$file includes $_" } grep { /^store/ && !$FACE{$_} } @{ $includes{$file} };
    }
    is_deeply \@inside, [], 'http/ and the module know the face of store/ alone';
    is_deeply [ grep { !m{^http/} } @{ $includes{$TOP} } ], [],
        'the module knows store/ and session/ through http/ alone';
};

subtest 'no unit includes itself by a detour' => sub {
    my (%state, @circles);
    my $visit;
    $visit = sub {
        my ($unit, @way) = @_;
        if (($state{$unit} // '') eq 'open') {
            push @circles, join ' -> ', @way, $unit;
            return;
        }
        return if $state{$unit};
        $state{$unit} = 'open';
        $visit->($_, @way, $unit) for sort keys %{ $uses{$unit} };
        $state{$unit} = 'done';
    };
    $visit->($_) for sort keys %uses;
    is_deeply \@circles, [], 'however long';
};

subtest 'modules.mk shows the floors' => sub {
    my ($objects) = slurp('modules.mk') =~ /^OBJECTS = (.*?)\n\n/ms;
    my @lines = split /\\\n\s*/, $objects =~ s/\\\n\s+(?=[a-z_]+\.o)//gr;
    my @rooms = map { m{^\$\(addprefix ([\w/]+)/,} ? $1 : () } @lines;
    my %seen;
    is_deeply [ grep { $seen{$_}++ } @rooms ], [], 'one list a room';
    is_same_set(\@rooms, [ keys %BELOW ], 'all of them');
    for my $n (0 .. $#rooms) {
        my %under = map { $_ => 1 } below($rooms[$n]);
        is_deeply [ grep { $under{$_} } @rooms[ 0 .. $n - 1 ] ], [],
            "$rooms[$n] stands above what it is built upon";
    }
    my @named;
    for (@lines) {
        push @named, m{^\$\(addprefix ([\w/]+)/, (.*?)\)} ? map { "$1/$_" } split ' ',
            $2 : /(\w+\.o)/ ? $1 : ();
    }
    is_same_set([ map { s/\.o$/.c/r } @named ], [ grep { /\.c$/ } @files, $TOP ],
        'with the files that are there');
    my (%place, @upside_down);
    $place{ unit($named[$_]) } = $_ for 0 .. $#named;
    for my $unit (sort keys %uses) {
        push @upside_down, map { "$unit after $_" }
            grep { defined $place{$_} && defined $place{$unit} && $place{$_} < $place{$unit} }
            grep { room($_) eq room($unit) } sort keys %{ $uses{$unit} };
    }
    is_deeply \@upside_down, [], 'and in a room what is built upon others stands before them';
};

subtest 'install.sql and the migrations include every file of store/sql' => sub {
    my @including = ('store/install.sql', glob 'store/sql/*.sql');
    my @included = map { map { s{^(?:sql/)?}{}r } slurp($_) =~ /^\s*\\ir ([\w.\/-]+)/mg } @including;
    is_same_set(\@included, [ map { s{^store/sql/}{}r } glob 'store/sql/*.sql' ], 'once');
};

done_testing;
