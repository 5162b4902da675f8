# A browser comes back from another site by a form (payment, SAML, OpenID Connect's form_post, LTI):
# it does not send a cookie with SameSite=Lax then. The application takes the request for one of a
# new visitor, but the session that the user has stays what the browser has. A pair of directives
# lets one site come back to the session.
# asan: no

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;
use Secsession::Programs qw(answering encoded);

my $COOKIE = '__Host-secsession';
my $PROGRAMS = 'ScriptAliasMatch "^/(?:v|back)/(headers|show)$" "@FOLDER@/cgi-bin/$1"';
my $VAULT = <<'CONFIG';
<LocationMatch "^/(?:v|back)/">
    SecSessionVault APPID
</LocationMatch>
<Location "/kept/">
    SecSessionVault APPID
    SecSessionAppLogin On
    Session On
    SessionHeader X-Keep
    SessionEnv On
</Location>
ScriptAlias "/kept/" "@FOLDER@/cgi-bin/"
<Location "/back/">
    SecSessionGuard On https://pay.example
</Location>
CONFIG
my ($postgres, $httpd) = start_servers(
    config => $PROGRAMS . "\n$VAULT", modules => [qw(session session_cookie request)],
    files => {
        'pub/pay.html' => <<"HTML"
<!DOCTYPE html><title>Payment</title><form method="post"><input name="paid"></form><script>
const [how, host] = location.search.slice(1).split('&');
const url = 'http://' + host + ':' + location.port + '/v/headers?@{[ encoded('Set-Cookie: APPID=new; path=/') ]}';
const done = () => { document.title = 'done' };
const add = what => { document.body.append(Object.assign(what, { onload: done, onerror: done, src: url })) };
const form = document.forms[0];
({
    form: () => { form.action = url; form.submit() },
    link: () => { location = url },
    frame: () => add(document.createElement('iframe')),
    image: () => add(new Image()),
    script: () => fetch(url, { mode: 'no-cors', credentials: 'include' }).then(done, done),
})[how]();
</script>
HTML
    },
    vhosts => <<'CONFIG');
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName strict.example
    ServerAlias strict.localhost
    SecSessionCookie __Host-secsession SameSite=Strict
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName none.example
    SecSessionCookie __Host-secsession SameSite=None
</VirtualHost>
CONFIG

my $SETTING = answering('v', 'Set-Cookie: APPID=new; path=/');
my $FORM = [ 'Content-Type' => 'application/x-www-form-urlencoded' ];
my @CROSS = ([ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Mode' => 'navigate' ],
    [ 'Sec-Fetch-Dest' => 'document' ], [ Origin => 'https://pay.example' ]);

sub ours { return grep { /\A\Q$COOKIE\E=/ } $_[0]->all_headers('Set-Cookie') }
sub sessions { return $postgres->value('select count(*) from secsession.session') }

# A request without a cookie of ours: its status, how many sessions it began, how many cookies of ours
# it got, and how many of the application's.
sub begins {
    my ($host, $method, @headers) = @_;
    my $before = sessions();
    my $answer = $httpd->request($method, $SETTING, host => $host, headers => [ @headers, $FORM ],
        $method eq 'POST' ? (body => 'paid=1') : ());
    return join ' ', $answer->status, sessions() - $before, scalar ours($answer),
        scalar(() = $answer->raw =~ /APPID/);
}

subtest 'a form of another site begins no session of nobody' => sub {
    is begins('localhost', POST => @CROSS), '200 0 0 0', 'posted by a page';
    is begins('localhost', POST => [ Origin => 'https://pay.example' ]), '200 0 0 0',
        'by a browser that does not say from where';
    is begins('localhost', POST => [ Origin => 'null' ]), '200 0 0 0', 'or hides it';
    is begins('localhost', GET => [ Origin => 'https://pay.example' ]), '200 0 0 0', 'a script there';
    is begins('localhost', GET => $CROSS[0], $CROSS[1], [ 'Sec-Fetch-Dest' => 'iframe' ]),
        '200 0 0 0', 'a frame in a page';
    is begins('localhost', GET => $CROSS[0], [ 'Sec-Fetch-Mode' => 'no-cors' ]), '200 0 0 0',
        'an image';
    is begins('strict.example', GET => @CROSS[ 0 .. 2 ]), '200 0 0 0',
        'a link, where the cookie is SameSite=Strict';
    like $httpd->error_log, qr/SS246: no session begins .* SecSessionCookie/, 'the log says why';
};

subtest 'who cannot have a session yet gets the cookie of a visitor' => sub {
    is begins('localhost', GET => @CROSS[ 0 .. 2 ]), '200 0 1 0', 'by a link';
    is begins('localhost', POST => [ 'Sec-Fetch-Site' => 'same-origin' ]), '200 0 1 0',
        'by a form of our own';
    is begins('localhost', POST => [ 'Sec-Fetch-Site' => 'same-site' ]), '200 0 1 0',
        'by a form of the same site';
    is begins('localhost', 'POST'), '200 0 1 0', 'by a program';
    is begins('none.example', POST => @CROSS), '200 0 1 0',
        'by any request, where the cookie is SameSite=None';
};

subtest 'what mod_session keeps begins none either' => sub {
    my $keep = answering('kept', 'X-Keep: a=1');
    my $before = sessions();
    my $answer = $httpd->post($keep, 'x=1', headers => [ @CROSS, $FORM ]);
    is $answer->status, 200, 'the page is sent';
    is_deeply [ ours($answer) ], [], 'without a cookie';
    is sessions() - $before, 0, 'and there is no session';
    is scalar(ours($httpd->get($keep))), 1, 'but there is one for a visitor';
};

subtest 'a visitor for whom mod_session and an application keep something' => sub {
    for my $login ('', 'SecSession-Login: erika') {
        my $client = $httpd->client;
        my @words = $login ? 'SecSession-Login: erika' : ();
        $client->get(answering('kept', 'X-Keep: a=1', 'Set-Cookie: APPID=1; path=/', @words));
        my $seen = environment_of($client->get('/kept/show'));
        like $seen->{HTTP_SESSION}, qr/a=1/, "$login: has the one";
        is $seen->{HTTP_COOKIE}, 'APPID=1', "$login: and the other";
    }
};

subtest 'SameSite=None and SecSessionGuard let one site come back to the session' => sub {
    my $client = $httpd->client(host => 'none.example');
    is $client->login('alice', password_of('alice'))->status, 303, 'alice logs in';
    my $back = $client->post('/back/show', 'paid=1', headers => [ @CROSS, $FORM ]);
    like $back->body, qr/^SECSESSION_ID=/m, 'comes back with her session';
    is $client->post('/v/show', 'paid=1', headers => [ @CROSS, $FORM ])->status, 403,
        'nowhere else';
};

subtest 'a real browser' => sub {
    plan skip_all => 'no chromium-driver on this machine'
        unless Secsession::Browser->is_installed;
    my $browser = Secsession::Browser->start;
    my $port = $httpd->port;
    my $leads_to = sub {
        my ($how, $host) = @_;
        $browser->open("http://127.0.0.1:$port/pub/pay.html?$how&$host");
        return wait_until { $browser->title eq 'done' } "$how at $host" if $how !~ /form|link/;
        wait_until { $browser->url =~ m{^\Qhttp://$host:$port\E/v/headers} } "$how to $host";
        return like $browser->text('body'), qr/answered/, '... reaches the application';
    };
    for ([ 'localhost', qw(form link frame image script) ],
        [ 'strict.localhost', qw(form link frame image script) ]) {
        my ($host, @ways) = @$_;
        my $here = "http://$host:$port";
        $browser->open("$here/login?return=/pub/show");
        $browser->type('[name=username]', 'alice');
        $browser->type('[name=password]', password_of('alice') . "\x{E007}");
        wait_until { $browser->url eq "$here/pub/show" } "alice logs in at $host";
        my $token = $browser->cookies->{$COOKIE}{value};
        for my $way (@ways) {
            $leads_to->($way, $host);
            $browser->open("$here/app/show");
            like $browser->text('body'), qr/^REMOTE_USER=alice$/m, '... and she is logged in';
            is $browser->cookies->{$COOKIE}{value}, $token, '... by the session that was hers';
        }
    }
};

done_testing;
