# The login page and its form: what a browser is shown, whatever it sends (odd names, broken
# forms, too much); and a site's own page in place of ours. That other sites cannot make a browser
# log in is tested in t/19-login-other-origin.t.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch spew);

my $NAME = '__Host-secsession';
my $TYPE = [ 'Content-Type' => 'application/x-www-form-urlencoded' ];
my $GOOD = 'username=alice&password=correct+horse';
my $MESSAGE = 'The user name or the password is wrong.';

my $pages = scratch('pages');
spew("$pages/own.html", <<'HTML');
<!DOCTYPE html><title>Ours</title><p class="m">{{message}}</p><form method="post">{{ message }} {{other}} {{message} {{
<input name="username" value="{{username}}"><input name="password"><input name="return" value="{{return}}">
<a href="?return={{return}}">{{{message}}}</a>{{username}}</form>{{
HTML
spew("$pages/large.html", '<p>large</p>' . 'x' x 70_000);
spew("$pages/secret.html", '<p>unreadable</p>', 0000);
mkdir "$pages/folder" or die "$pages/folder: $!";

my $USERS = Secsession::Test::users_file($pages);

sub own_page {
    my ($path, $file, $more) = @_;
    $more //= '';
    return <<"CONFIG";
Alias "$path" "$pages/$file"
<Location "$path">
    SetHandler secsession-login
    AuthUserFile "$USERS"
    $more
    Require all granted
</Location>
CONFIG
}

my ($postgres, $httpd) = start_servers(modules => ['authn_dbd'], config => join '',
    own_page('/own', 'own.html'), own_page('/large', 'large.html'),
    own_page('/secret', 'secret.html'), own_page('/folder', 'folder'),
    own_page('/missing', 'missing.html'),
    own_page('/policy', 'own.html', 'Header set Content-Security-Policy "default-src https:"'),
    <<'CONFIG');
DBDPersist Off
<Location "/login-dbd">
    SetHandler secsession-login
    SecSessionAuthProvider dbd
    AuthDBDUserPWQuery "select '!'::text where %s <> 'x'"
    Require all granted
</Location>
<Location "/off">
    SecSession Off
    SetHandler secsession-login
    Require all granted
</Location>
CONFIG

sub ours { return grep { /\A\Q$NAME\E\s*=/ } $_[0]->all_headers('Set-Cookie') }

sub who {
    my ($client) = @_;
    my $page = $client->get('/app/show');
    return environment_of($page)->{REMOTE_USER} // $page->status;
}

sub post {
    my ($body, %opt) = @_;
    return $httpd->client->post($opt{path} // '/login', $body, headers => [$TYPE], %opt);
}

sub rows {
    return $postgres->psql(
        'select (select count(*) from secsession.session), (select count(*) from secsession.event)'
    );
}

sub last_event {
    return $postgres->psql(
        'select event, user_name from secsession.event order by at desc limit 1');
}
sub encoded { return Secsession::Client::encode($_[0]) }

sub value_of {
    my ($page, $name) = @_;
    return $page->body =~ /<input[^>]*\bname="$name"[^>]*?\bvalue="([^"]*)"/ ? $1 : undef;
}

sub is_our_page { return $_[0]->body =~ m{<h1>Log in</h1>} && $_[0]->body =~ m{</html>\s*\z} }

my %FIELDS = (
    'Content-Type' => 'text/html; charset=utf-8', 'Cache-Control' => 'no-store',
    'X-Content-Type-Options' => 'nosniff', 'X-Frame-Options' => 'DENY',
    'Referrer-Policy' => 'same-origin',
);
my %POLICY = (
    'default-src' => q{'none'}, 'style-src' => q{'unsafe-inline'}, 'base-uri' => q{'none'},
    'form-action' => q{'self'}, 'frame-ancestors' => q{'none'},
);

subtest 'the page works on telephones and for screen readers too, and nobody can frame it' => sub {
    my $wrong = $httpd->client->login('alice', 'wrong');
    is $wrong->header('WWW-Authenticate'), 'SecSession realm="localhost"', 'the challenge of a 401';
    for my $page ($httpd->get('/login'), $wrong) {
        my $html = $page->body;
        my $name = $page->status;
        my %fields = map { $_ => join '|', $page->all_headers($_) } keys %FIELDS;
        is_deeply \%fields, \%FIELDS, "$name: header fields";
        my @policy = $page->all_headers('Content-Security-Policy');
        is @policy, 1, "$name: one policy";
        my %policy =
            map { my ($directive, @sources) = split ' '; ($directive => "@sources") } split /;/,
            $policy[0];
        is_deeply \%policy, \%POLICY, "$name: that lets nothing in";
        like $html, qr/\A<!DOCTYPE html>\s*<html lang="en">/, "$name: says its language";
        like $html, qr/<meta name="viewport" content="width=device-width, initial-scale=1">/,
            "$name: fits a telephone";
        like $html, qr{<title>[^<]+</title>.*<h1>[^<]+</h1>}s, "$name: has a title and a heading";
        unlike $html, qr/<script|\son\w+=|javascript:|https?:|\bsrc=|<link|<iframe|<base/i,
            "$name: needs nothing else";
        my @forms = $html =~ /<form([^>]*)>/g;
        is_deeply \@forms, [' method="post"'], "$name: one form, posted to where it came from";
        my @inputs = grep { !/type="hidden"/ } $html =~ /<input([^>]*)>/g;
        my @ids = map { /\bid="(\w+)"/ } @inputs;
        is_deeply \@ids, [qw(username password)], "$name: two inputs";
        is_deeply [ $html =~ /<label for="(\w+)">[^<]+<\/label>/g ], \@ids,
            "$name: each has its label";
        is_deeply [ map { /autocomplete="([\w-]+)"/ } @inputs ], [qw(username current-password)],
            "$name: password managers know them";
        is_deeply [ grep { !/\srequired/ } @inputs ], [], "$name: both are required";
        like $inputs[1], qr/type="password"(?!.*value=)/,
            "$name: the password is hidden, and not filled in";
        like $html, qr{<button type="submit">[^<]+</button>}, "$name: a button";
        like $html, qr/<p role="alert">\Q@{[ $name == 401 ? $MESSAGE : '' ]}\E<\/p>/,
            "$name: what is wrong is read out";
    }
};

subtest 'the page tells users why they have to log in' => sub {
    my %said =
        map { $_ => $httpd->get("/login?why=$_")->body =~ m{<p role="alert">(.*?)</p>}s ? $1 : '-' }
        qw(idle absolute revoked reuse fresh logout x IDLE idle%00 %3Cb%3E), '';
    like $said{$_}, qr/log in again/, "why=$_" for qw(idle absolute revoked reuse fresh);
    is scalar(keys %{ { reverse %said } }), 6, 'each in other words';
    is $said{$_}, '', "why=$_: nothing" for qw(logout x IDLE idle%00 %3Cb%3E), '';
};

subtest 'every method gets the right answer' => sub {
    my $head = $httpd->request('HEAD', '/login');
    is_deeply [ $head->status, $head->header('Content-Type'), $head->body ],
        [ 200, 'text/html; charset=utf-8', '' ],
        'HEAD';
    for my $method (qw(PUT DELETE PATCH PROPFIND MKCOL BREW)) {
        my $response = $httpd->request($method, '/login', headers => [$TYPE], body => $GOOD);
        is_deeply [ $response->status, ours($response) ], [405], $method;
        my @allowed = grep { !/^(?:OPTIONS|TRACE)$/ } split /[, ]+/,
            $response->header('Allow') // '';
        is_deeply [ sort @allowed ], [qw(GET HEAD POST)], "$method: Allow says what is";
    }
    my $options = $httpd->request('OPTIONS', '/login');
    like join(' ', sort split /[, ]+/, $options->header('Allow') // ''), qr/GET HEAD.* POST/,
        'OPTIONS';
    is $httpd->get("/login?$GOOD")->status, 200, 'a password in the address is not read';
    is scalar(ours($httpd->get("/login?$GOOD"))), 0, 'and logs nobody in';
    my $alice = browser($httpd, 'alice');
    my $page = $alice->get('/login');
    is_deeply [ $page->status, ours($page), who($alice) ], [ 303, 'alice' ],
        'who is logged in is sent on, and stays logged in';
    is $httpd->get('/off')->status, 500, 'where SecSession is Off the handler says so';
    like $httpd->error_log, qr/SS210/, 'in the log';
};

sub chunked {
    my ($body, $size) = @_;
    return join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } $body =~ /(.{1,$size})/gs),
        "0\r\n\r\n";
}

sub padded {
    my ($length, $body) = @_;
    $body //= $GOOD;
    return "$body&x=" . 'y' x ($length - length($body) - 3);
}

subtest 'a form is read as browsers write it; what is broken logs nobody in' => sub {
    my @cases = (
        [ 303, 'as usual', $GOOD ],
        [ 303, 'the other order', 'password=correct+horse&username=alice' ],
        [ 303, 'other fields', "a=b&$GOOD&remember=on&return=&submit" ],
        [ 303, 'empty fields', "&&$GOOD&&=&=x&" ],
        [ 303, '%20', 'username=alice&password=correct%20horse' ],
        [ 303, 'encoded letters', 'username=%61l%69ce&password=correct+%68%6Frse' ],
        [ 303, 'the first user name counts', "$GOOD&username=bob" ],
        [ 303, 'the first password counts', "$GOOD&password=x" ],
        [ 401, 'a later password does not', 'username=alice&password=x&password=correct+horse' ],
        [ 401, 'a later user does not', "username=bob&$GOOD" ],
        [ 401, 'an empty one counts, too', "username=&$GOOD" ],
        [ 400, 'nothing', '' ], [ 400, 'no password', 'username=alice' ],
        [ 400, 'no user', 'password=correct+horse' ],
        [ 400, 'no values', 'username&password' ],
        [ 400, 'another name', 'user=alice&password=correct+horse' ],
        [ 400, 'in capitals', 'USERNAME=alice&PASSWORD=correct+horse' ],
        [ 400, 'a longer name', 'xusername=alice&password=x' ],
        [ 400, 'semicolons', 'username=alice;password=correct+horse' ],
        [ 400, 'JSON', '{"username":"alice","password":"x"}' ],
        [ 400, 'a lone %', 'username=alice%&password=x' ],
        [ 400, 'half of one', 'username=alice%4&password=x' ],
        [ 400, 'no hex', 'username=alice&password=%zz' ],
        [ 400, '%u', 'username=%u0061lice&password=x' ],
        [ 400, '%00 in the user', 'username=alice%00&password=correct+horse' ],
        [ 400, '%00 in the password', 'username=alice&password=correct+horse%00' ],
        [ 400, 'NUL', "username=alice\0&password=correct+horse" ],
        [ 400, 'NUL at the end', "$GOOD\0" ],
        [ 303, 'a broken way back', "$GOOD&return=%zz" ],
        [ 303, '%00 in the way back', "$GOOD&return=/%00" ],
        [ 401, 'a line end', "$GOOD\r\n" ],
        [ 401, '+ for a plus sign', 'username=alice&password=correct%2Bhorse' ],
        [ 303, '32 KiB', padded(32768) ], [ 413, 'more', padded(32769) ],
        [ 413, 'a megabyte', padded(1 << 20) ],
        [ 303, '32 KiB in chunks', padded(32768), 100 ],
        [ 413, 'more in chunks', padded(32769), 100 ],
        [ 303, 'in letters', $GOOD, 1 ],
        [ 401, 'a long password', 'username=alice&password=' . 'p' x 8000 ],
        [ 303, '4,000 fields', ('a&' x 4000) . $GOOD ],
        [ 303, 'a charset', $GOOD, 0, 'application/x-www-form-urlencoded; charset=UTF-8' ],
        [ 303, 'in capitals', $GOOD, 0, 'APPLICATION/X-WWW-FORM-URLENCODED' ],
        [ 415, 'plain text', $GOOD, 0, 'text/plain' ], [ 415, 'no type', $GOOD, 0, undef ],
        [ 415, 'an empty type', $GOOD, 0, '' ],
        [ 415, 'a similar type', $GOOD, 0, 'application/x-www-form-urlencoded2' ],
        [ 415, 'a file',
            "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--x--", 0,
            'multipart/form-data; boundary=x' ],
    );
    for my $case (@cases) {
        my ($status, $name, $body, $chunk, $type) = @$case;
        my @headers = @$case < 5 ? $TYPE : defined $type ? [ 'Content-Type' => $type ] : ();
        my $before = rows();
        my $client = $httpd->client;
        my $response = $chunk ? $client->post('/login', chunked($body, $chunk),
            headers => [ @headers, [ 'Transfer-Encoding' => 'chunked' ] ])
            : $client->post('/login', $body, headers => \@headers);
        is_deeply [ $response->status, scalar ours($response), who($client) ],
            $status == 303 ? [ 303, 1, 'alice' ] : [ $status, 0, 401 ], "$name: $status";
        is rows(), $before, "$name: nothing is noted" if $status =~ /^4(?!01)/;
        unlike $response->raw, qr/correct.?horse/, "$name: the password does not come back";
    }
};

sub broken_off {
    my ($head, $body) = @_;
    my @lines =
        ('POST /login HTTP/1.1', 'Host: localhost', 'Connection: close', join(': ', @$TYPE), $head,
        '', $body);
    my $exchange = $httpd->client->send_bytes(join("\r\n", @lines), 'POST');
    shutdown $exchange->{socket}, 1;
    return eval { $exchange->finish->status } // 'closed';
}

subtest 'a form that is incomplete, or has a wrong length, logs nobody in' => sub {
    my $before = rows();
    my @cases = (
        [ 'half a form', 'Content-Length: 100', $GOOD ],
        [ 'half a chunk', 'Transfer-Encoding: chunked', "40\r\n$GOOD" ],
        [ 'no last chunk', 'Transfer-Encoding: chunked', "25\r\n$GOOD\r\n" ],
        [ 'no chunk', 'Transfer-Encoding: chunked', $GOOD ],
        [ 'a huge length', 'Content-Length: 999999999999999', $GOOD ],
        [ 'a negative one', 'Content-Length: -1', $GOOD ],
        [ 'no number', 'Content-Length: 3x', $GOOD ],
        [ 'a huge chunk', 'Transfer-Encoding: chunked', "fffffffffffffffff\r\n$GOOD" ],
        [ 'unknown coding', 'Transfer-Encoding: gzip', $GOOD ],
    );
    for my $case (@cases) {
        my ($name, @request) = @$case;
        like broken_off(@request), qr/^(?:4\d\d|501|closed)$/, $name;
    }
    is rows(), $before, 'and none is noted as a login, failed or not';
};

sub shown { return $_[0] =~ s/&/&amp;/gr =~ s/</&lt;/gr =~ s/>/&gt;/gr =~ s/"/&quot;/gr }

subtest 'a user name is shown again as text, and what cannot be one is not' => sub {
    # Blanks at the ends are never part of a name.
    my @names = (
        "J\xc3\xb6rg", "\xf0\x9f\x98\x80", 'x' x 255, q{"><script>alert(1)</script>},
        q{' onfocus='x}, '&lt;b&gt;', '{{return}}', '{{message}}', '%n%s%x', 'alice:', ' alice',
        'alice ', '#alice', '../../etc/passwd', q{a'; drop table x; --}, '\\x00', '%00',
        "\xe2\x80\xae",
    );
    my @impossible = (
        '', 'x' x 256, 'x' x 5000, "\x01", "alice\n", "\r\nX-Injected: 1", "a\tb", "\x7f",
        "\xc2\x85", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "J\xf6rg", "\xc3",
        "\e[31m", "\xe2\x82",
    );
    for my $path (qw(/login /login-dbd /own)) {
        for my $user (@names) {
            my $name = "$path: " . substr encoded($user), 0, 30;
            my $page = post("username=@{[ encoded($user) ]}&password=Pa55word", path => $path);
            my $named = $user =~ s/^ +| +$//gr;
            is_deeply [ $page->status, value_of($page, 'username') ], [ 401, shown($named) ], $name;
            is last_event(), "login_failed|$named", 'is noted as it was typed';
            unlike $page->raw, qr/Pa55word/, 'the password is not shown';
        }
        for my $user (@impossible) {
            my $name = "$path: " . substr encoded($user), 0, 30;
            my $page = post("username=@{[ encoded($user) ]}&password=Pa55word", path => $path);
            is_deeply [ $page->status, value_of($page, 'username') ], [ 401, '' ], $name;
            is last_event(), 'login_failed|', 'a failed login of nobody in particular';
            like $page->body, qr/\Q$MESSAGE\E/, 'the same message';
        }
    }
    unlike $postgres->log, qr/invalid byte sequence|ERROR/,
        'nobody asks the database about what cannot be a name';
    my $log = $httpd->error_log;
    unlike $log, qr/SS204.*[^\x20-\x7e\n]|X-Injected: 1\n|Pa55word/,
        'the log has neither control characters nor passwords';
};

subtest 'a site can have its own page' => sub {
    my $return = '/app/show?a=1&b="';
    my $page = $httpd->get('/own?why=idle&return=' . encoded($return =~ s/"/%22/r));
    is $page->status, 200, 'it is shown';
    like $page->body,
        qr/^<!DOCTYPE html><title>Ours.*<p class="m">You were not active for a while[^<]*<\/p>/,
        'with the reason';
    is value_of($page, 'return'), '/app/show?a=1&amp;b=%22', 'with the way back';
    like $page->body, qr/\{\{ message \}\} \{\{other\}\} \{\{message\} \{\{\n/,
        'what is no placeholder stays';
    like $page->body, qr/\{\{\n\z/, 'to its end';
    my $wrong = post("username=@{[ encoded('{{message}}<i>') ]}&password=x&return="
        . encoded('/{{username}}'), path => '/own');
    is_deeply [ $wrong->status, value_of($wrong, 'username'), value_of($wrong, 'return') ],
        [ 401, '{{message}}&lt;i&gt;', '/{{username}}' ],
        'what is filled in is text, not a placeholder';
    like $wrong->body, qr/<p class="m">\Q$MESSAGE\E/, 'with what is wrong';
    is post("$GOOD&return=/app/show", path => '/own')->header('Location'), '/app/show',
        'one can log in with it';
    is $httpd->get('/own?return=//evil.example/')->body =~ /evil/, '',
        'and is not sent to another site';
    my $policy = $page->header('Content-Security-Policy');
    like $policy, qr/default-src 'self'; style-src 'self' 'unsafe-inline';.*frame-ancestors 'none'/,
        'its policy lets in what is ours';
    is_deeply [ $httpd->get('/policy')->all_headers('Content-Security-Policy') ],
        ['default-src https:'], 'a site may replace it';
    for my $path (qw(/large /secret /folder/ /missing)) {
        my $built_in = $httpd->get($path);
        ok $built_in->status == 200 && is_our_page($built_in),
            "$path: the page that is built in is shown instead";
    }
    like $httpd->error_log, qr/SS208: the login page \S*$_\.html/,
        "the log says what is wrong with $_.html"
        for qw(large secret);
};

done_testing;
