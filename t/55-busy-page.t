# A page in a real browser that requests more than its server answers at once: the browser gives each
# request its cookie when it is made, and sends it when a connection is free. No request is refused
# because the session has got another token meanwhile, and nobody is logged out.
# asan: no

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;

plan skip_all => 'no chromium-driver on this machine' unless Secsession::Browser->is_installed;

# As long as /app/wait takes, $many at six connections take much longer than the grace.
my %programs = (wait => <<'PERL');
select undef, undef, undef, ($ENV{QUERY_STRING} =~ /^(\d+)/ ? $1 : 0) / 1000;
print "Content-Type: text/plain\n\nwaited\n";
PERL
my ($postgres, $httpd) = start_servers(
    children => 1, threads => 16, cgi => \%programs, config => "SecSessionRotateGrace 1s\n",
    files => { 'static/page.html' => '<!DOCTYPE html><title>Private</title>' }
);
my $here = 'http://localhost:' . $httpd->port;

# The statuses of the answers. After the first six, which had the old token, a frame is opened. Its
# request gets one of the connections sooner or later, but before the last of those that wait for
# one: its title, and how many answers had come by then.
my $MANY = <<'JS';
const [count, wait] = arguments;
window.answers = [];
const open_frame = () => {
    const frame = document.createElement('iframe');
    frame.onload = () => window.overtaken = [ frame.contentDocument.title, window.answers.length ];
    frame.src = '/static/page.html?frame';
    document.body.append(frame);
};
for (let n = 0; n < count; n++)
    fetch(`/app/wait?${wait}&${n}`, { cache: 'no-store' })
        .then(r => r.status, e => String(e)).then(status => {
            if (window.answers.push(status) === 7) open_frame();
        });
JS

sub a_person {
    my $browser = Secsession::Browser->start;
    $browser->open("$here/static/page.html");
    $browser->type('[name=username]', 'alice');
    $browser->type('[name=password]', password_of('alice'));
    $browser->click('button');
    wait_until { $browser->title eq 'Private' } 'logged in';
    return $browser;
}

for my $case ([ 120, 1000 ], [ 30, 6000 ]) {
    my ($count, $wait) = @$case;
    subtest "$count requests of $wait milliseconds" => sub {
        $postgres->psql('delete from secsession.session');
        my $browser = a_person();
        my $before = $browser->cookies->{'__Host-secsession'}{value};
        $postgres->psql("update secsession.session set rotated_at = rotated_at - interval '1 hour'");
        has_heard($postgres);
        $browser->run($MANY, $count, $wait);
        wait_until { $browser->run('return window.answers.length') == $count }
            'all are answered';
        my %answers;
        $answers{$_}++ for @{ $browser->run('return window.answers') };
        is_deeply \%answers, { 200 => $count }, 'none is refused';
        my ($title, $after) = @{ $browser->run('return window.overtaken') };
        is $title, 'Private', 'nor one that was made later';
        cmp_ok $after, '<', $count, 'and overtook requests that were made with the old token';
        isnt $browser->cookies->{'__Host-secsession'}{value}, $before,
            'meanwhile the session has got another token';
        my $late = $postgres->value(
            "select count(*) from secsession.other_token where retired_at is not null
            and grace_until < now() - interval '3 s'"
        );
        cmp_ok $late, '>=', 1, 'long before the last of them came';
        is $postgres->value(
            "select count(*) from secsession.event where event = 'reuse_detected'"), 0,
            'nobody is taken for a thief';
        $browser->open("$here/static/page.html");
        is $browser->title, 'Private', 'and the person is still logged in';

        my ($stolen) = $httpd->client->set_token($before);
        is $stolen->get('/static/page.html')->status, 401, 'a thief is refused all the same';
        has_heard($postgres);
        $browser->open("$here/static/page.html");
        like $browser->url, qr{/login\?}, 'and the session ends';
        $postgres->psql(
            "delete from secsession.event_log where event = 'reuse_detected'");
    };
}

done_testing;
