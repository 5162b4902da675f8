# Sensitive pages require a recent login (Require session-fresh), or a login by a certain method
# (Require session-method).
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs 'answering';

my ($postgres, $httpd) = start_servers(children => 2, threads => 8, config => <<'CONFIG');
ScriptAliasMatch "^/(?:money|form|other|any)/(show)" "@FOLDER@/cgi-bin/$1"
<LocationMatch "^/(?:money|form|other|any)/">
    AuthType SecSession
    SecSessionLoginPage /login
</LocationMatch>
<Location "/money/">
    Require session-fresh 5m
</Location>
<Location "/form/">
    Require session-method OpenID-Connect Form
</Location>
<Location "/other/">
    Require session-method openid-connect
</Location>
<Location "/any/">
    Require session-fresh 5m
    Require user bob
</Location>
ScriptAliasMatch "^/(?:all|open)/(show|headers)" "@FOLDER@/cgi-bin/$1"
<Location "/all/">
    AuthType SecSession
    SecSessionLoginPage /login
    <RequireAll>
        Require session-fresh 5m
        Require user bob
    </RequireAll>
</Location>
<Location "/open/">
    AuthType SecSession
    SecSessionLoginPage /login
    <RequireAny>
        Require session-fresh 5m
        Require valid-user
    </RequireAny>
</Location>
CONFIG
my @HTML = ([ Accept => 'text/html' ]);

# As if the user had logged in so long ago, and been busy since.
sub age {
    my ($client, $seconds) = @_;
    $postgres->psql(
        "update secsession.session set authenticated_at = now() - interval '$seconds s' where "
            . "session_id = :'id'",
        vars => { id => environment_of($client->get('/app/show'))->{SECSESSION_ID} }
    );
    has_heard($postgres);
    return $client;
}

subtest 'a fresh login is enough, an old one is not' => sub {    # ASVS 5.0 7.5.1 7.5.3
    my $alice = browser($httpd, 'alice');
    is $alice->get('/money/show')->status, 200, 'just logged in';
    is age($alice, 290)->get('/money/show')->status, 200, 'a little less than five minutes ago';
    age($alice, 301);
    is $alice->get('/app/show')->status, 200, 'five minutes ago: all else goes on';
    my $page = $alice->get('/money/show?a=1', headers => \@HTML);
    is $page->status, 303, 'a page: to the login page';
    like $page->header('Location'), qr{/login\?return=%2fmoney%2fshow%3fa%3d1&why=fresh$}i,
        'with the way back, and the reason';
    is $page->header('Set-Cookie'), undef, 'and keeps the cookie';
    is $page->header('Cache-Control'), 'no-store', 'for nobody to store';
    my $script = $alice->get('/money/show');
    is $script->status, 401, 'a script: 401';
    is $script->header('WWW-Authenticate'),
        'SecSession realm="localhost", error="insufficient_user_authentication", max_age=300',
        'with the reason (RFC 9470)';
    my $form = $alice->post('/money/show', 'amount=100', headers => \@HTML);
    is $form->status, 401, 'a form that is posted: 401';
    like $form->body, qr/What you have entered was not sent/,
        'and a page that says that it was not sent';
    like $form->body, qr/\A<!DOCTYPE html>/, 'which is HTML from its first byte';
    is $form->header('Content-Type'), 'text/html; charset=utf-8', 'in the charset that it names';
    is_deeply [ $form->all_headers('WWW-Authenticate') ], [ $script->header('WWW-Authenticate') ],
        'with one challenge, which has the reason';
    is_deeply [ $script->all_headers('WWW-Authenticate') ], [ $script->header('WWW-Authenticate') ],
        'as for a script';
    is $httpd->get('/money/show', headers => \@HTML)->status, 303,
        'who is not logged in is sent to log in';
    unlike $httpd->get('/money/show', headers => \@HTML)->header('Location'), qr/why=/, 'as ever';
};

subtest 'the same user logs in again' => sub {
    my $alice = age(browser($httpd, 'alice'), 600);
    my ($old, $id) = ($alice->token, environment_of($alice->get('/app/show'))->{SECSESSION_ID});
    my $form = $alice->get('/login?return=%2Fmoney%2Fshow&why=fresh');
    like $form->body, qr/name="username" value="alice"/, 'the page knows who it asks';
    my ($again) = $form->body =~ /name="again" type="hidden" value="(.*?)"/;
    is $again, 1, 'and that it asks once more';
    my $other = $alice->post_form('/login',
        { username => 'bob', password => password_of('bob'), again => 1, return => '/money/show' });
    is $other->status, 403, 'somebody else is refused';
    like $other->body, qr/Only the user who is logged in/, 'in words that say why';
    is_deeply [ $other->all_headers('Set-Cookie') ], [], 'and nothing happens to the session';
    is $alice->post_form('/login', { username => 'alice', password => 'wrong', again => 1 })
        ->status, 401, 'a wrong password is one';
    my $right = $alice->post_form(
        '/login',
        {
            username => 'alice', password => password_of('alice'), again => 1,
            return => '/money/show'
        }
    );
    is_deeply [ $right->status, $right->header('Location') =~ s{^http://[^/]+}{}r ],
        [ 303, '/money/show' ], 'the right one leads back';
    isnt $alice->token, $old, 'under another token';
    is $alice->get('/money/show')->status, 200, 'and it is enough';
    is environment_of($alice->get('/app/show'))->{SECSESSION_ID}, $id, 'the session is the same';
    is $httpd->client->set_token($old)->get('/app/show')->status, 401,
        'the old token is worth nothing';
    is $alice->post_form('/login', { username => 'bob', password => password_of('bob') })->status,
        303,
        'without having been asked, another user can log in, as ever';
};

subtest 'a method' => sub {
    my $alice = browser($httpd, 'alice');
    is $alice->get('/form/show')->status, 200, 'one of those that are named';
    is $alice->get('/other/show')->status, 403, 'none of them';
    is $httpd->get('/form/show')->status, 401, 'nobody';
};

subtest 'among other requirements' => sub {
    my $bob = age(browser($httpd, 'bob'), 600);
    is $bob->get('/any/show')->status, 200, 'one of several is enough';
    is age(browser($httpd, 'alice'), 600)->get('/any/show')->status, 401, 'none is not';
};

subtest 'wrong arguments stop httpd' => sub {
    for my $wrong ('session-fresh', 'session-fresh 0', 'session-fresh soon', 'session-fresh 5m 6m',
        'session-method')
    {
        my ($ok, $said) = $httpd->configtest("<Location \"/x\">\nRequire $wrong\n</Location>\n");
        ok !$ok, "Require $wrong: refused";
        like $said, qr/Require session-(?:fresh|method) takes/, 'in words that say what is allowed';
    }
};

subtest 'a refusal that a new login would not change is no invitation to log in' => sub {
    my $alice = age(browser($httpd, 'alice'), 301);
    my $refused = $alice->get('/all/show', headers => \@HTML);
    is $refused->status, 403, 'another line of Require refuses the user as well';
    is $refused->header('Location'), undef, 'who is not sent to the login page';
    is $refused->header('WWW-Authenticate'), undef, 'nor told that the login is too old';
    unlike $alice->post('/all/show', 'a=1', headers => \@HTML)->body, qr/more recent login/,
        'nor is the sender of a form';
    my $bob = age(browser($httpd, 'bob'), 301);
    like $bob->get('/all/show', headers => \@HTML)->header('Location'), qr/why=fresh$/,
        'who would be let in after a new login is sent there';
    my $own = $alice->get(answering('open', 'Status: 401 Unauthorized'), headers => \@HTML);
    is $own->status, 401, 'the 401 of an application whose user was let in';
    is $own->header('Location'), undef, 'is its own';
    like $own->body, qr/answered/, 'word for word';
};

done_testing;
