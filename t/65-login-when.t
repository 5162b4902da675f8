# An application that cannot be changed: the web server recognises logins and logouts by the
# application's responses (SecSessionLoginWhen, SecSessionLogoutWhen), and finds the user in the
# form that the browser has posted.
# mpm: all

use lib 't/lib';
use Secsession::Test;

my $WHEN = <<'CONFIG';
<Location "/old/">
    SecSessionLoginWhen  "%{REQUEST_STATUS} == 302 && %{resp:Location} == '/old/home'" field=login
    SecSessionLogoutWhen "%{resp:Set-Cookie} =~ /^OLDID=deleted/"
    SecSessionVault OLDID
    SecSessionAppLogin On
</Location>
<Location "/old/named/">
    SecSessionLoginWhen "%{resp:Set-Cookie} =~ /\\bNAME=([^;]*)/ && unescape($1) =~ /^(.*)$/" user=$1
    SecSessionLogoutWhen none
</Location>
<Location "/old/silent/">
    SecSessionLoginWhen  none
    SecSessionLogoutWhen none
</Location>
ScriptAliasMatch "^/old/named/(headers)(.*)$" "@FOLDER@/cgi-bin/$1$2"
ScriptAliasMatch "^/old/(?:silent/)?(app|show|slow)(.*)$" "@FOLDER@/cgi-bin/$1$2"
<Location "/private/">
    AuthType SecSession
    Require valid-user
</Location>
Alias "/private/" "@FOLDER@/htdocs/static/"
CONFIG
my %old = (app => <<'PERL');
my ($body, $length) = ('', $ENV{CONTENT_LENGTH} || 0);
if ($ENV{HTTP_TRANSFER_ENCODING}) { local $/; $body = <STDIN> // '' }
while ($length > length $body) { read(STDIN, $body, $length - length $body, length $body) or last }
my $got = length $body;
my $sum = unpack '%32C*', $body;
if ($ENV{QUERY_STRING} eq 'logout') {
    print "Set-Cookie: OLDID=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/\nContent-Type: text/plain\n\nbye\n";
} elsif ($body =~ /open.sesame/) {
    print "Status: 302 Found\nLocation: /old/home\nSet-Cookie: OLDID=$$; path=/\nX-Got: $got $sum\n\n";
} else {
    print "Content-Type: text/plain\nX-Got: $got $sum\n\nwrong password\n";
}
PERL
my ($postgres, $httpd) = start_servers(children => 2, threads => 8, config => $WHEN, cgi => \%old);
my $COOKIE = '__Host-secsession';
my $FORM = 'application/x-www-form-urlencoded';

sub post {
    my ($client, $type, $body, %opt) = @_;
    return $client->post($opt{path} // '/old/app', $body,
        headers => [ [ 'Content-Type' => $type ] ]);
}
sub is_in { return $_[0]->clone->get('/private/page.html')->status == 200 }
sub user_of { return environment_of($_[0]->clone->get('/app/show'))->{REMOTE_USER} // '' }
sub cookies_seen { return environment_of($_[0]->get('/old/show'))->{HTTP_COOKIE} // '' }
sub got { return join ' ', length $_[0], unpack('%32C*', $_[0]) }

sub multipart {
    my ($boundary, @parts) = @_;
    return join '', (map { "--$boundary\r\n$_->[0]\r\n\r\n$_->[1]\r\n" } @parts),
        "--$boundary--\r\n";
}
sub part {
    my ($name, $value) = @_;
    return [ qq(Content-Disposition: form-data; name="$name"), $value ];
}

subtest 'a login that the application accepts is recognised' => sub {
    my %bodies = (
        'a form' => [ $FORM, 'login=erika&password=open+sesame&go=1' ],
        'a form in UTF-8' =>
            [ "$FORM; charset=UTF-8", 'go=1&password=open+sesame&login=J%C3%BCrgen' ],
        'the user behind much text' =>
            [ $FORM, 'text=' . 'x' x 60_000 . '&login=erika&password=open+sesame' ],
        'a field whose name is encoded' => [ $FORM, 'l%6fgin=erika&password=open+sesame' ],
        'the same name twice' => [ $FORM, 'login=erika&login=erika&password=open+sesame' ],
        'JSON' => [ 'application/json', '{"login":"erika","password":"open sesame"}' ],
        'JSON in UTF-8' => [
            'application/json; charset=utf-8',
            qq({"remember":true, "login":"J\xc3\xbcrgen", "password":"open sesame"})
        ],
        'a form with parts' => [
            'multipart/form-data; boundary=xyz',
            multipart('xyz', part('login', 'erika'), part('password', 'open sesame'))
        ],
        'a form with a file' => [
            'multipart/form-data; boundary=ab',
            multipart(
                'ab',
                [ 'Content-Disposition: form-data; name="photo"; filename="login"', 'mallory' ],
                part('login', 'erika'), part('password', 'open sesame')
            )
        ],
    );
    for my $name (sort keys %bodies) {
        my ($type, $body) = @{ $bodies{$name} };
        my $client = $httpd->client;
        my $response = post($client, $type, $body);
        is $response->status, 302, "$name: the application's answer";
        is $response->header('X-Got'), got($body), "$name: it has read every byte of the form";
        is user_of($client), $name =~ /UTF/ ? "J\xc3\xbcrgen" : 'erika',
            "$name: the user is logged in";
        is_deeply [ grep { /OLDID/ } $response->all_headers('Set-Cookie') ], [],
            "$name: its cookie stays here";
        like cookies_seen($client), qr/^OLDID=\d+$/, "$name: and comes back to it";
    }
    my $client = $httpd->client;
    my @chunks = map { sprintf "%x\r\n%s\r\n", length, $_ } 'login=er', 'ika&password=',
        'open+sesame';
    my $response = $client->request(
        'POST', '/old/app',
        headers => [ [ 'Content-Type' => $FORM ], [ 'Transfer-Encoding' => 'chunked' ] ],
        body => join '', @chunks, "0\r\n\r\n"
    );
    is $response->status, 302, 'a form in chunks: the application\'s answer';
    is user_of($client), 'erika', 'a form in chunks: the user is logged in';
};

subtest 'a login that the application rejects is not' => sub {
    my $before = $postgres->value('select count(*) from secsession.session');
    my %none = (
        'a wrong password' => post($httpd->client, $FORM, 'login=erika&password=wrong'),
        'a page that is looked at' => $httpd->client->get('/old/app?open+sesame'),
        'where it is not looked for' => post(
            $httpd->client, $FORM, 'login=erika&password=open+sesame', path => '/old/silent/app'
        ),
    );
    isnt $none{$_}->status, 502, "$_: nothing happens" for sort keys %none;
    is $postgres->value('select count(*) from secsession.session where user_name is not null'),
        $postgres->value(
        "select count(*) from secsession.session where user_name in ('erika', 'J\xc3\xbcrgen')"),
        'no other user';
    my $client = $httpd->client;
    post($client, $FORM, 'login=erika&password=wrong');
    ok !is_in($client), 'nobody is in';
};

subtest 'a login whose user is not known is refused' => sub {
    my %unknown = (
        'no such field' => [ $FORM, 'user=erika&password=open+sesame' ],
        'an empty name' => [ $FORM, 'login=&password=open+sesame' ],
        'two names' => [ $FORM, 'login=erika&login=mallory&password=open+sesame' ],
        'a name with a control character' => [ $FORM, 'login=eri%00ka&password=open+sesame' ],
        'behind the first 64 KiB' =>
            [ $FORM, 'text=' . 'x' x 70_000 . '&login=erika&password=open+sesame' ],
        'cut at 64 KiB' =>
            [ $FORM, 'password=open+sesame&text=' . 'x' x (65_536 - 26 - 10) . '&login=erika' ],
        'more than 64 KiB, where another name may come' =>
            [ $FORM, 'login=erika&password=open+sesame&text=' . 'x' x 70_000 ],
        'a file of that name' => [
            'multipart/form-data; boundary=xyz',
            multipart(
                'xyz', [ 'Content-Disposition: form-data; name="login"; filename="a"', 'bob' ],
                part('login', 'erika'), part('password', 'open sesame')
            )
        ],
        'not a form' => [ 'text/plain', 'login=erika&password=open+sesame' ],
        'JSON that says it is something else' =>
            [ 'text/plain', '{"login":"erika","password":"open sesame"}' ],
        'JSON with two names' =>
            [ 'application/json', '{"login":"erika","login":"bob","password":"open sesame"}' ],
        'JSON of more than 64 KiB' => [
            'application/json',
            '{"login":"erika","password":"open sesame","text":"' . 'x' x 65_536 . '"}'
        ],
        'two parts of one name' => [
            'multipart/form-data; boundary=xyz',
            multipart(
                'xyz', part('login', 'erika'), part('login', 'bob'), part('password', 'open sesame')
            )
        ],
    );
    for my $name (sort keys %unknown) {
        my ($type, $body) = @{ $unknown{$name} };
        my $client = $httpd->client;
        my $response = post($client, $type, $body);
        is $response->status, 502, "$name: 502";
        is_deeply [ $response->all_headers('Set-Cookie') ], [], "$name: no cookie";
        ok !is_in($client), "$name: nobody is in";
    }
    my $large = 'login=erika&password=wrong&text=' . 'x' x 300_000;
    is post($httpd->client, $FORM, $large)->header('X-Got'), got($large),
        'a large form reaches the application whole';
    like $httpd->error_log,
        qr{SS212: the application at /old/app has logged somebody in, .* has no field login},
        'the log says why';
};

subtest 'a logout' => sub {
    my ($client, $other) = map {
        my $one = $httpd->client;
        post($one, $FORM, 'login=erika&password=open+sesame');
        $one
    } 1 .. 2;
    ok is_in($client), 'who is logged in';
    my $token = $client->token;
    my $response = $client->get('/old/app?logout');
    is_deeply [ $response->all_headers('Set-Cookie') ],
        ["$COOKIE=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"],
        'logs out: our cookie is deleted';
    ok !is_in($httpd->client->set_token($token)), 'and is worth nothing';
    is cookies_seen($httpd->client->set_token($token)), '', 'nor does it open the vault';
    ok is_in($other), 'another browser stays logged in';
    is $other->get('/old/silent/app?logout')->status, 200, 'where it is not looked for';
    ok is_in($other), 'nothing is recognised';
};

subtest 'a login again' => sub {
    my $client = $httpd->client;
    post($client, $FORM, 'login=erika&password=open+sesame');
    my ($old, $cookie) = ($client->token, cookies_seen($client));
    post($client, $FORM, 'login=erika&password=open+sesame');
    ok !is_in($httpd->client->set_token($old)), 'the old token is worth nothing';
    isnt cookies_seen($client), $cookie, 'the application has another session, too';
    post($client, $FORM, 'login=otto&password=open+sesame');
    is user_of($client), 'otto', 'somebody else on the same browser';
    unlike cookies_seen($client), qr/\Q$cookie\E/, 'sees nothing of before';
};

# The application at /old/named/ answers with these fields.
sub named {
    my ($client, @fields) = @_;
    return $client->get('/old/named/headers?' . join '',
        map { s/([^\w-])/sprintf '%%%02X', ord $1/ger } map { "$_\n" } @fields);
}

subtest 'a user whom the answer names' => sub {
    my $client = $httpd->client;
    my $response = named($client, 'Set-Cookie: OTHER=1', 'Set-Cookie: NAME=erika%20m; path=/',
        'Set-Cookie: MORE=2');
    is $response->status, 200, 'the answer to a GET';
    is user_of($client), 'erika m', 'logs in, as the application writes the name';
    my $token = $client->token;
    is scalar($response->all_headers('Set-Cookie')), 4, 'the application\'s fields are all there';
    is_deeply [ grep { /$COOKIE/ }
            named($client, 'Set-Cookie: NAME=erika%20m; path=/')->all_headers('Set-Cookie') ], [],
        'who is named once more has not logged in';
    is $client->token, $token, 'and keeps the token';
    named($client, 'Set-Cookie: NAME=otto; path=/');
    is user_of($client), 'otto', 'somebody else has';
    ok !is_in($httpd->client->set_token($token)), 'and the token of before is worth nothing';
    is named($client, 'Set-Cookie: NAMES=erika; path=/')->status, 200,
        'an answer that does not match';
    is user_of($client), 'otto', 'changes nothing';
    for my $name ('', 'a%0Ab', 'x' x 256, '%C3%28', 'a%2C%20b') {
        my $refused = named($httpd->client, "Set-Cookie: NAME=$name; path=/");
        is $refused->status, 502, "what can be no name ($name) is refused";
        is_deeply [ $refused->all_headers('Set-Cookie') ], [], 'without a cookie';
    }
};

done_testing;
