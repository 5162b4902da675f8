# A client that sends anything but a valid token as a cookie gets the same as a client without a
# session: no page, no SQL statement unless it is a well-formed token, no row, and no line in the
# log that repeats it; and no session of anybody is harmed (I10, I7).

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(run);
use Digest::SHA 'sha256';
use MIME::Base64 qw(decode_base64url encode_base64url);

my $NAME = '__Host-secsession';
my $DELETED = "$NAME=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
my @HTML = ([ Accept => 'text/html' ]);

# At debug, httpd's core itself logs fields that it refuses, before any module sees the request.
my ($postgres, $httpd) = start_servers(
    modules => ['http2'], log_level => 'trace1 core:info', database => { log_statements => 1 },
    config => "SecSessionCache Off\nProtocols h2c http/1.1\nLimitRequestFieldSize 40000\n",
    vhosts => <<'CONFIG');
<VirtualHost 127.0.0.1:@PORT@>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName other.example
    SecSessionRealm other
</VirtualHost>
CONFIG

my $alice = browser($httpd, 'alice');
my $token = $alice->token;
my @secrets = ($token);    # no log may hold one
my $garbage = 0;

sub ours { return grep { /\Q$NAME\E/i } $_[0]->all_headers('Set-Cookie') }
sub unique { return sprintf 'GARBAGE%04d', ++$garbage }
sub guessed { return encode_base64url(sha256("guess $$ " . rand)) }
sub with_cookie {
    my ($path, $cookie) = @_;
    return $httpd->get($path, headers => [ [ Cookie => $cookie ] ]);
}

sub post_login {
    my ($body) = @_;
    return $httpd->post('/login', $body,
        headers => [ [ 'Content-Type' => 'application/x-www-form-urlencoded' ] ]);
}

sub login_as {
    my ($user_agent) = @_;
    return browser($httpd)
        ->login('alice', password_of('alice'), headers => [ [ 'User-Agent' => $user_agent ] ]);
}

# The token of a new session, to which the statement was done.
sub token_after {
    my ($change) = @_;
    my $client = browser($httpd, 'bob');
    push @secrets, $client->token;
    my $id = environment_of($client->get('/pub/show'))->{SECSESSION_ID};
    $postgres->psql("$change where session_id = :'id'", vars => { id => $id });
    with_cookie('/pub/show', "$NAME=" . $client->token);    # the end is noticed, and noted, now
    return $client->token;
}

sub rows {
    return $postgres->psql('select (select count(*) from secsession.session), '
        . '(select count(*) from secsession.token), (select count(*) from secsession.event_log)');
}

# A new connection asks for the version of the schema, once; what is over is swept every second, and
# what is under way is asked about: that is no request's.
my $OTHERS = qr/schema_version|sweep|purge|note_uses|under_way/;

sub statements {
    return $postgres->statements(undef, qr/^(?!select .*secsession\.(?:$OTHERS)\()/);
}

# Statements that the block causes, and whether rows appeared. Some may also go, since what is old is
# removed once a minute.
sub cost(&) {
    my ($block) = @_;
    my $statements = statements();
    my @before = split /\|/, rows();
    $block->();
    my @after = split /\|/, rows();
    my @more = grep { $after[$_] > $before[$_] } 0 .. $#after;
    return (statements() - $statements, @more ? 'new rows' : 'no row');
}

# A Cookie field that is no session: $statements of SQL each time; $deleted: the browser is told to
# forget it.
sub is_nobody {
    my ($name, $cookie, $statements, $deleted, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @fields = map { [ Cookie => $_ ] } ref $cookie ? @$cookie : $cookie;
    my @paths = ([ '/app/show', 401 ], [ '/app/show', 303, @HTML ], [ '/static/page.html', 401 ],
        [ '/pub/show', 200 ]);
    my @wrong;
    my @cost = cost {
        for my $case (@paths) {
            my ($path, $status, @more) = @$case;
            my $response = $httpd->get($path, headers => [ @fields, @more ],
                host => $opt{host} // $alice->authority);
            my $said = join ' | ', ours($response);
            push @wrong, "$path: " . $response->status if $response->status != $status;
            push @wrong, "$path: $said" if $said ne ($deleted ? $DELETED : '');
            push @wrong, "$path: why"
                if ($response->header('Location') // '') =~ /why=/ && !$opt{why};
            push @wrong, "$path: $&" if $response->raw =~ /GARBAGE\d+|SECSESSION_ID|REMOTE_USER/;
            push @wrong, "$path: the token"
                if !$opt{is_passed_on} && grep { index($response->body, $_) >= 0 } @secrets;
        }
    };
    is_deeply [ @cost, @wrong ], [ $statements * @paths, 'no row' ], $name;
    return;
}

sub is_alice {
    my ($name, $cookie, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $response = with_cookie('/app/show', $cookie);
    my ($user, $rest) = @{ environment_of($response) }{qw(REMOTE_USER HTTP_COOKIE)};
    is_deeply [ $response->status, $user, $rest, ours($response) ], [ 200, 'alice', $opt{rest} ],
        $name;
    return;
}

# The last character holds four bits, and two that must be zero.
sub non_canonical { return $token =~ s/(.)\z/$1 =~ tr{AEIMQUYcgkosw048}{BFJNRVZdhlptx159}r/er }

is_alice('a good cookie', "$NAME=$token");

subtest 'a cookie that is no token is nobody\'s, is deleted, and costs no SQL' => sub {
    my $id = environment_of($alice->get('/app/show'))->{SECSESSION_ID};
    my $hex = unpack 'H*', sha256(decode_base64url($token));
    my ($start, $end) = (substr($token, 0, 20), substr $token, 20);
    my %value = (
        'empty' => '', 'one character' => 'x', '42 characters' => substr($token, 1),
        '44 characters' => "${token}A",
        '8 KiB' => unique() . 'A' x 8181, '8 KiB that begin well' => $token . 'A' x 8149,
        'quoted' => qq{"$token"}, 'single quotes' => "'$token'", 'half quoted' => qq{"$token},
        'the token twice' => $token x 2, 'a comma behind' => "$token,",
        'a space inside' => "$start $end", 'a tab inside' => "$start\t$end",
        'a space before' => " $token",
        'a tab before' => "\t$token", 'padding' => "$token=",
        'padding in its length' => substr($token, 0, 42) . '=',
        'an attribute' => "$token,Path=/",
        'percent-encoded' => '%' . unpack('H2', $token) . substr($token, 1),
        'the last bits set' => non_canonical(), 'standard base64 +' => '+' . 'A' x 42,
        'standard base64 /' => 'A' x 41 . '/A', 'a format' => '%s%n%n%x' . 'A' x 35,
        'non-ASCII' => "\xc3\xa4" . 'A' x 41, 'not UTF-8' => "\xff\xfe" . 'A' x 41,
        'a high bit' => chr(ord($token) | 128) . substr($token, 1),
        'SQL' => "' or '1'='1", 'SQL, 43 characters' => "' or 1=1 --" . 'A' x 32,
        'readable' => unique(),
        'the public id' => $id, 'its hash, in hex' => $hex,
        'its hash, as PostgreSQL shows it' => "\\x$hex",
        'an equals sign' => '=', 'markup' => '<script>' . unique() . '</script>',
        'braces' => '{{return}}' . 'A' x 33,
    );
    is_nobody($_, "$NAME=$value{$_}", 0, 1) for sort keys %value;
    is_nobody('no equals sign', $NAME, 0, 1);
    is_nobody('only blanks behind', "$NAME  ", 0, 1);
    is_nobody('no value, and other cookies', "a=1; $NAME; b=2", 0, 1);
};

# ASVS 5.0 7.2.1
subtest
    'a well-formed token that is not a session of this realm costs one look-up; old ones go' =>
    sub {
    my %unknown = (
        'guessed' => guessed(), 'all zero' => 'A' x 43, 'all one' => '_' x 42 . '8',
        'a hash of its text' => encode_base64url(sha256($token)),
        'its hash, from the database' => encode_base64url(sha256(decode_base64url($token))),
        'in other case' => $token =~ tr/a-zA-Z/A-Za-z/r =~ s/.\z/A/r,
        'one bit away' => ($token =~ /\AA/ ? 'B' : 'A') . substr($token, 1),
    );
    is_nobody($_, "$NAME=$unknown{$_}", 1, 0) for sort keys %unknown;
    my %end = (
        'idle for too long' =>
            "update secsession.session set last_seen_at = now() - interval '31 minutes'",
        'past its absolute end' =>
            "update secsession.session set expires_at = now() - interval '1 second'",
        'revoked' => "select secsession.revoke_session(session_id, 'test') from secsession.session",
    );
    is_nobody($_, "$NAME=" . token_after($end{$_}), 1, 1, why => 1) for sort keys %end;
    my $bob = browser($httpd, 'bob');
    $bob->clone->logout;
    is_nobody('logged out', "$NAME=" . $bob->token, 1, 1);
    is_nobody('of another realm', "$NAME=$token", 1, 0, host => 'other.example');
};

subtest 'a cookie of another name is not ours: it is neither read nor deleted, and passed on' =>
    sub {
    my @names = (
        qw(__HOST-SECSESSION __host-secsession __Host-SecSession x__Host-secsession
            __Host-secsessionx _Host-secsession
            secsession __Secure-secsession __Host-secsession[] .__Host-secsession
            "__Host-secsession" %5f%5fHost-secsession
            $Path), '__Host-sec session', "__Host-secsession\xc2\xa0", "\xc2\xa0__Host-secsession",
    );
    for my $name (@names) {
        is_nobody($name, "$name=$token", 0, 0, is_passed_on => 1);
        is environment_of(with_cookie('/pub/show', "$name=1"))->{HTTP_COOKIE}, "$name=1",
            "$name is passed on";
    }
};

subtest 'blanks and neighbours do not lose a good cookie' => sub {
    is_alice('the same cookie twice', "$NAME=$token; $NAME=$token");
    is_alice('the same cookie 500 times', join '; ', ("$NAME=$token") x 500);
    is_alice('no blank behind the semicolon', "a=1;$NAME=$token;b=2", rest => 'a=1; b=2');
    is_alice('blanks and tabs around', " \t $NAME=$token \t ; b=2", rest => 'b=2');
    is_alice('empty pairs', ";; ;$NAME=$token;;");
    is_alice('as RFC 2965 had it', qq{\$Version="1"; $NAME=$token; \$Path="/"},
        rest => '$Version="1"; $Path="/"');
    my $similar = "x$NAME=1; ${NAME}x=2; \U$NAME\E=3";
    is_alice('names that resemble it', "$similar; $NAME=$token", rest => $similar);
    my $many = join '; ', map { "cookie$_=value$_" } 1 .. 1000;
    is_alice('behind 1,000 cookies', "$many; $NAME=$token", rest => $many);
    is_alice('before 1,000 cookies', "$NAME=$token; $many", rest => $many);
    is_nobody('1,000 cookies without it', $many, 0, 0);
};

# See t/10-two-cookies.t. Nothing is cached here: a token of ours costs two statements, an unknown one
# costs one, and the one that is used costs one more.
subtest 'of different values the only live one is accepted, for a bounded number of statements' => sub {
    my %sets = (
        'the good one first' => [ 4, $token, guessed() ],
        'the good one last' => [ 4, guessed(), $token ],
        'one empty' => [ 3, '', $token ],
        'one malformed' => [ 3, $token, unique() ],
        'one quoted' => [ 3, $token, qq{"$token"} ],
        'equal ones around' => [ 4, $token, guessed(), $token ],
        'three' => [ 5, guessed(), $token, guessed() ],
    );
    for my $name (sort keys %sets) {
        my ($statements, @values) = @{ $sets{$name} };
        my $response;
        my @cost = cost { $response = with_cookie('/app/show', join '; ', map { "$NAME=$_" } @values) };
        is_deeply [ environment_of($response)->{REMOTE_USER}, ours($response), @cost ],
            [ 'alice', "$NAME=$token; Path=/; Secure; HttpOnly; SameSite=Lax", $statements, 'no row' ],
            $name;
    }
};

subtest 'different values are nobody\'s if none is live, or more than one is' => sub {
    my $bob = browser($httpd, 'bob')->token;
    push @secrets, $bob;
    my %sets = (
        'two good ones' => [ 4, 1, $token, $bob ],
        'two unknown' => [ 2, 0, guessed(), guessed() ],
        'two malformed' => [ 0, 0, unique(), unique() ],
        'four' => [ 0, 1, $token, guessed(), guessed(), guessed() ],
        'five hundred' => [ 0, 1, $token, map { "x$_" } 2 .. 500 ],
    );
    for my $name (sort keys %sets) {
        my ($statements, $deleted, @values) = @{ $sets{$name} };
        is_nobody($name, join('; ', map { "$NAME=$_" } @values), $statements, $deleted);
    }
    is_nobody('a blank before the equals sign does not hide one',
        "$NAME=$token; $NAME =$bob", 4, 1);
    is_alice('whoever sent them did her no harm', "$NAME=$token");
    is with_cookie('/app/show', "$NAME=$bob")->status, 200, 'nor bob';
};

# One request over HTTP/2, each cookie in a field of its own; undef where curl cannot.
sub over_http2 {
    my ($path, @cookies) = @_;
    return undef unless grep { -x "$_/curl" } split /:/, $ENV{PATH};
    my ($exit, $out, $err) = run(
        [
            qw(curl -sS -i --http2-prior-knowledge), (map { (-H => "Cookie: $_") } @cookies),
            $httpd->url($path)
        ]
    );
    return $exit == 0 ? $out =~ s/\r//gr : undef;
}

subtest 'several Cookie fields' => sub {
    my @joined = ([ 'a=1', "$NAME=$token" ], [ 'a=1', " $NAME = $token", 'b=2' ]);
    push @joined, "a=1,$NAME=$token", "a=1, $NAME=$token; b=2";
    is_nobody('HTTP/1.1: a comma separates no cookies', $_, 0, 0) for @joined;
    is environment_of(with_cookie('/pub/show', "b=2; a=1,$NAME=$token"))->{HTTP_COOKIE}, 'b=2',
        'and none gets through in another';
    is_nobody('HTTP/1.1: ours first', [ "$NAME=$token", 'a=1' ], 0, 1);
    SKIP: {
        skip 'no curl with HTTP/2 on this machine', 1
            unless (over_http2('/pub/page.html') // '') =~ m{\AHTTP/2 200};
        my @cost = cost {
            my $page = over_http2('/app/show', 'a=1', "$NAME=$token", 'b=2');
            like $page, qr{\AHTTP/2 200}, 'HTTP/2: in a field of its own';
            like $page, qr/^HTTP_COOKIE=a=1; ?b=2$/m,
                'HTTP/2: the others are passed on, in their order';
            unlike $page, qr/\Q$token\E|set-cookie/i, 'HTTP/2: and it is not';
        };
        is_deeply \@cost, [ 1, 'no row' ], 'HTTP/2: for one look-up';
        @cost = cost {
            my $page = over_http2('/app/show', "$NAME=" . unique(), 'a=1', "$NAME=" . unique());
            like $page, qr{\AHTTP/2 401}, 'HTTP/2: two values in two fields are two';
            $page = over_http2('/app/show', "$NAME=x", 'a=1');
            like $page, qr{^set-cookie: \Q$DELETED\E$}m, 'HTTP/2: a malformed one is deleted';
        };
        is_deeply \@cost, [ 0, 'no row' ], 'HTTP/2: without SQL';
    }
};

subtest 'a request that httpd itself refuses repeats no cookie' => sub {
    my %head = (
        'NUL in the value' => "Cookie: $NAME=$token\0\r\n",
        'NUL in the middle' => "Cookie: a=1\0; $NAME=$token\r\n",
        'DEL in the value' => "Cookie: $NAME=\x7f$token\r\n",
        'ESC in the value' => "Cookie: $NAME=$token\x1b[2J\r\n",
        'a bare CR' => "Cookie: $NAME=$token\rX: 1\r\n", 'no colon' => "Cookie $NAME=$token\r\n",
        'a control character in the name' => "Coo\x01kie: $NAME=$token\r\n",
        'too long a field' => "Cookie: $NAME=$token; x=" . 'y' x 40_000 . "\r\n",
    );
    for my $name (sort keys %head) {
        my $response;
        my $request =
            "GET /app/show HTTP/1.1\r\nHost: localhost\r\n$head{$name}Connection: close\r\n\r\n";
        my @cost = cost { $response = $httpd->client->raw($request) };
        is_deeply [ $response->status, @cost ], [ 400, 0, 'no row' ], "$name: 400, without SQL";
        unlike $response->raw, qr/\Q$token\E|REMOTE_USER/, "$name: no word of it in the answer";
    }
};

subtest 'a token, or a session\'s id, counts in the cookie alone' => sub {
    my $bob = browser($httpd, 'bob');    # addresses are logged, so it is not one of @secrets
    my $id = environment_of($bob->get('/app/show'))->{SECSESSION_ID};
    for my $value ($bob->token, $id) {
        my $what = $value eq $id ? 'the id' : 'the token';
        my @addresses = map { "/app/show$_" } "?$NAME=$value", "?token=$value&$value",
            ";$NAME=$value", "/$value",
            ";jsessionid=$value", "/$NAME=$value";
        my @fields = (
            [ Authorization => "Bearer $value" ], [ Authorization => "SecSession $value" ],
            [ 'X-Session' => $value ],
            [ 'SecSession-Token' => $value ], [ 'Set-Cookie' => "$NAME=$value" ],
            [ Cookie2 => "$NAME=$value" ],
        );
        my @status;
        my @cost = cost {
            @status = map { $httpd->get($_)->status } @addresses;
            push @status, map { $httpd->get('/app/show', headers => [$_])->status } @fields;
            push @status, $httpd->client->post_form('/app/show', { $NAME => $value })->status;
        };
        is_deeply [ @cost, @status ], [ 0, 'no row', (401) x 13 ],
            "$what in addresses, header fields, forms";
    }
};

subtest 'nothing that is sent comes back as a header field or as markup' => sub {
    my @breaks = (
        "\r\nX-Injected: 1", "\nX-Injected: 1", "\r\n\r\n<script>1</script>", "\0X-Injected",
        "\rX-Injected: 1", "\x{c}\x{b}\x{1b}X-Injected"
    );
    my @ways = (
        [ 'the way back, shown' => sub { $httpd->get("/login?return=/pub/$_[0]") } ],
        [
            'the way back, taken' =>
                sub { post_login("username=alice&password=correct+horse&return=/pub/$_[0]") }
        ],
        [ 'the reason' => sub { $httpd->get("/login?why=idle$_[0]") } ],
        [ 'the user\'s name' => sub { post_login("username=mallory$_[0]&password=x") } ],
        [ 'the address' => sub { $httpd->get("/app/$_[0]", headers => \@HTML) } ],
        [ 'the query' => sub { $httpd->get("/app/show?$_[0]", headers => \@HTML) } ],
        [ 'Host' => sub { $httpd->get('/app/show', headers => \@HTML, host => "localhost$_[0]") } ],
        [ 'the address at /logout' => sub { $httpd->get("/logout?return=$_[0]") } ],
        [ 'the browser\'s name' => sub { login_as("x$_[0]") } ],
    );
    for my $way (@ways) {
        my ($name, $send) = @$way;
        my @found;
        my @encoded = map { ($_, s/%/%25/gr) } map { Secsession::Client::encode($_) } @breaks;
        for my $break (@encoded, $name =~ /taken|user/ ? @breaks : ()) {
            my $response = $send->($break);
            my $fields = join '', map { "@$_" } @{ $response->headers };
            push @found, $break if $response->raw =~ /^X-Injected|<script>1/mi;
            push @found, "control: $break" if $fields =~ /[\x00-\x08\x0a-\x1f\x7f]/;
            push @found, $response->status if $response->status >= 500;
        }
        is_deeply \@found, [], $name;
    }
    my %markup = map { $_ => Secsession::Client::encode($_) } qq{"><script>1</script>},
        q{" onfocus="1};
    for my $text (sort keys %markup) {
        my $page = post_login("username=$markup{$text}&password=x");
        unlike $page->body, qr/<script|" onfocus/, "$text as a name";
        $page = $httpd->get("/login?return=/$markup{$text}&why=$markup{$text}");
        unlike $page->body, qr/<script|" onfocus/, "$text as the way back";
    }
    like post_login('username={{return}}&password=x&return=/{{username}}')->body,
        qr/value="\{\{return\}\}".*value="\/\{\{username\}\}"/s,
        'a placeholder of the page is a name like any other';
    my $rows = $postgres->psql('table secsession.session; table secsession.event');
    unlike $rows, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'nor is it in the database as it came';
};

subtest 'a robot\'s requests create nothing and ask nothing' => sub {    # ASVS 5.0 7.6.2
    my @cost = cost {
        my $client = $httpd->client;
        for my $path ((qw(/app/show /pub/show /static/page.html /login)) x 25) {
            $client->get($path, keep_alive => 1);
            $client->get($path, keep_alive => 1, headers => [ [ Cookie => "$NAME=" . unique() ] ]);
        }
        $client->disconnect;
        $httpd->client->logout for 1 .. 20;
        $httpd->post('/logout', '', headers => [ [ Cookie => "$NAME=" . unique() ] ]) for 1 .. 20;
    };
    is_deeply \@cost, [ 0, 'no row' ], '200 requests and 40 logouts without a session';
    @cost = cost { with_cookie('/app/show', "$NAME=" . guessed()) for 1 .. 50 };
    is_deeply \@cost, [ 50, 'no row' ], '50 guesses: one look-up each';
};

is_alice('after all that alice is still logged in, with the cookie that she had', "$NAME=$token");
my $log = $httpd->error_log;
my $all = $log . $httpd->access_log . $postgres->log;
is_deeply [ grep { index($all, $_) >= 0 } @secrets ], [], 'no log holds a token';
unlike $all, qr/GARBAGE\d/, 'nor a cookie as it came';
unlike $log, qr/[\x00-\x08\x0b-\x1f\x7f-\xff]/, 'nor a control character';
done_testing;
