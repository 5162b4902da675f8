# A browser that does not keep our cookie after a login: its user is told so on the login page, and
# the administrator in the log, instead of seeing an empty form after the right password. That is so
# over plain http on any name but localhost, where browsers refuse cookies that are Secure.

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;

my $WORDS = qr/right password, but your browser has not kept the cookie/;
my $PAGE = '<!DOCTYPE html><title>Private</title>';

my ($postgres, $httpd) = start_servers(
    files => { 'static/page.html' => $PAGE, 'open.html' => '<title>Open</title>' },
    vhosts => <<'CONFIG');
<VirtualHost 127.0.0.1:@PORT@>
    ServerName shop.example
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName insecure.example
    SecSessionCookie sid Insecure
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
</VirtualHost>
CONFIG

sub complaints { return scalar(() = $httpd->error_log =~ /SS250: a browser has logged in at/g) }

# What a login leads to, and a browser that follows it.
sub log_in {
    my ($host, $target, @headers) = @_;
    my $client = $httpd->client(host => $host,
        cookie_name => $host =~ /insecure/ ? 'sid' : '__Host-secsession');
    my $answer = $client->login('alice', password_of('alice'), return => $target,
        headers => \@headers);
    return ($client, $answer->header('Location'));
}
sub follow { return $_[0]->get($_[1], headers => [ [ Accept => 'text/html' ] ]) }

subtest 'without the cookie the login page says so, and the log' => sub {
    for my $target ('/static/page.html', '/static/page.html?a=1&b=2', '/open.html', '/app/show#x') {
        my ($client, $location) = log_in('shop.example', $target);
        my $before = complaints();
        $location =~ s/#.*//;
        my $answer = follow($client->clear, $location);
        is $answer->status, 303, "$target: the browser comes back";
        my $asked = $target =~ s/#.*//r;
        is $answer->header('Location'),
            '/login?why=cookie&return=' . ($asked =~ s{([/?=&])}{sprintf '%%%02x', ord $1}ger),
            'and is sent to the login page, without the mark';
        my $page = follow($client, $answer->header('Location'));
        is $page->status, 200, 'which is there';
        like $page->body, $WORDS, 'and says what is the matter';
        is complaints() - $before, 1, 'and so does the log';
    }
};

subtest 'with the cookie nobody sees the mark' => sub {
    for my $target ('/app/show', '/app/show?a=1&b=2') {
        my ($client, $location) = log_in('shop.example', $target);
        my $answer = follow($client, $location);
        is $answer->status . ' ' . ($answer->header('Location') // ''), "303 $target", 'one step';
        my $seen = environment_of(follow($client, $target));
        is $seen->{REMOTE_USER}, 'alice', 'and she is there';
        unlike $seen->{REQUEST_URI}, qr/secsession/, 'the application sees its own address';
    }
};

subtest 'where the cookie is kept there is no mark' => sub {
    is +(log_in('localhost', '/app/show'))[1], '/app/show', 'on localhost';
    is +(log_in('insecure.example', '/app/show'))[1], '/app/show', 'without Secure';
    is +(log_in('shop.example', '/app/show', [ Origin => 'https://shop.example' ]))[1],
        '/app/show', 'behind a proxy that speaks https';
};

subtest 'a mark that somebody made up leads nowhere else' => sub {
    my $client = $httpd->client(host => 'shop.example');
    for my $made_up ('//evil.example/', 'http://evil.example/', '%2F%2Fevil.example',
        '/a%0d%0aX:%201', '')
    {
        my $answer = follow($client, "/open.html?secsession-login=$made_up");
        is $answer->status, 200, "'$made_up' is no login page";
    }
    my $twice = follow($client, '/open.html?secsession-login=/login&secsession-login=/login');
    like $twice->header('Location'), qr{^/login\?why=cookie&return=%2f$}, 'nor can it go round';
};

subtest 'a real browser' => sub {
    plan skip_all => 'no chromium-driver on this machine'
        unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start(hosts => 'MAP shop.example 127.0.0.1');
    my $here = 'http://shop.example:' . $httpd->port;
    $browser->open("$here/static/page.html");
    $browser->type('[name=username]', 'alice');
    $browser->type('[name=password]', password_of('alice') . "\x{E007}");
    wait_until { $browser->url =~ /why=cookie/ } 'the right password leads back';
    like $browser->text('[role=alert]'), $WORDS, 'and the page says why';
};

done_testing;
