# A private PHP-FPM on a Unix socket, as www-data where we are root, with PHP's sessions in its own
# folder.
#
#   my $fpm = Secsession::Fpm->start(children => 4);
#       values => { name => value }   of php.ini, which a program may change; env => { NAME => value }, what programs get
#   Secsession::Fpm->start_if_there(...)    undef where there is no php-fpm on this machine
#   $fpm->handler         what SetHandler takes
#   $fpm->socket, pid, folder
package Secsession::Fpm;

use strict;
use warnings;

use Secsession::Process qw(am_root await scratch slurp spawn spew);

sub program {
    my @found = grep { -x } map { glob "$_/php-fpm*" } qw(/usr/sbin /usr/local/sbin /usr/bin);
    return (reverse sort @found)[0];
}

sub start_if_there {
    my ($class, %opt) = @_;
    return program() ? $class->start(%opt) : undef;
}

sub start {
    my ($class, %opt) = @_;
    my $program = program() // die "php-fpm is not installed\n";
    my $folder = scratch('fpm');
    mkdir "$folder/sessions", 0700 or die "$folder/sessions: $!";
    chown scalar getpwnam('www-data'), -1, "$folder/sessions" if am_root();
    my $identity = am_root() ? "user = www-data\ngroup = www-data\nlisten.owner = www-data\n" : '';
    my $conf = spew("$folder/fpm.conf", <<"CONF");
[global]
error_log = $folder/fpm.log
daemonize = no
[www]
${identity}listen = $folder/fpm.sock
pm = static
pm.max_children = @{[ $opt{children} // 4 ]}
php_value[session.save_handler] = files
php_value[session.save_path] = $folder/sessions
@{[ lines('php_value', $opt{values}), lines('env', $opt{env}) ]}
CONF
    my $pid = spawn(command => [ $program, '-F', '-O', '-y', $conf ], log => "$folder/out.log");
    await { -S "$folder/fpm.sock" } or die 'PHP-FPM does not start: ' . slurp("$folder/out.log");
    return bless { pid => $pid, folder => $folder }, $class;
}

sub lines {
    my ($what, $pairs) = @_;
    return map { "${what}[$_] = $pairs->{$_}\n" } sort keys %{ $pairs // {} };
}

sub pid { return $_[0]{pid} }
sub folder { return $_[0]{folder} }
sub socket { return "$_[0]{folder}/fpm.sock" }
sub handler { return 'proxy:unix:' . $_[0]->socket . '|fcgi://localhost' }

1;
