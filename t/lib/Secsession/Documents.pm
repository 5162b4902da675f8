# What a machine can check of documents and sources: for make lint (t/lint/documents) and
# t/43-log-numbers.t.
#
#   sources()             the files that people write, without those that a program made, relative
#                         to the checkout
#   long_lines($file)     the numbers of its lines that are longer than 100 columns
#   dead_links($file)     the links of a Markdown file that lead nowhere: no such file, or no such
#                         heading in it
#   dead_names($file)     the files of this repository that a document names and that are not there
#   built_directives()    the directives in the module's table: name => contexts, in the words of
#                         httpd's manual
#   described_directives() those in docs/directives.md: name => { Description, Syntax, Default,
#       Context }
package Secsession::Documents;

use strict;
use warnings;

use Exporter 'import';
use File::Basename 'dirname';
use Secsession::Directives;
use Secsession::Process qw(checkout slurp);

our @EXPORT_OK = qw(sources long_lines dead_links dead_names built_directives described_directives);

my $COLUMNS = 100;    # .clang-format has the same
my $root = checkout();

# --- lines ---------------------------------------------------------------------------------------

# Not: Markdown, whose tables have long lines; the corpora of fuzzing and what isolationtester
# prints; pages.
sub sources {
    open my $git, '-|', 'git', '-C', $root, 'ls-files' or die "git: $!\n";
    chomp(my @files = <$git>);
    close $git or die "git ls-files failed\n";
    return grep {
        -f "$root/$_"
            && !m{\.(?:md|html)$|^LICENSE$|^t/fuzz/corpus/|^t/isolation/}
    } @files;
}

# A here-document is a text for somebody else (SQL, a page): its lines are as long as they must be.
sub without_here_documents {
    my ($text) = @_;
    return $text =~ s{<<(["'])(\w+)\1.*?\n\K(.*?)(?=^\2$)}{$3 =~ s/.+//gr}gmser;
}

sub long_lines {
    my ($file) = @_;
    my @lines = split /\n/, without_here_documents(slurp("$root/$file"));
    utf8::decode($_) for @lines;
    return grep { length($lines[ $_ - 1 ] =~ s/\t/        /gr) > $COLUMNS } 1 .. @lines;
}

# --- links ---------------------------------------------------------------------------------------

# Markdown without what is shown as it is: indented blocks, and words between backquotes.
sub prose {
    my ($text) = @_;
    return join "\n", map { s/`[^`]*`//gr } grep { !/^\s{4}/ || /^\s*[*|]/ } split /\n/, $text;
}

# The name by which GitHub links a heading: its words in lower case, without punctuation, hyphens
# for blanks.
sub anchor {
    my ($heading) = @_;
    return lc($heading =~ s/[^\w\s-]//gr) =~ s/\s/-/gr;
}

sub anchors {
    my ($file) = @_;
    return map { anchor($_) => 1 } slurp($file) =~ /^#+ +(.*?) *$/mg;
}

sub is_dead {
    my ($file, $link) = @_;
    my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
    my $target = $path eq '' ? $file : dirname($file) . "/$path";
    return 1 if !-e "$root/$target";
    my %anchors = defined $anchor ? anchors("$root/$target") : ();
    return defined $anchor && !$anchors{$anchor};
}

sub dead_links {
    my ($file) = @_;
    return
        grep { !/^\w+:/ && is_dead($file, $_) } prose(slurp("$root/$file")) =~ /\]\(([^)\s]+)\)/g;
}

# Not patterns, nor the placeholders of a rule such as t/NN-topic.t.
sub dead_names {
    my ($file) = @_;
    my $folder = qr/\.ci|bench|conf|docs|http|session|store|t/;
    my %names = map { $_ => 1 } slurp("$root/$file") =~ m{(?<![\w/.-])($folder/[\w./*-]*\w)}g;
    return grep { !/NN|\*|\dx$/ && !-e "$root/$_" } sort keys %names;
}

# --- directives ----------------------------------------------------------------------------------

my %CONTEXT = (
    servers => 'server config, virtual host',
    everywhere => 'server config, virtual host, directory',
);
# They are read as well, where others set them.
my @OF_OTHERS = qw(AuthUserFile AuthDBDUserPWQuery);

sub built_directives {
    my %table = Secsession::Directives::table();
    delete @table{@OF_OTHERS};
    return map { $_ => $CONTEXT{ $table{$_} } } keys %table;
}

sub described_directives {
    my %described;
    for my $section (split /^(?=#)/m, slurp("$root/docs/directives.md")) {
        my ($name) = $section =~ /\A### ((?:SecSession|DBD)\w*)\n/ or next;
        $described{$name} = { $section =~ /^\* (Description|Syntax|Default|Context): (.*)$/mg };
    }
    return %described;
}

1;
