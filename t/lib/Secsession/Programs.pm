# The CGI programs of the tests. Each is Perl, without modules, so that it starts in milliseconds.
#
#   show            its environment as sorted lines K=V, an empty line, and the body of the request
#   slow?NAME       says that it has started (state/NAME.started), waits until state/NAME.go exists,
#                   and answers "done NAME"; gives up after 30 s
#   headers?H       answers with the header fields in its query, each a line, URL-encoded
#
# answering($place, @fields) is the path of `headers` at a place, with these fields:
# "/app/headers?...".
#
# write_all($folder, $state, { name => $text }) also writes programs of a test's own; a text that
# does
# not begin with #! gets this file's first lines ($state is then known to it).
package Secsession::Programs;

use strict;
use warnings;

use Exporter 'import';
use Secsession::Process 'spew';

our @EXPORT_OK = qw(answering encoded);

my %PROGRAMS = (
    show => <<'PERL',
my $length = $ENV{CONTENT_LENGTH} || 0;
my $body = '';
while ($length > length $body) {
    read(STDIN, $body, $length - length $body, length $body) or last;
}
print "Content-Type: text/plain\n\n", map({ "$_=$ENV{$_}\n" } sort keys %ENV), "\n", $body;
PERL
    slow => <<'PERL',
my ($name) = $ENV{QUERY_STRING} =~ /^(\w+)/ or die 'slow wants a name';
open my $started, '>', "$state/$name.started" or die "$state/$name.started: $!";
close $started;
my $end = time + 30;
select undef, undef, undef, 0.01 until -e "$state/$name.go" || time > $end;
print "Content-Type: text/plain\n\ndone $name\n";
PERL
    headers => <<'PERL',
read STDIN, my $body, $ENV{CONTENT_LENGTH} || 0;
my $fields = $ENV{QUERY_STRING} =~ s/\+/ /gr =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
print $fields =~ s/\n*\z/\n/r;
print "Content-Type: text/plain\n" unless $fields =~ /^Content-Type:/mi;
print "\nanswered\n";
PERL
);

sub encoded { return join '', map { sprintf '%%%02X', ord } split //, $_[0] }

sub answering {
    my ($place, @fields) = @_;
    return "/$place/headers?" . encoded(join "\n", @fields);
}

sub write_all {
    my ($folder, $state, $more) = @_;
    my %programs = (%PROGRAMS, %$more);
    my $start = "#!$^X\nuse strict;\nuse warnings;\nmy \$state = '$state';\n";
    for my $name (keys %programs) {
        my $text = $programs{$name};
        spew("$folder/$name", $text =~ /\A#!/ ? $text : $start . $text, 0755);
    }
    return;
}

1;
