# SecSessionKeys: what only httpd has, and what the database, whoever can write into it and whoever
# calls its functions cannot do without it.
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch spew);

my $KEYS = spew(scratch('keys') . '/keys', '1 ' . 'A' x 43 . "=\n", 0600);

my ($postgres, $open) = start_servers();
my $httpd = Secsession::Httpd->start(
    postgres => $postgres, files => { 'static/page.html' => 'private' },
    config => Secsession::Test::standard_config(config => qq(SecSessionKeys "$KEYS")),
);

is scalar(() = $open->error_log =~ /SS313: .*SecSessionKeys/g), 1,
    'a server without keys says once what is missing';
is scalar(() = $httpd->error_log =~ /SS313/g), 0, 'one with keys does not';

done_testing;
