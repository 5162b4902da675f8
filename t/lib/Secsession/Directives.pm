# The table of the module's directives, read from its source: a test that goes through it cannot
# forget the one that is added next.
#
#   my %table = Secsession::Directives::table();    name => 'everywhere', 'sections' or 'servers'
#   my %help = Secsession::Directives::help();      name => what httpd -L says of it
package Secsession::Directives;

use strict;
use warnings;

use Secsession::Process qw(checkout slurp);

my %WHERE = (
    EVERYWHERE => 'everywhere', RSRC_CONF => 'servers',
    ACCESS_CONF => 'sections', OR_AUTHCFG => 'sections',
    OR_FILEINFO => 'sections',
);

my $TEXT = qr/"(?:[^"\\]|\\.)*"/;
my $ROW = qr{
    \bAP_INIT_\w+\( \s* "(?<name>\w+)", \s* \w+, \s* (?:NULL|\w+\([^()]*\)), \s* (?<where>\w+), \s*
    (?<help>$TEXT(?:\s*$TEXT)*)
}x;

sub rows {
    my $source = join '', map { slurp($_) } glob checkout() . '/http/setup/*.c';
    my %found;
    $found{ $+{name} } = {%+} while $source =~ /$ROW/g;
    my $count = () = $source =~ /\bAP_INIT_\w+\(/g;
    die "of $count directives only these can be read: @{[ sort keys %found ]}\n"
        if $count == 0 || $count != keys %found;
    return %found;
}

sub table {
    my %row = rows();
    return map { $_ => $WHERE{ $row{$_}{where} } // die "$_ may stand in $row{$_}{where}?\n" }
        keys %row;
}

sub help {
    my %row = rows();
    return map { $_ => join '', $row{$_}{help} =~ /"((?:[^"\\]|\\.)*)"/g } keys %row;
}

1;
