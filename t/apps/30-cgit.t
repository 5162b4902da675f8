# cgit, as Debian ships it: a CGI program that knows no login, behind ours.
use lib 't/lib';
use Secsession::Test;
use Secsession::App;
use Secsession::Process qw(run scratch spew);

my $root = unpacked('usr/lib/cgit');
my $folder = give_away(scratch('repositories'));
sub git {
    my @command = ('git', '-c', 'user.name=Alice', '-c', 'user.email=alice@example.org', @_);
    my ($exit, $out, $err) = run(\@command);
    die "@command: $err" if $exit;
    return;
}
git('init', '-q', "$folder/secret");
spew("$folder/secret/plans.txt", "to be kept secret\n");
git('-C', "$folder/secret", 'add', 'plans.txt');
git('-C', "$folder/secret", 'commit', '-q', '-m', 'Plans');
my $cgitrc =
    spew("$folder/cgitrc", "cache-size=0\nrepo.url=secret\nrepo.path=$folder/secret/.git\n");
give_away($folder);

my $config = configuration('cgit', '/usr/lib/cgit/cgit.cgi' => "$root/usr/lib/cgit/cgit.cgi",
    '/usr/share/cgit' => "$root/usr/share/cgit");
my ($postgres, $httpd) =
    start_servers(config => $config . "SetEnv CGIT_CONFIG $cgitrc\n", modules => ['env']);

# Whoever sees the repository; cgit itself asks nobody for a name.
sub who {
    my ($visitor) = @_;
    my $page = $visitor->page('/cgit/');
    return
          $page->body =~ m{href='/cgit/secret/'>secret</a>} ? 'alice'
        : $page->body =~ /name="password"/ ? ''
        : die 'no page: ' . $page->raw;
}

check_application(servers => [ $postgres, $httpd ], user => 'alice', who => \&who,
    log_in => sub { $_[0]->login('alice', password_of('alice')) }, log_out => sub { $_[0]->logout },
    fail => sub { $_[0]->login('alice', 'wrong') });

subtest 'a page behind the first' => sub {
    my $alice = visitor($httpd);
    like $alice->page('/cgit/secret/tree/plans.txt')->body, qr/name="password"/,
        'asks a stranger to log in';
    my ($fields, $action) = form($alice->page('/cgit/secret/tree/plans.txt'), qr/method="post"/);
    my $page = $alice->submit('/login',
        { %$fields, username => 'alice', password => password_of('alice') });
    like $page->body, qr/to be kept secret/, 'and leads back to it';
    is $alice->page('/cgit-css/cgit.css')->status, 200, 'its style needs no session';
};

done_testing;
