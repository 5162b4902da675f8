# An Express application with express-session, passport and a WebSocket, from npm: its own login, by
# a form and by a script.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Browser;
use Secsession::Httpd;
use Secsession::Process qw(await checkout free_port scratch slurp spawn);
use IO::Socket::INET;

my $modules = checkout() . '/build/express/node_modules';
if (!-d $modules) {
    die "Express is not there: make check-apps\n" if $ENV{CI};
    plan skip_all => 'Express is not there: make check-apps';
}
my ($USER, $PASSWORD) = ('alice', 'correct horse battery');
my ($folder, $port) = (scratch('express'), free_port());
spawn(
    command => [ 'node', checkout() . '/t/apps/express/server.js', $port, "$folder/given" ],
    env => { NODE_PATH => $modules }, log => "$folder/log"
);
await { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") } 60
    or die 'the application does not start: ' . slurp("$folder/log");

my $record = recorder("$folder/given");
my $config = configuration('express', 'http://127.0.0.1:3000' => "http://127.0.0.1:$port");
my @modules = (modules => [qw(proxy proxy_http proxy_wstunnel)]);
my ($postgres, $httpd) = start_servers(config => $config, @modules);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config), @modules);

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page('/express/')->body;
    die "no page of the application: $page" unless $page =~ m{<title>(?:Log in|Hello (\w+))</title>};
    return $1 // '';
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields, $action) = form($visitor->page('/express/'), qr/id=login/);
    return $visitor->submit('/express/login',
        { username => $user // $USER, password => $password // $PASSWORD });
}

sub upload {
    my ($visitor, $content) = @_;
    return $visitor->request('POST', '/express/upload', body => $content)->body
        eq qq({"user":"$USER","length":@{[ length $content ]}});
}

check_application(
    servers => [ $postgres, $httpd ], record => $record, user => $USER, bare => $bare,
    cookies => qr/^connect\.sid$/, who => \&who, log_in => \&log_in,
    log_out => sub { $_[0]->submit('/express/logout', {}) },
    upload => \&upload,
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

done_testing;
