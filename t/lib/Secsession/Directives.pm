# The table of the module's directives, read from its source: a test that goes through it cannot
# forget the one that is added next.
#
#   my %table = Secsession::Directives::table();    name => 'everywhere', 'sections' or 'servers'
package Secsession::Directives;

use strict;
use warnings;

use Secsession::Process qw(checkout slurp);

my %WHERE = (
    EVERYWHERE => 'everywhere', RSRC_CONF => 'servers',
    ACCESS_CONF => 'sections', OR_AUTHCFG => 'sections',
);

sub table {
    my $source = join '', map { slurp($_) } glob checkout() . '/http/setup/*.c';
    my %found;
    while ($source =~ /\bAP_INIT_\w+\(\s*"(\w+)",\s*\w+,\s*(?:NULL|\w+\([^()]*\)),\s*(\w+),/g) {
        $found{$1} = $WHERE{$2} // die "$1 may stand in $2: what is that?\n";
    }
    my $count = () = $source =~ /\bAP_INIT_\w+\(/g;
    die "of $count directives only these can be read: @{[ sort keys %found ]}\n"
        if $count == 0 || $count != keys %found;
    return %found;
}

1;
