# Every piece of configuration that the documents show can be copied into httpd.conf: httpd -t
# accepts it, where it may stand.

use lib 't/lib';
use Secsession::Documents 'examples';
use Secsession::Process qw(scratch spew);
use Secsession::Test;

my $KEYS = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);
my $DATABASE = spew(scratch('database') . '/conf', qq(DBDParams "host=localhost password=x"\n), 0600);
my $tester = Secsession::Httpd->new(
    config => qq{DBDriver pgsql\nDBDParams "host=/nowhere dbname=app"\n},
    modules => [
        qw(auth_digest auth_form authn_dbd authnz_ldap authz_groupfile ldap proxy proxy_http request
            session)
    ],
);

# httpd's directives and sections, and not SQL, JSON or commands of a shell.
my @found;
for my $file (qw(README.md docs/directives.md docs/applications.md docs/security.md)) {
    push @found, map { { file => $file, %$_ } } grep { $_->{text} =~ /\A(?:<|[A-Z]\w+ )/ } examples($file);
}
cmp_ok scalar @found, '>', 40, 'the examples are found';

# Each in a virtual host of its own, so that they do not have to agree.
my $number = 0;
my $all = join "\n", map {
    my $text = $_->{text} =~ s{"/etc/apache2/secsession-keys"}{"$KEYS"}r
        =~ s{"/etc/apache2/secsession-database.conf"}{"$DATABASE"}r;
    "# $_->{file}:$_->{line}\n<VirtualHost *:@{[ ++$number ]}>\n$text\n</VirtualHost>"
} @found;
my ($ok, $said) = $tester->configtest($all);
ok $ok, 'httpd -t accepts all of them' or diag $said, which($said);

sub which {
    my ($error) = @_;
    my ($at) = $error =~ /on line (\d+)/ or return '';
    my @lines = split /\n/, Secsession::Process::slurp($tester->folder . '/configtest.conf');
    my ($example) = grep { /^# \S+\.md:\d+$/ } reverse @lines[ 0 .. $at - 1 ];
    return "the example of $example";
}

# What is left of a configuration without comments, blank lines and indentation.
sub essence { return join "\n", map { s/^\s+//r } grep { /^\s*[^#\s]/ } split /\n/, $_[0] }

my ($shown) = grep { $_->{file} eq 'README.md' && $_->{text} =~ /^SecSessionKeys/m } @found;
is essence($shown->{text}), essence(Secsession::Process::slurp('conf/secsession.conf')),
    'README.md shows what conf/secsession.conf has';

done_testing;
