# What a machine can check of documents and sources: for make lint (t/lint/documents) and
# t/43-log-numbers.t.
#
#   sources()             the files of C, SQL, shell and make, relative to the checkout
#   documents()           the files of Markdown, and CHANGES
#   long_lines($file)     the numbers of its lines that are longer than 100 columns
#   long_functions($file) of SQL: "name: N lines" of each function that has more than 60, from its
#                         create to its $$;
#   dead_links($file)     the links of a Markdown file that lead nowhere: no such file, or no such
#                         heading in it
#   examples($file)       the indented blocks of a Markdown file: { line, text }
#   dead_names($file)     the files of this repository that a document names and that are not there
#   built_directives()    the directives in the module's table: name => { Context, Default }, in the
#                         words of httpd's manual
#   described_directives() those in docs/directives.md: name => { Description, Syntax, Default,
#       Context }
package Secsession::Documents;

use strict;
use warnings;

use Exporter 'import';
use File::Basename 'dirname';
use Secsession::Directives;
use Secsession::Process qw(checkout slurp);

our @EXPORT_OK = qw(sources documents long_lines long_functions dead_links dead_names examples
    built_directives described_directives);

my $FUNCTION_LINES = 60;
my $COLUMNS = 100;    # .clang-format has the same
my $root = checkout();

# --- lines ---------------------------------------------------------------------------------------

# Those that git knows, and those that it will know once they are added.
sub files {
    open my $git, '-|', qw(git -C), $root, qw(ls-files --cached --others --exclude-standard)
        or die "git: $!\n";
    chomp(my @files = <$git>);
    close $git or die "git ls-files failed\n";
    return grep { -f "$root/$_" && !m{^t/fuzz/corpus/|^t/isolation/} } @files;
}

sub is_shell { return slurp("$root/$_[0]") =~ m{\A#!/bin/(?:ba)?sh\b} }
sub sources {
    return grep { /\.(?:[ch]|sql|mk)$|^Makefile$/ || !/\.\w+$/ && is_shell($_) } files();
}
sub documents { return grep { /\.md$|^CHANGES$/ } files() }

sub long_lines {
    my ($file) = @_;
    my @lines = split /\n/, slurp("$root/$file");
    utf8::decode($_) for @lines;
    return grep { length($lines[ $_ - 1 ] =~ s/\t/        /gr) > $COLUMNS } 1 .. @lines;
}

sub long_functions {
    my ($file) = @_;
    my (@long, $name, $lines);
    for my $line (split /
/, slurp("$root/$file")) {
        ($name, $lines) = ($1, 0) if $line =~ /^create or replace (?:function|procedure) ([\w.]+)/;
        undef $name if $line =~ /^comment on /;    # of one that is only an expression
        $lines++ if defined $name;
        next if $line ne '$$;' || !defined $name;
        push @long, "$name: $lines lines" if $lines > $FUNCTION_LINES;
        undef $name;
    }
    return @long;
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

# [words](target), or [words][name] with a line "[name]: target" anywhere; names are compared
# without regard to case.
sub dead_links {
    my ($file) = @_;
    my $prose = prose(slurp("$root/$file"));
    my %target = map { lc $_ => 1 } $prose =~ /^\s{0,3}\[([^\]]+)\]:/mg;
    my @undefined = grep { !$target{ lc $_ } } map { $_->[1] || $_->[0] }
        map { [/\[([^\]]+)\]\[([^\]]*)\]/] } $prose =~ /\[[^\]]+\]\[[^\]]*\]/g;
    my @targets = ($prose =~ /\]\(([^)\s]+)\)/g, $prose =~ /^\s{0,3}\[[^\]]+\]:\s*(\S+)/mg);
    return @undefined, grep { !/^\w+:/ && is_dead($file, $_) } @targets;
}

# A block is indented by four blanks or more than the text around it, and a blank line is before it.
sub examples {
    my ($file) = @_;
    my (@blocks, $block);
    my ($number, $before) = (0, '');
    for my $line (split /\n/, slurp("$root/$file")) {
        $number++;
        my ($indent) = $line =~ /^( {4,})\S/;
        if ($indent && !$block && $before eq '') {
            push @blocks, $block = { line => $number, text => '', indent => $indent };
        }
        undef $block if !$indent && $line ne '';
        $block->{text} .= ($line =~ s/^$block->{indent}//r) . "\n" if $block;
        $before = $line;
    }
    return @blocks;
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
my @OF_OTHERS = qw(SetHandler AuthUserFile AuthDBDUserPWQuery);

sub built_directives {
    my %table = Secsession::Directives::table();
    delete @table{@OF_OTHERS};
    my %help = Secsession::Directives::help();
    return map {
        $_ => {
            Context => $CONTEXT{ $table{$_} },
            Default => $help{$_} =~ /\bdefault: (.*)$/ ? $1 : 'none',
        }
    } keys %table;
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
