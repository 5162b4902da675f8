# A private IMAP server, Dovecot of unpacked packages, for a webmail.
#
#   my $dovecot = Secsession::Dovecot->start($root, users => { alice => 'password' });
#   $dovecot->port
#   can_start()     whether there may be mounts of its own here: Dovecot wants to be where its package
#                   puts it, and is there for itself alone
package Secsession::Dovecot;

use strict;
use warnings;

use IO::Socket::INET;
use Secsession::Process qw(am_root await free_port run scratch slurp spawn spew);

my $IN_PLACE = <<'SH';
for folder in bin lib; do
    mount -t overlay overlay -o "lowerdir=$0/usr/$folder:/usr/$folder" "/usr/$folder" || exit
done
[ -z "$1" ] || exec "$0/usr/sbin/dovecot" -F -c "$1"
SH

sub can_start {
    my ($root) = @_;
    my ($exit) = run([ 'unshare', '--mount', 'sh', '-c', $IN_PLACE, $root, '' ]);
    return !$exit;
}

sub start {
    my ($class, $root, %opt) = @_;
    my $folder = scratch('dovecot');
    my $port = free_port();
    mkdir "$folder/mail" or die "$folder/mail: $!";
    my ($uid, $gid) = am_root() ? (getpwnam 'www-data')[ 2, 3 ] : ($>, $) + 0);
    chown $uid, $gid, "$folder/mail";
    spew("$folder/users", join '', map { "$_:{PLAIN}$opt{users}{$_}\n" } sort keys %{ $opt{users} });
    my $user = getpwuid $uid;
    my $group = getgrgid $gid;
    my $conf = spew("$folder/dovecot.conf", <<"CONF");
base_dir = $folder/run
state_dir = $folder/state
log_path = $folder/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
first_valid_uid = $uid
first_valid_gid = $gid
mail_location = maildir:$folder/mail/%u
passdb {
  driver = passwd-file
  args = scheme=PLAIN $folder/users
}
userdb {
  driver = static
  args = uid=$uid gid=$gid home=$folder/mail/%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $port
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
CONF
    spawn(
        command => [ 'unshare', '--mount', 'sh', '-c', $IN_PLACE, $root, $conf ],
        log => "$folder/out"
    );
    await { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") } 20
        or die 'Dovecot does not start: ' . slurp("$folder/out") . slurp("$folder/log");
    return bless { port => $port, folder => $folder }, $class;
}

sub port { return $_[0]{port} }

1;
