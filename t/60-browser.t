# The login page in a real browser: a person logs in with the keyboard, on a phone, and without
# JavaScript; the browser keeps the cookie from scripts and other sites, and deletes it at the
# logout.
# asan: no

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Process 'spew';

plan skip_all => 'no chromium-driver on this machine' unless Secsession::Browser->is_installed;

my $ENTER = "\x{E007}";
my $TAB = "\x{E004}";
my $COOKIE = '__Host-secsession';

my ($postgres, $httpd) = start_servers(
    app => 'SecSessionLoginPage /login', logout => 'SecSessionLogoutHome /pub/page.html',
    files => {
        'static/page.html' =>
            '<!DOCTYPE html><title>Private</title><p id="who">private</p><a href="/logout">Log '
                . 'out</a>',
        'pub/page.html' => '<!DOCTYPE html><title>Public</title>',
        'static/pixel.gif' =>
            "GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0"
            . "!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    }
);
my $here = 'http://localhost:' . $httpd->port;
my $elsewhere = 'http://127.0.0.1:' . $httpd->port;    # to a browser another site

sub is_at {
    my ($browser, $path, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is $browser->url, "$here$path", $name;
}

# Whether there is something to read; an element can go with its page while we look.
sub reads { my ($browser, $css) = @_; return (eval { $browser->text($css) } // '') =~ /\S/ }

# A browser moves the focus a moment after the page has been loaded; what is typed before that is
# lost.
sub can_type {
    my ($browser) = @_;
    return ($browser->run('return document.activeElement.name') // '') eq 'username';
}

sub log_in {
    my ($browser) = @_;
    $browser->open("$here/static/page.html");
    wait_until { can_type($browser) } 'the login page';
    $browser->keys("alice$TAB" . password_of('alice') . $ENTER);
    return wait_until { $browser->title eq 'Private' } 'logged in';
}

subtest 'a person with a keyboard' => sub {
    my $browser = Secsession::Browser->start;
    $browser->open("$here/static/page.html?x=%C3%A4");
    like $browser->url, qr{^\Q$here\E/login\?return=}, 'is sent to the login page';
    wait_until { can_type($browser) } 'and can type at once';
    $browser->keys("alice${TAB}wrong$ENTER");
    wait_until { reads($browser, '[role=alert]') } 'reads why a wrong password does not do';
    is $browser->run('return document.getElementsByName("username")[0].value'), 'alice',
        'need not type the name again';
    is $browser->run('return document.getElementsByName("password")[0].value'), '',
        'but the password';
    $browser->type('[name=password]', password_of('alice') . $ENTER);
    wait_until { $browser->title eq 'Private' } 'gets in';
    is_at($browser, '/static/page.html?x=%C3%A4', 'to the page that was asked for');

    my $cookie = $browser->cookies->{$COOKIE};
    is "@$cookie{qw(httpOnly secure path sameSite)}", '1 1 / Lax',
        'the browser keeps the cookie as it should';
    ok !exists $cookie->{expiry}, 'until it is closed';
    is $browser->run('return document.cookie'), '', 'no script reads it';
    $browser->run("document.cookie = '$COOKIE=planted; Path=/; Secure'");
    is $browser->cookies->{$COOKIE}{value}, $cookie->{value}, 'nor replaces it';

    $browser->click('a');
    wait_until { $browser->title eq 'Public' } 'logs out with a link';
    is_deeply $browser->cookies, {}, 'the browser forgets the cookie';
    is $postgres->value("select end_reason from secsession.session"), 'logout',
        'and the database the session';
    $browser->open("$here/static/page.html");
    like $browser->url, qr{/login\?}, 'the page is private again';
};

subtest 'a person whom an administrator throws out' => sub {
    my $browser = Secsession::Browser->start;
    log_in($browser);
    $postgres->psql("select secsession.revoke_user('alice', 'test')", user => 'admin_role');
    has_heard($postgres);
    $browser->open("$here/static/page.html");
    like $browser->url, qr{/login\?.*why=revoked}, 'is out with the next page';
    wait_until { reads($browser, '[role=alert],[role=status]') } 'and reads why';
};

subtest 'a phone without JavaScript' => sub {
    my $browser = Secsession::Browser->start(width => 390, height => 700, scripts => 0);
    $browser->open("$here/static/page.html");
    $browser->type('[name=username]', 'alice');
    $browser->type('[name=password]', password_of('alice'));
    $browser->click('button');
    wait_until { $browser->title eq 'Private' } 'logs in';
};

subtest 'the page itself' => sub {
    my $browser = Secsession::Browser->start(width => 320, height => 640);
    $browser->open("$here/login");
    is_deeply [ $browser->complaints ], [], 'breaks none of its own rules';
    cmp_ok $browser->run('return document.documentElement.scrollWidth'), '<=',
        $browser->run('return innerWidth'),
        'is no wider than a small phone';
    for my $name (qw(username password)) {
        ok $browser->run(
            "return document.getElementsByName('$name')[0].labels[0].textContent.trim() !== ''"),
            "$name: has a label for who cannot see";
        cmp_ok $browser->run(
            "return document.getElementsByName('$name')[0].getBoundingClientRect().height"), '>=',
            24,
            "$name: is large enough for a finger (WCAG 2.2, 2.5.8)";
    }
    is $browser->run(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1';
        document.body.append(s); return window.ran === undefined"
        ),
        1, 'no script runs in it, whoever puts it there';
};

subtest 'a site that tells nobody where its visitors come from' => sub {
    my $browser = Secsession::Browser->start;
    log_in($browser);
    my $page = '<!DOCTYPE html><meta name="referrer" content="no-referrer"><title>Quiet</title>';
    my $form = sub {
        my ($action, $fields) = @_;
        spew($httpd->document_root . '/pub/quiet.html',
            qq{$page<form method="post" action="$action">$fields<button>Send</button></form>});
        $browser->open("$here/pub/quiet.html");
        $browser->click('button');
    };
    $form->('/app/show', '');
    wait_until { ($browser->run('return document.body.textContent') // '') =~ /REMOTE_USER=alice/ }
    'its forms reach the application';
    my $token = $browser->cookies->{$COOKIE}{value};
    $form->('/login', join '', map { qq{<input name="$_->[0]" value="$_->[1]">} }
        [ username => 'alice' ], [ password => password_of('alice') ],
        [ return => '/static/page.html' ]);
    wait_until { $browser->title eq 'Private' } 'its own login form logs in';
    isnt $browser->cookies->{$COOKIE}{value}, $token, 'under a new token';
    $form->('/logout', '');
    wait_until { $browser->title eq 'Public' } 'and its button logs out';
};

subtest 'what a page loads beside itself' => sub {
    my $browser = Secsession::Browser->start;
    log_in($browser);
    $browser->run(
        "const add = (tag, more) => new Promise(done => {
            const it = Object.assign(document.createElement(tag), more);
            it.onload = it.onerror = done; document.body.append(it) });
        return Promise.all([add('img', { src: '/logout?img' }), add('script', { src: '/logout?script' }),
            add('link', { rel: 'stylesheet', href: '/logout?style' }),
            add('link', { rel: 'prefetch', href: '/logout?prefetch' }),
            add('iframe', { src: '/logout?frame' }), fetch('/logout?fetch'),
            fetch('/logout?html', { headers: { Accept: 'text/html' } })]).then(() => 1)"
    );
    $browser->run(
        "const rules = { prerender: [{ urls: ['/logout?prerender'], eagerness: 'immediate' }],
            prefetch: [{ urls: ['/logout?ahead'], eagerness: 'immediate' }] };
        document.head.append(Object.assign(document.createElement('script'),
            { type: 'speculationrules', textContent: JSON.stringify(rules) }))"
    );
    wait_until { $httpd->access_log =~ m{/logout\?prerender} && $httpd->access_log =~ m{/logout\?ahead} }
    'a browser fetches the logout in many ways';
    like $httpd->access_log, qr{/logout\?$_ }, $_
        for qw(img script style prefetch frame fetch html);
    $browser->open("$here/static/page.html");
    is $browser->title, 'Private', 'none of which logs its user out';
    $browser->click('a');
    wait_until { $browser->title eq 'Public' } 'only the link does';
};

subtest 'a frame whose session ends' => sub {
    spew($httpd->document_root . '/static/frames.html',
        '<!DOCTYPE html><title>Frames</title><iframe name="inner" src="/static/page.html"></iframe>');
    my $browser = Secsession::Browser->start;
    log_in($browser);
    $browser->open("$here/static/frames.html");
    my $inner = "const d = document.querySelector('iframe').contentDocument; return d && d";
    wait_until { ($browser->run("$inner.title") // '') eq 'Private' } 'shows a page';
    $postgres->psql("select secsession.revoke_user('alice', 'test')", user => 'admin_role');
    has_heard($postgres);
    $browser->run("document.querySelector('iframe').contentWindow.location = '/static/page.html?2'");
    wait_until { ($browser->run("$inner.body && d.body.textContent") // '') =~ /administrator/ }
        'then says why it does not';
    $browser->run("document.querySelector('iframe').contentDocument.querySelector('a').click()");
    wait_until { can_type($browser) } 'its link opens the login page in the whole window';
    $browser->keys("alice$TAB" . password_of('alice') . $ENTER);
    wait_until { $browser->url eq "$here/static/page.html?2" } 'which leads back';
};

subtest 'another site' => sub {    # ASVS 5.0 3.5.8
    my $browser = Secsession::Browser->start;
    log_in($browser);
    my $token = $browser->cookies->{$COOKIE}{value};
    for my $path ('/logout', '/login') {
        spew($httpd->document_root . '/pub/attack.html',
            qq{<!DOCTYPE html><form method="post" action="$here$path"><button>Win</button></form>});
        $browser->open("$elsewhere/pub/attack.html");
        $browser->click('button');
        wait_until { $browser->title =~ /Not accepted/ } "$path: its form is refused";
    }
    my $image = sub {
        return $browser->run(
            "const image = new Image(); image.src = '$here/static/pixel.gif?' + Math.random();
            return new Promise(done => { image.onload = () => done('shown');
                image.onerror = () => done('not shown') })"
        );
    };
    $browser->open("$elsewhere/pub/page.html");
    is $image->(), 'not shown', 'it cannot load what needs a session';
    $browser->open("$here/static/page.html");
    is $image->(), 'shown', 'which our own pages can';
    $browser->open("$elsewhere/pub/page.html");
    $browser->run("location.href = '$here/logout'");
    wait_until { $browser->url eq "$here/logout" } 'its link leads to the logout page';
    $browser->open("$here/static/page.html");
    is $browser->title, 'Private', 'which logs nobody out by itself';
    is $browser->cookies->{$COOKIE}{value}, $token, 'the session is the same';
    $browser->open("$elsewhere/pub/page.html");
    my $framed = $browser->run(
        "const f = document.createElement('iframe'); f.src = '$here/logout'; document.body.append(f);
        return new Promise(done => { f.onload = () => setTimeout(done, 0, 1); })"
    );
    ok $framed, 'a frame is loaded';
    ok scalar(grep { /frame-ancestors/ } $browser->complaints),
        'but the logout page does not show in it';
};

done_testing;
