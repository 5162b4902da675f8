# MediaWiki, as Debian ships it, with SQLite: its own login form and its own cookies, and not a byte
# of it changed.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Fpm;
use Secsession::Httpd;
use Secsession::Process qw(run scratch slurp spew);

my $root = unpacked('usr/share/mediawiki');
my $program = "$root/usr/share/mediawiki";
my ($USER, $PASSWORD) = ('Alice', 'correct horse battery');
my $data = give_away(scratch('data'));
my @install = (
    'php', "$program/maintenance/install.php", '--dbtype', 'sqlite', '--dbpath', $data, '--dbname',
    'wiki', '--confpath', $data,
    '--server', 'http://localhost', '--scriptpath', '/mediawiki', '--pass', $PASSWORD, 'Wiki', $USER
);
my ($exit, $out, $err) = run(\@install, timeout => 120);
is $exit, 0, 'its installer has run' or diag $out, $err;
spew("$data/LocalSettings.php", slurp("$data/LocalSettings.php") . <<"PHP");
\$wgServer = WebRequest::detectServer();    // the test chooses its port
\$wgCacheDirectory = '$data';
\$wgJobRunRate = 0;
\$wgShowExceptionDetails = true;
PHP
give_away($data);

my $record = recorder();
my $fpm = Secsession::Fpm->start(children => 4, values => $record->{values},
    env => { MW_CONFIG_FILE => "$data/LocalSettings.php" });
my $config = configuration('mediawiki', '/var/lib/mediawiki' => $program,
    'proxy:unix:/run/php/php8.2-fpm.sock' => 'proxy:unix:' . $fpm->socket);
my ($postgres, $httpd) = start_servers(config => $config, modules => [qw(proxy proxy_fcgi)]);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config),
    modules => [qw(proxy proxy_fcgi)]);

my $WIKI = '/mediawiki/index.php';

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page("$WIKI?title=Main_Page")->body;
    die "no page of MediaWiki: $page" unless $page =~ /"wgUserName":(?:null|"([^"]*)")/;
    return $1 // '';
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields, $action) =
        form($visitor->page("$WIKI?title=Special:UserLogin"), qr/name="userlogin"/);
    return $visitor->submit($action,
        { %$fields, wpName => $user // lcfirst $USER, wpPassword => $password // $PASSWORD });
}

sub log_out {
    my ($visitor) = @_;
    my ($fields, $action) =
        form($visitor->page("$WIKI?title=Special:UserLogout"), qr/action=.[^'"]*UserLogout/);
    return $visitor->submit($action, $fields);
}

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => $USER, bare => $bare,
    cookies => qr/^wiki(?:_session|UserID|UserName|Token)$/, who => \&who, log_in => \&log_in,
    log_out => \&log_out,
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

done_testing;
