# DokuWiki, as Debian ships it: its own login form and its own cookies, and not a byte of it
# changed.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Fpm;
use Secsession::Httpd;
use Secsession::Process qw(slurp spew);

my $root = unpacked('usr/share/dokuwiki');
my $data = private_copy("$root/var/lib/dokuwiki/data", 'data');
my $conf = private_copy("$root/etc/dokuwiki", 'conf');
unlink map { "$conf/$_.auth.php" } qw(acl users);    # links
my ($USER, $PASSWORD) = ('alice', 'correct horse');
my $hash = crypt $PASSWORD, '$6$saltsalt$';
spew("$conf/local.php", <<"PHP");
<?php
\$conf['savedir'] = '$data';
\$conf['useacl'] = 1;
\$conf['title'] = 'Wiki';
\$conf['remote'] = 1;
\$conf['remoteuser'] = '';
\$conf['securecookie'] = 0;    // its cookie is called the same on both servers
PHP
spew("$conf/users.auth.php",
    "# <?php exit()?>\n$USER:$hash:Alice "
        . "Adams:alice\@example.org:user\nbob:$hash:Bob:bob\@example.org:user\n"
);
spew("$conf/acl.auth.php", "# <?php exit()?>\n* \@ALL 1\n* \@user 8\n");
chmod 0666, "$conf/users.auth.php";

my $record = recorder();
my $prepend = slurp($record->{code});
spew($record->{code},
    "$prepend\ndefine('DOKU_MAIN_CONF', '$conf/');\ndefine('DOKU_CONF', '$conf/');\n");
my $fpm = Secsession::Fpm->start(children => 4, values => $record->{values});
my $config = configuration('dokuwiki', '/usr/share/dokuwiki' => "$root/usr/share/dokuwiki",
    'proxy:unix:/run/php/php8.2-fpm.sock' => 'proxy:unix:' . $fpm->socket);
my ($postgres, $httpd) = start_servers(config => $config, modules => [qw(proxy proxy_fcgi)]);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config),
    modules => [qw(proxy proxy_fcgi)]);

my $START = '/dokuwiki/doku.php?id=start';

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page($START)->body;
    die "no page of DokuWiki: $page" unless $page =~ /id="dokuwiki__/;
    return $page =~ m{Logged in as:.*?<bdi>([^<]*)</bdi>\s*\)}s ? $1 : '';
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields, $action) = form($visitor->page("$START&do=login"), qr/id="dw__login"/);
    return $visitor->submit($action,
        { %$fields, u => $user // $USER, p => $password // $PASSWORD });
}

sub log_out {
    my ($visitor) = @_;
    return $visitor->page(link_to($visitor->page($START), qr/do=logout/));
}

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => $USER, bare => $bare,
    cookies => qr/^(?:DokuWiki|DW[0-9a-f]+)$/,
    who => \&who, log_in => \&log_in, log_out => \&log_out,
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

done_testing;
