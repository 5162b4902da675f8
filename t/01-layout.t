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
my %includes = map { $_ => [ slurp($_) =~ /^#include "([^"]+)"/mg ] } @files;

# A unit is a source with its header.
sub unit { return $_[0] =~ s/\.[ch]$//r }
my %uses;
for my $file (@files) {
    $uses{ unit($file) }{ unit($_) } = 1 for grep { unit($_) ne unit($file) } @{ $includes{$file} };
}

subtest 'every file is in a room' => sub {
    is_deeply [ grep { !$BELOW{ room($_) } } @files ], [], 'that the plan knows';
    is_deeply [ glob('http/*.[ch]') ], [], 'and none in the hall';
    ok @files > 100, 'all of them were read';
};

subtest 'no include points up' => sub {
    my @up;
    for my $file (@files) {
        my %may = map { $_ => 1 } room($file), below(room($file));
        push @up, map { "$file includes $_" } grep { !$may{ room($_) } } @{ $includes{$file} };
    }
    is_deeply \@up, [], 'from any room to one that stands above it, or beside it';
    my @inside;
    for my $file (grep { /^http/ } @files) {
        push @inside,
            map { "$file includes $_" } grep { /^store/ && !$FACE{$_} } @{ $includes{$file} };
    }
    is_deeply \@inside, [], 'http/ knows the face of store/ alone';
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
    is_deeply [ grep { $seen{$_}++ } @rooms ], [], 'one line a room';
    is_deeply [ sort @rooms ], [ sort keys %BELOW ], 'all of them';
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
    is_deeply [ sort map { s/\.o$/.c/r } @named ],
        [ sort grep { /\.c$/ } @files, 'mod_secsession.c' ],
        'with the files that are there';
};

done_testing;
