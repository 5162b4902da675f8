# Tomcat 10, as Debian ships it: its examples with a form login of their own, and its manager, which
# takes the user from httpd. By AJP.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Httpd;
use Secsession::Tomcat;

my $root = unpacked('usr/share/tomcat10');
my ($USER, $PASSWORD) = ('alice', 'correct horse');
my $tomcat = Secsession::Tomcat->start($root,
    users => { $USER => [ $PASSWORD, 'tomcat,manager-gui' ], bob => [ 'x', '' ] },
    applications => {
        examples => "$root/usr/share/tomcat10-examples/examples",
        manager => "$root/usr/share/tomcat10-admin/manager"
    });
my $config = configuration('tomcat', 'ajp://127.0.0.1:8009' => 'ajp://127.0.0.1:' . $tomcat->port,
    'ajp://127.0.0.1:8010' => 'ajp://127.0.0.1:' . $tomcat->trusting);
my @modules = (modules => [qw(proxy proxy_ajp)]);
my ($postgres, $httpd) = start_servers(config => $config, @modules);
my $bare = Secsession::Httpd->start(module => 0, config => without_sessions($config), @modules);

my $START = '/examples/jsp/security/protected/index.jsp';

my $asked = 0;

sub who {
    my ($visitor) = @_;
    my $page = $visitor->page("$START?" . $tomcat->expect('asked=' . $asked++ . '.'))->body;
    return $1 if $page =~ /logged in as remote user\s*<b>(.*?)<\/b>/;
    die "no page of Tomcat: $page" unless $page =~ /j_security_check/;
    return '';
}

sub log_in {
    my ($visitor, $user, $password) = @_;
    my ($fields, $action) = form($visitor->page($START), qr/j_security_check/);
    return $visitor->submit('/examples/jsp/security/protected/j_security_check',
        { %$fields, j_username => $user // $USER, j_password => $password // $PASSWORD });
}

check_application(
    servers => [ $postgres, $httpd ], record => $tomcat, user => $USER, bare => $bare,
    cookies => qr/^JSESSIONID$/, who => \&who, log_in => \&log_in,
    log_out => sub { $_[0]->page("$START?logoff=true") },
    fail => sub { log_in($_[0], $USER, 'wrong') }
);

subtest 'the manager takes the user from us' => sub {
    my $manager = '/manager/html';
    my $visitor = visitor($httpd);
    like $visitor->page($manager)->body, qr/name="password"/, 'a stranger sees our login form';
    login_of($visitor, $manager, 'alice');
    like $visitor->page($manager)->body, qr/Tomcat Web Application Manager/, 'alice is in';
    login_of(my $other = visitor($httpd), $manager, 'bob');
    is $other->page($manager)->status, 403, 'bob, who has no role there, is not';
};

sub login_of {
    my ($visitor, $target, $user) = @_;
    my ($fields) = form($visitor->page($target), qr/method="?post/i);
    return $visitor->submit('/login', { %$fields, username => $user, password => password_of($user) });
}

done_testing;
