# The application's own cookies stay on the server (SecSessionVault): no browser ever gets one,
# none is accepted from a browser, and they end with the session.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Programs 'answering';
use Secsession::Process qw(spew run);
use MIME::Base64 'decode_base64url';

my $VAULT = <<'CONFIG';
<LocationMatch "^/(v|vl|vx)/">
    SecSessionVault APPID my_* *secret*
    SecSessionAppLogin On
</LocationMatch>
ScriptAliasMatch "^/(?:v|vl)/((?:deep/)?)(headers|show|slow|large)(.*)$" "@FOLDER@/cgi-bin/$2$3"
<Location "/vl/">
    AuthType SecSession
    Require valid-user
</Location>
Alias "/vx/" "@FOLDER@/htdocs/pub/"
RewriteEngine On
RewriteRule "^/rewritten$" "/v/show" [PT]
<Location "/ssi/">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
</Location>
CONFIG
my %large = (large => <<'PERL');
my ($name, $length) = split /,/, $ENV{QUERY_STRING};
print "Set-Cookie: $name=", 'x' x $length, "; path=/\nContent-Type: text/plain\n\nanswered\n";
PERL
my ($postgres, $httpd) = start_servers(
    children => 2, threads => 8, database => { log_statements => 1 }, config => $VAULT,
    modules => ['include'], cgi => \%large,
    files => { 'ssi/page.shtml' => '<!--#include virtual="/v/show" -->' }
);
my $COOKIE = '__Host-secsession';

sub setting {
    my ($where, @cookies) = @_;
    return answering($where, map { "Set-Cookie: $_" } @cookies);
}
sub cookies_seen {
    my ($client, $path, %opt) = @_;
    return environment_of($client->get($path // '/v/show', %opt))->{HTTP_COOKIE} // '';
}
sub others {
    return grep { !/^\Q$COOKIE\E=/ } $_[0]->all_headers('Set-Cookie');
}
sub ours {
    return grep { /^\Q$COOKIE\E=/ } $_[0]->all_headers('Set-Cookie');
}
sub value { return $postgres->value(@_) }
sub sessions { return value('select count(*) from secsession.session') }
sub logged_in_by_app {
    my $client = shift // $httpd->client;
    $client->get(answering('v', 'SecSession-Login: erika'));
    return $client;
}

subtest 'a visitor who is not logged in' => sub {
    my $before = sessions();
    my $client = $httpd->client;
    is cookies_seen($client), '', 'has no cookies at first';
    is sessions(), $before, 'and no session is made for looking';
    my $response = $client->get(setting('v', 'APPID=s3cret; path=/; HttpOnly'));
    is_deeply [ others($response) ], [], 'the application sets a cookie, which no browser gets';
    is scalar(ours($response)), 1, 'but one of ours';
    is $response->header('Cache-Control'), 'no-store', 'on a response that no cache keeps';
    is cookies_seen($client), 'APPID=s3cret', 'the application sees its own again';
    is $client->get('/app/show')->status, 401, 'who has no user is not logged in for that';
    is environment_of($client->get('/v/show'))->{REMOTE_USER}, undef, 'and has no name';
    is sessions(), $before + 1, 'one session';
    is value('select count(*) from secsession.active_session where user_name is null'), 0,
        'which is none of a user for administrators';
    is cookies_seen($httpd->client), '', 'another visitor sees nothing of it';
    my $removed = $httpd->client;
    $removed->get(setting('v', 'APPID=x; Max-Age=0'));
    is sessions(), $before + 1, 'removing what is not there makes no session';
    is $removed->token, undef, 'and sets no cookie';
    $client->get(setting('v', 'APPID=gone; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/'));
    is cookies_seen($client), '', 'the application removes its cookie';
};

subtest 'a login keeps the vault and makes another token' => sub {
    my $client = $httpd->client;
    $client->get(setting('v', 'APPID=basket42; path=/'));
    is cookies_seen($client), 'APPID=basket42', 'a visitor has a session';
    my $anonymous = $client->token;
    my $before = sessions();
    my $response = $client->get(
        answering('v', 'Set-Cookie: my_user=erika; path=/', 'SecSession-Login: erika'));
    is_deeply [ others($response) ], [],
        'a response that logs in and sets a cookie gives no cookie away';
    isnt $client->token, $anonymous, 'there is another token';
    is cookies_seen($client), 'APPID=basket42; my_user=erika', 'and the vault has both cookies';
    is sessions(), $before, 'it is the same session';
    is cookies_seen($httpd->client->set_token($anonymous)), '', 'the old token opens nothing';
    my $form = $httpd->client;
    $form->get(setting('v', 'APPID=basket43; path=/'));
    $form->login('alice', password_of('alice'));
    is cookies_seen($form, '/vl/show'), 'APPID=basket43', 'the same with the login form';
    $form->clone->login('bob', password_of('bob'));
    my $bob = $httpd->client;
    $bob->set_token($form->token);
    my $other = $form->clone;
    $other->login('bob', password_of('bob'));
    is cookies_seen($other), '', 'somebody else who logs in on that browser gets nothing of it';
};

subtest 'it costs no SQL' => sub {
    my $client = logged_in_by_app();
    $client->get(setting('v', 'APPID=cheap; path=/', 'my_lang=de; path=/; Max-Age=100000'));
    is cookies_seen($client), 'APPID=cheap; my_lang=de', 'a session with a vault';
    has_heard($postgres);    # of its own change, after which the session is looked up once more
    cookies_seen($client);
    my $before = $postgres->asked_by_requests;
    is scalar(grep { cookies_seen($client) eq 'APPID=cheap; my_lang=de' } 1 .. 20), 20, 'is used';
    $client->get(setting('v', 'APPID=cheap; path=/', 'my_lang=de; path=/; Max-Age=100001'))
        for 1 .. 5;
    is $postgres->asked_by_requests - $before, 0,
        'without a statement, though the application sets its cookies again and again';
    $client->get(setting('v', 'APPID=new; path=/'));
    is cookies_seen($client), 'APPID=new; my_lang=de', 'the very next request sees what changed';
    my $long = 'x' x 3000;
    $client->get('/v/large?APPID,3000');
    is cookies_seen($client), "APPID=$long; my_lang=de",
        'a vault too large for the cache works, too';
};

subtest 'a cookie that a browser presents is worth nothing' => sub {
    my $client = logged_in_by_app();
    $client->get(setting('v', 'APPID=mine; path=/'));
    my @spellings = (
        'APPID=stolen', 'appid=stolen', '%41PPID=stolen', 'APPID =stolen', 'a=1, APPID=stolen',
        'my.x=1', 'my x=1',
        'my[x]=1', 'top.secret.id=1', 'APPID', "a=1,\tAPPID =stolen"
    );
    for my $cookie (@spellings) {
        is cookies_seen($client, '/v/show', jar => 0,
            headers => [ [ Cookie => "$COOKIE=" . $client->token . "; $cookie; own=1" ] ]),
            'APPID=mine; own=1', "$cookie: the vault's, and what is none of its business";
        is cookies_seen($httpd->client, '/v/show', headers => [ [ Cookie => "$cookie; own=1" ] ]),
            'own=1',
            "$cookie: without a session none";
    }
    is cookies_seen($httpd->client, '/v/show',
        headers => [ [ Cookie => 'a=1,2; b="x;y"; APPID2=1' ] ]), 'a=1,2; b="x; y"; APPID2=1',
        'other cookies are left as they are';
    my @many = map { "c$_=$_" } 1 .. 700;
    is cookies_seen($httpd->client, '/v/show',
        headers => [ [ Cookie => join '; ', @many, 'APPID=x' ] ]), join('; ', @many),
        'also very many';
    is cookies_seen($httpd->client, '/pub/show', headers => [ [ Cookie => 'APPID=x' ] ]), 'APPID=x',
        'where there is no vault every cookie passes';
};

subtest 'what is sent follows the rules of browsers' => sub {
    my $client = logged_in_by_app();
    $client->get(setting('v/deep', 'my_default=1', 'my_root=2; path=/', 'my_deep=3; path=/v/deep',
        'my_other=4; path=/vl'));
    is cookies_seen($client), 'my_root=2', 'by path';
    is cookies_seen($client, '/v/deep/show'), 'my_default=1; my_deep=3; my_root=2',
        'longer paths first';
    is cookies_seen($client, '/vl/show'), 'my_other=4; my_root=2',
        'in every location that has a vault';
    is cookies_seen($client, '/pub/show'), '', 'and in no other';
    $client->get(
        setting(
            'v', 'my_foreign=1; Domain=example.org; path=/', 'my_own=1; path=/',
            '__Secure-my_secret=1'
        )
    );
    is cookies_seen($client), 'my_root=2; my_own=1', 'what no browser would keep is not kept';
    is cookies_seen($client, '/v/show', host => 'www.localhost'), '',
        'one of this host goes to no other';
    $client->get(setting('v', 'my_wide=1; Domain=example.org; path=/'), host => 'a.example.org');
    is cookies_seen($client, '/v/show', host => 'b.example.org'), 'my_wide=1',
        'one for a domain goes to hosts below it';
    $client->get(setting('v', 'my_strict=1; path=/; SameSite=Strict'));
    is cookies_seen($client, '/v/show',
        headers => [ [ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Mode' => 'navigate' ] ]),
        'my_root=2; my_own=1', 'a strict one does not follow a link from another site';
};

subtest 'inside of httpd' => sub {
    my $client = logged_in_by_app();
    $client->get(setting('v', 'APPID=inside; path=/'));
    is cookies_seen($client, '/rewritten'), 'APPID=inside', 'a rewritten path';
    is cookies_seen($client, '/ssi/page.shtml'), 'APPID=inside',
        'a subrequest of a page without a vault';
    my $response = $client->get(answering('app', 'Set-Cookie: APPID=open; path=/'));
    is_deeply [ others($response) ], ['APPID=open; path=/'],
        'a location without a vault gives its cookies to the browser';
    for my $status ('204 No Content', '302 Found', '304 Not Modified', '404 Not Found', '500 Oops')
    {
        my $answer = $client->get(
            answering('v', "Status: $status", 'Location: /x', "Set-Cookie: APPID=a$status; path=/")
        );
        is_deeply [ others($answer) ], [], "$status: the cookie stays here";
        is cookies_seen($client), "APPID=a$status", "$status: and is kept";
    }
};

subtest 'when the session ends, so does its vault' => sub {
    my %ending = (
        revoked => sub {
            $postgres->psql("select secsession.revoke_user('erika', 'test')");
            has_heard($postgres);
        },
        'logged out' => sub { $_[0]->clone->logout },
        idle => sub {
            $postgres->psql(
                "update secsession.session set last_seen_at = now() - interval '1 h' where "
                    . "user_name = 'erika'"
            );
            has_heard($postgres);
        },
    );
    for my $how (sort keys %ending) {
        my $client = logged_in_by_app();
        $client->get(setting('v', 'APPID=alive; path=/'));
        my $token = $client->token;
        my $slow = $client->clone->start_request('GET', '/v/slow?' . $how =~ s/ /_/r);
        ok $httpd->slow_started($how =~ s/ /_/r), 'a slow request is under way';
        $ending{$how}->($client);
        is cookies_seen($httpd->client->set_token($token)), '',
            "$how: the application gets no cookie any more";
        my $again = $httpd->client->set_token($token);
        $again->get(setting('v', 'APPID=again; path=/'));
        isnt $again->token, $token, "$how: what it sets then is for another session";
        is cookies_seen($again), 'APPID=again', "$how: of a visitor";
        $httpd->let_go($how =~ s/ /_/r);
        is $slow->finish->status, 401, "$how: the slow request's response is refused";
        is value("select count(*) from secsession.active_session where user_name = 'erika'"), 0,
            "$how: and revives nothing";
    }
};

subtest 'many responses at once lose no cookie' => sub {
    my $client = logged_in_by_app();
    my @running = map { $client->start_request('GET', setting('v', "my_$_=$_; path=/")) } 1 .. 20;
    is_deeply [ grep { $_->finish->status != 200 } @running ], [],
        'twenty responses set a cookie each';
    my %seen = map { split /=/ } split /; /, cookies_seen($client);
    is_deeply \%seen, { map { ("my_$_" => $_) } 1 .. 20 }, 'all are kept';
};

subtest 'a full vault refuses' => sub {
    my $client = logged_in_by_app();
    my $response = $client->get(setting('v', map { "my_$_=$_; path=/" } 1 .. 50));
    is $response->status, 200, 'fifty cookies are kept';
    $response = $client->get(setting('v', 'my_51=51; path=/'));
    is $response->status, 502, 'one more is refused';
    unlike $response->raw, qr/answered|my_51/, 'with its whole response';
    like $httpd->error_log, qr/SS217: with the cookie my_51 /, 'the log says which cookie';
    unlike $httpd->error_log, qr/my_51=51/, 'but not its value';
    is scalar(split /; /, cookies_seen($client)), 50, 'and nothing is lost';
    is $client->get(setting('v', 'my_1=1; path=/; Max-Age=0', 'my_51=51; path=/'))->status, 200,
        'one goes, one comes';
    my $large = logged_in_by_app();
    is $large->get("/v/large?my_$_,4000")->status, 200, "cookie $_ of four thousand bytes"
        for 1 .. 4;
    is $large->get('/v/large?my_5,4000')->status, 502, '16 KiB are enough';
};

subtest 'without the database' => sub {
    my $client = logged_in_by_app();
    $client->get(setting('v', 'APPID=away; path=/'));
    $postgres->psql(
        'revoke execute on function secsession.keep_cookies from secsession_httpd');
    my $response = $client->get(setting('v', 'APPID=lost; path=/'));
    is $response->status, 503, 'a cookie that cannot be kept: 503';
    ok $response->header('Retry-After'), 'with Retry-After';
    is_deeply [ $response->all_headers('Set-Cookie') ], [], 'and no cookie is given away or taken';
    $postgres->psql(
        'grant execute on function secsession.keep_cookies to secsession_httpd');
    is cookies_seen($client), 'APPID=away', 'the old one is still there';
    $postgres->stop('fast');
    lease_ends { $client->get('/v/show') }
        'the lease ends: whoever may have a vault is not served without it';
    is $httpd->client->get('/v/show')->status, 200, 'who has no session is';
    $postgres->start_again;
    is cookies_seen($client), 'APPID=away', 'afterwards everything is as before';
};

subtest 'sealed with a key that the database does not have' => sub {
    my $keys = $httpd->folder . '/keys';
    my $key = sub {
        my ($n) = @_;
        my ($ok, $text) = run([ 'openssl', 'rand', '-base64', '32' ]);
        return "$n $text";
    };
    my ($first, $second) = map { $key->($_) } 7, 8;
    my $with = sub {
        spew($keys, $_[0]);
        chmod 0600, $keys;
        return Secsession::Httpd->start(
            postgres => $postgres, files => { 'static/page.html' => 'x' }, modules => ['include'],
            config =>
                Secsession::Test::standard_config(
                config => "SecSessionKeys $keys\nSecSessionRotateInterval 1s\n$VAULT"
                )
        );
    };
    my $sealed = $with->($first);
    my $client = logged_in_by_app($sealed->client);
    $client->get(setting('v', 'APPID=topsecret; path=/'));
    is cookies_seen($client), 'APPID=topsecret', 'the application sees its cookie';
    is value(
        q{select count(*) from secsession.vault where position('topsecret'::bytea in value) > 0}),
        0, 'the database does not';
    my $token = $client->token;
    $sealed->stop;
    $sealed = $with->("# the new one first\n$second$first");
    my $again = $sealed->client->set_token($token);
    is cookies_seen($again), 'APPID=topsecret', 'a new key is put before the old one: both open';
    wait_until {
        cookies_seen($again);
        ord(substr decode_base64url($again->token), 32, 1) == 8
    }
    'the next token of the session is by the new key';
    cookies_seen($again);
    $token = $again->token;
    $sealed->stop;
    $sealed = $with->($second);
    is cookies_seen($sealed->client->set_token($token)), '',
        'without the old key the cookie is as good as gone';
    like $sealed->error_log, qr/SS115: the vault of session \S+ has 1 cookies/,
        'and the log says so';
    $postgres->psql(q{update secsession.vault set value = '\x00' || convert_to('forged', 'UTF8')});
    $postgres->psql(
        q{update secsession.session set vault_version = vault_version + 1 where user_name is not }
            . q{null}
    );
    has_heard($postgres);
    is cookies_seen($sealed->client->set_token($token)), '',
        'nor is one believed that the database made up';
    $sealed->stop;
};

done_testing;
