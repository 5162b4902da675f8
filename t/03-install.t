# What make install leaves in Debian's /etc/apache2: keys that only root can read, once and never
# again, and a configuration that names them.
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run scratch slurp spew checkout);

my $folder = scratch('install');

sub install {
    my ($exit, $said, $err) =
        run([ 'make', '-s', '-C', checkout(), 'install-debian', "SYSCONFDIR=$folder/etc", @_ ]);
    return $exit == 0 ? '' : "$said$err";
}

is install(), '', 'it installs';
my $keys = "$folder/etc/secsession-keys";
is sprintf('%04o', (stat $keys)[2] & 07777), '0600', 'only its owner can read the keys';
my $made = slurp($keys);
my ($ok, $said) = Secsession::Httpd->new(config => '')->configtest(qq(SecSessionKeys "$keys"));
ok $ok, 'httpd can use them' or diag $said;
like slurp("$folder/etc/mods-available/secsession.conf"),
    qr{^SecSessionKeys "/etc/apache2/secsession-keys"$}m, 'and does';

spew("$folder/etc/mods-available/secsession.conf", "# mine\n");
is install(), '', 'an upgrade';
is slurp($keys), $made, 'keeps the keys';
is slurp("$folder/etc/mods-available/secsession.conf"), "# mine\n", 'and the configuration';

is install("DESTDIR=$folder/package"), '', 'a package';
ok -e "$folder/package$folder/etc/mods-available/secsession.conf", 'has the configuration';
ok !-e "$folder/package$folder/etc/secsession-keys", 'and no keys, which would be the same for all';

done_testing;
