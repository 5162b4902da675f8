# The httpd that every contender starts from: the same page, the same MPM, room for the load from
# the beginning.
#
#   httpd($bench, %opt)               options of Secsession::Httpd; without our module unless module
#                                     => 1
#   basic_config($bench, $path)       AuthType Basic over a bcrypt file, checked at every request
#   basic_header($bench)              what a browser sends to it
package Bench::Httpd;

use strict;
use warnings;

use Exporter 'import';
use MIME::Base64 'encode_base64';
use Secsession::Httpd;

our @EXPORT_OK = qw(httpd basic_config basic_header);

# Two processes of 32 threads, or forty processes; a connection of the load is never closed for its
# age.
sub httpd {
    my ($bench, %opt) = @_;
    my $prefork = $bench->{mpm} eq 'prefork';
    my $config = "MaxKeepAliveRequests 0\n"
        . ($prefork ? "MinSpareServers 4\nMaxSpareServers 64\nMaxRequestWorkers 64\n" : '');
    my $page = 'x' x 1024;
    return Secsession::Httpd->start(
        module => 0, %opt, mpm => $bench->{mpm}, log_level => 'warn',
        ($prefork ? (children => 40, threads => 2) : (children => 2, threads => 32)),
        files => { 'page.txt' => $page, 'in/page.txt' => $page, %{ $opt{files} // {} } },
        config => $config . ($opt{config} // ''),
    );
}

sub basic_config {
    my ($bench, $path) = @_;
    return <<"CONFIG";
<Location "$path">
    AuthType Basic
    AuthName bench
    AuthUserFile "$bench->{users}"
    Require valid-user
</Location>
CONFIG
}

sub basic_header {
    my ($bench) = @_;
    return 'Authorization: Basic ' . encode_base64("alice:$bench->{password}", '');
}

1;
