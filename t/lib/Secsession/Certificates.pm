# Certificates for tests with TLS, made by openssl.
#
#   plan skip_all => $_ for why_not();           says which program is not on this machine
#   my $folder = make_certificates($folder, qw(localhost alice));
#                                                ca.pem; NAME.pem and NAME.key, signed by it, for
#                                                each CN; self-NAME.pem and .key, signed by nobody
#   sign_certificate($folder, 'alice')           another NAME.pem and NAME.key, signed by it
#   my $out = curl($folder, 'alice', @arguments) what curl prints, with that certificate;
#                                                without one if the name is undef
package Secsession::Certificates;

use strict;
use warnings;

use Exporter 'import';
use Secsession::Process 'run';

our @EXPORT = qw(why_not make_certificates sign_certificate curl);

sub is_missing { my ($program) = @_; return !grep { -x "$_/$program" } split /:/, $ENV{PATH} }
sub why_not { return map { "no $_ on this machine" } grep { is_missing($_) } qw(openssl curl) }

sub openssl {
    my (@arguments) = @_;
    my ($exit, $out, $err) = run([ 'openssl', @arguments ]);
    die "openssl @arguments: $err" if $exit;
    return;
}

sub request { return qw(req -newkey rsa:2048 -nodes) }

sub make_certificates {
    my ($folder, @names) = @_;
    my @signed_by_itself = (request(), '-x509', '-days', 2);
    openssl(@signed_by_itself, '-subj', '/CN=test CA', '-keyout', "$folder/ca.key", '-out',
        "$folder/ca.pem");
    for my $name (@names) {
        openssl(@signed_by_itself, '-subj', "/CN=$name", '-keyout', "$folder/self-$name.key", '-out',
            "$folder/self-$name.pem");
        sign_certificate($folder, $name);
    }
    return $folder;
}

sub sign_certificate {
    my ($folder, $name) = @_;
    openssl(request(), '-subj', "/CN=$name", '-keyout', "$folder/$name.key", '-out',
        "$folder/$name.csr");
    openssl('x509', '-req', '-days', 2, '-in', "$folder/$name.csr", '-CA', "$folder/ca.pem",
        '-CAkey', "$folder/ca.key", '-CAcreateserial', '-out', "$folder/$name.pem");
    return;
}

sub curl {
    my ($folder, $name, @arguments) = @_;
    my @own = defined $name ? ('--cert', "$folder/$name.pem", '--key', "$folder/$name.key") : ();
    my ($exit, $out, $err) =
        run([ qw(curl -sS -i --http1.1 --cacert), "$folder/ca.pem", @own, @arguments ]);
    die $err if $exit;
    return $out;
}

1;
