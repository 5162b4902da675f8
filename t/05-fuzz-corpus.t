# The parsers keep their promises on every input in t/fuzz/corpus: inputs that are malformed on
# purpose, and inputs that fuzzing (make fuzz) once found. The parsers are built here with
# sanitizers, however the module is built.
# asan: no
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run scratch checkout);

chdir checkout() or die 'the checkout: ', $!;
my $build = scratch('build');

sub build {
    my ($name) = @_;
    my $program = "$build/fuzz/fuzz_$name";
    my ($exit, undef, $said) = run(
        [
            'make', '-s', "BUILD=$build", 'FUZZ_CC=gcc', 'FUZZ_WITH=t/fuzz/replay.c', 'CFLAGS=',
            $program
        ],
        env => { MAKEFLAGS => '', MFLAGS => '' },
    );
    is $exit, 0, 'it is built' or diag $said;
    return $program;
}

my @names = map { m{/fuzz_(\w+)\.c$} } glob 't/fuzz/fuzz_*.c';
cmp_ok scalar @names, '>=', 4, 'the targets are found';

for my $name (@names) {
    subtest $name => sub {
        my $program = build($name);
        my ($exit, $tap, $said) =
            run([ $program, "t/fuzz/corpus/$name" ], env => { ASAN_OPTIONS => 'detect_leaks=0' });
        my @results = $tap =~ /^((?:not )?ok) \d+ - (.*)$/mg;
        cmp_ok scalar @results, '>=', 10, 'its files are found';
        while (my ($result, $file) = splice @results, 0, 2) {
            is $result, 'ok', $file;
        }
        is $exit, 0, 'none is left out' or diag $said;
    };
}

done_testing;
