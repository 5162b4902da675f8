# Every number in the log and every directive is documented, and nothing is documented that does
# not exist: the source and the documentation have the same messages and the same directives. No
# message contains a secret.

use lib 't/lib';
use Secsession::Documents qw(built_directives described_directives);
use Secsession::Test;
use Secsession::Process qw(checkout slurp);

my $root = checkout();

sub files { return map { glob "$root/$_" } @_ }
sub short { return $_[0] =~ s{^\Q$root\E/}{}r }

# C without its comments.
my %source = map { short($_) => slurp($_) =~ s{/\*.*?\*/}{}gsr }
    files(qw(*.c http/*/*.c session/*.c store/*.c));
my $operations = slurp("$root/docs/operations.md");
my $directives = slurp("$root/docs/directives.md");

# --- messages ------------------------------------------------------------------------------------

# One call of the log: its words, its level, and the expressions that it shows.
sub calls_in {
    my ($file) = @_;
    my @calls;
    while ($source{$file} =~ /\bap_log_\w+\s*\(\s*(.*?)\)\s*;/gs) {
        my $arguments = $1;
        my $text = join '', $arguments =~ /"((?:[^"\\]|\\.)*)"/g;
        my ($shown) = $arguments =~ s/\A[^"]*//r =~ s/"(?:[^"\\]|\\.)*"//gr;
        my ($level) =
            $arguments =~ /\bAPLOG_(EMERG|ALERT|CRIT|ERR|WARNING|NOTICE|INFO|DEBUG|TRACE\d)\b/;
        push @calls, { file => $file, text => $text, level => $level // '?', shown => $shown };
    }
    return @calls;
}

my @calls = map { calls_in($_) } sort keys %source;
my %call = map { $_->{text} =~ /\A(SS\d{3}): / ? ($1 => $_) : () } @calls;
my %documented = map { /^\| (SS\d{3}) \| (\w+) \|/ ? ($1 => $2) : () } split /\n/, $operations;
my %LEVEL = (critical => 'CRIT', error => 'ERR', warning => 'WARNING', notice => 'NOTICE',
    debug => 'DEBUG', info => 'INFO');

subtest 'every message in the log has a number, and no number means two things' => sub {
    cmp_ok scalar @calls, '>', 15, 'the calls are found';
    my @bare = grep { $_->{text} !~ /\ASS[1-9]\d\d: [a-zA-Z]/ } @calls;
    is_deeply [ map { "$_->{file}: $_->{text}" } @bare ], [], 'a number each';
    my %places;
    for my $file (sort keys %source) {
        push @{ $places{$1} }, $file while $source{$file} =~ /\b(SS\d{3})\b/g;
    }
    is_deeply [ map { "$_: @{ $places{$_} }" } grep { @{ $places{$_} } > 1 } sort keys %places ],
        [], 'a message each';
    is_same_set([ keys %places ], [ keys %call ], 'and none stands outside of a message');
};

subtest 'the documentation explains every number, and no other' => sub {    # ASVS 5.0 16.2.3
    is_same_set([ keys %documented ], [ keys %call ], 'the same numbers');
    is scalar(() = $operations =~ /^\| SS\d{3} \|/mg), keys %documented, 'each once';
    for my $number (sort keys %documented) {
        is $LEVEL{ $documented{$number} }, $call{$number}{level}, "$number: its level";
        like $operations, qr/^\| $number \| \w+ \| [^|]{8,} \| [^|]{5,} \|$/m,
            "$number: what it means, and what to do";
    }
    for my $file (files(qw(README.md CHANGES docs/*.md conf/*.conf t/*.t))) {
        my %mentioned = map { $_ => 1 } slurp($file) =~ /\b(SS\d{3})\b/g;
        is_deeply [ grep { !$call{$_} } sort keys %mentioned ], [],
            short($file) . ' speaks of none that is not there';
    }
};

subtest 'no message shows a token, a password, a cookie or a form' => sub {
    my @secret =
        qw(token new_token hash password cookie form body presented headers_in args unparsed_uri
            the_request
        params);
    my $secret = join '|', @secret;
    my @shown = grep { $_->{shown} =~ /\b(?:$secret)\b/ } @calls;
    is_deeply [ map { "$_->{text}: $_->{shown}" } @shown ], [], 'by the names of what it shows';
};

# --- directives ----------------------------------------------------------------------------------

my %built = built_directives();
my %described = described_directives();

# The value in the backquotes of `Name value`, and whether a profile says another.
sub default_of {
    my ($name, $text) = @_;
    my ($value, $more) = $text =~ /^`$name ([^`]*)`(.*)$/ or return $text =~ tr/`//dr;
    return $value . ($more =~ /profile/ ? ', or by profile' : '');
}

subtest 'every directive is in the documentation, and no other' => sub {
    cmp_ok scalar keys %built, '>', 10, 'the table is found';
    is_same_set([ keys %described ], [ keys %built ], 'the same directives');
    for my $name (grep { $built{$_} } sort keys %described) {
        is $described{$name}{Context}, $built{$name}{Context}, "$name: its contexts";
        is default_of($name, $described{$name}{Default}), $built{$name}{Default},
            "$name: its default, as httpd -L says it";
    }
    for my $file (files(qw(README.md CHANGES docs/*.md conf/*.conf conf/demo/* conf/demo/*/*)),
        keys %source)
    {
        my %mentioned =
            map { $_ => 1 } slurp(-e $file ? $file : "$root/$file") =~ /\b(SecSession[A-Z]\w+)\b/g;
        is_deeply [ grep { !$built{$_} } sort keys %mentioned ], [],
            short($file) . ' speaks of none that is not there';
    }
};

subtest 'every handler, variable and end of a session is in the documentation' => sub {
    my $all = join "\n", values %source;
    my %handlers = map { $_ => 1 } $all =~ /"(secsession-\w+)"/g;
    like $directives, qr/\b\Q$_\E\b/, $_ for sort keys %handlers;
    my %variables = map { $_ => 1 } $all =~ /"(SECSESSION_[A-Z]+)"/g;
    like $directives, qr/`\Q$_\E`/, $_ for sort keys %variables;
    my @reasons = $source{'http/request/why.c'} =~ /\{ SECSESSION_(?!UNKNOWN)[A-Z]+, "(\w+)",/g;
    my ($documented) = $directives =~ /&why=([\w|]+)/;
    is_same_set([ split /\|/, $documented ], \@reasons, 'the reasons of a login page');
};

done_testing;
