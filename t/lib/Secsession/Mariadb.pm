# A private MariaDB on a Unix socket, as www-data where we are root, for applications that keep their
# data in it.
#
#   my $mariadb = Secsession::Mariadb->start;
#   $mariadb->sql($statements)    as its administrator; dies with what it says if that fails
#   $mariadb->socket
package Secsession::Mariadb;

use strict;
use warnings;

use Secsession::Process qw(am_root await run scratch slurp spawn);

sub start {
    my ($class) = @_;
    my $folder = scratch('mariadb');
    mkdir "$folder/tmp" or die "$folder/tmp: $!";    # two servers at once must not share one
    run([ 'chown', '-R', 'www-data:', $folder ]) if am_root();
    my $self = bless { folder => $folder }, $class;
    my @own = ('--no-defaults', "--datadir=$folder/data", "--tmpdir=$folder/tmp",
        am_root() ? '--user=www-data' : ());
    must([ 'mariadb-install-db', @own, qw(--skip-test-db --force
        --auth-root-authentication-method=normal) ]);
    spawn(
        command => [
            '/usr/sbin/mariadbd', @own, '--skip-networking', '--innodb-flush-log-at-trx-commit=0',
            '--socket=' . $self->socket, "--pid-file=$folder/pid"
        ],
        log => "$folder/log"
    );
    await { -S $self->socket } 60 or die 'MariaDB does not start: ' . slurp("$folder/log");
    return $self;
}

sub must {
    my ($command, @options) = @_;
    my ($exit, $out, $err) = run($command, @options);
    die "@$command: exit $exit\n$out$err" if $exit;
    return $out;
}

sub socket { return "$_[0]{folder}/socket" }

sub sql {
    my ($self, $statements) = @_;
    return must([ 'mariadb', '--no-defaults', '-N', '-B', '-u', 'root', '-S', $self->socket ],
        stdin => $statements);
}

1;
