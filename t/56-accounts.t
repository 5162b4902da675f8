# What protects an account: a limit on the number of its sessions, sessions that stay signed in,
# profiles, and sessions that are bound to the address of their client.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process 'run';

my @HTML = ([ Accept => 'text/html' ]);

my ($postgres, $httpd) = start_servers(modules => ['remoteip'], children => 2, threads => 40,
    database => { settings => { max_connections => 300 } }, config => <<'CONFIG');
SecSessionMaxPerUser 3
SecSessionRemember 30d
SecSessionIdleTimeout 20m
RemoteIPHeader X-Client
RemoteIPInternalProxy 127.0.0.1
<LocationMatch "^/(subnet|address|logged|ended)/">
    AuthType SecSession
    SecSessionLoginPage /login
    Require valid-user
</LocationMatch>
ScriptAliasMatch "^/(?:subnet|address|logged|ended|short|fresh)/(show)" "@FOLDER@/cgi-bin/$1"
<Location "/subnet/">
    SecSessionBind subnet
</Location>
<Location "/address/">
    SecSessionBind address reauth
</Location>
<Location "/logged/">
    SecSessionBind address log
</Location>
<Location "/ended/">
    SecSessionBind address end
</Location>
<LocationMatch "^/(short|fresh)/">
    AuthType SecSession
    Require valid-user
</LocationMatch>
<Location "/short/">
    SecSessionIdleTimeout 5m
</Location>
<Location "/fresh/">
    Require session-fresh 10d
</Location>
CONFIG

sub sql { my ($text, %vars) = @_; return $postgres->psql($text, vars => \%vars) }
sub status { my ($client, $path) = @_; return $client->get($path // '/static/page.html')->status }
sub live {
    return sql(q{select count(*) from secsession.active_session where user_name = :'user'},
        user => $_[0]);
}
sub everybody_out {
    sql(q{select secsession.revoke_all('test')});
    has_heard($postgres);
    return;
}

subtest 'how many sessions a user may have' => sub {    # ASVS 5.0 7.1.2
    everybody_out();
    my @three = map { browser($httpd, 'alice') } 1 .. 3;
    is_deeply [ map { status($_) } @three ], [ 200, 200, 200 ], 'three may be there';
    my $fourth = browser($httpd, 'alice');
    has_heard($postgres);
    is_deeply [ map { status($_) } @three, $fourth ], [ 401, 200, 200, 200 ],
        'a fourth ends the oldest';
    my $evicted = browser($httpd, 'alice') && $three[1];
    has_heard($postgres);
    like $evicted->get('/static/page.html', headers => \@HTML)->header('Location'),
        qr/why=evicted/, 'whose user is told why';
    like $httpd->get('/login?why=evicted')->body, qr/because you have logged in elsewhere/,
        'in words';
    is sql(
        q{select count(*) from secsession.event where event = 'evicted' and user_name = 'alice'}),
        2, 'with an event each';
    is live('alice'), 3, 'three are left';
    is $fourth->login('alice', password_of('alice'))->status, 303,
        'who logs in again in the same browser';
    has_heard($postgres);
    is live('alice'), 3, 'takes nobody else\'s place';
    is status($three[2]), 200, 'another one goes on';
    is status(browser($httpd, 'bob')), 200, 'others are not counted';
};

sub many_logins {
    my ($server, $user, $count) = @_;
    my $body = "username=$user&password=" . password_of($user) =~ s/ /+/gr;
    my @under_way = map {
        $server->client->start_request(
            'POST', '/login',
            body => $body,
            headers => [
                [ 'Content-Type' => 'application/x-www-form-urlencoded' ],
                [ 'Sec-Fetch-Site' => 'same-origin' ]
            ]
        )
    } 1 .. $count;
    return map { $_->finish } @under_way;
}

subtest 'thirty-two logins at once' => sub {
    everybody_out();
    is scalar(grep { $_->status == 303 } many_logins($httpd, 'alice', 32)), 32, 'all succeed';
    is live('alice'), 3, 'and three sessions are left';
};

subtest 'a login whose answer was lost, and that is sent again' => sub {
    everybody_out();
    my $login = sub {
        my ($token, $refuse) = @_;
        return sql(
            "select (secsession.authenticate(row(sha256('$token'), null, 'localhost', 'zoe', 'form',
                secsession.login_moment(),
            null, null, 900, 900)::secsession.login, null, false, 2, $refuse)).state"
        );
    };
    is $login->($_, 'false'), 'live', 'a login' for qw(a b c);
    is $login->('c', $_), 'live', 'the third once more' for qw(false true);
    is live('zoe'), 2, 'ends nobody else\'s session';
    is $login->('d', 'true'), 'full', 'a fourth is one too many';
};

subtest 'the newest is refused, where that is wanted' => sub {
    everybody_out();
    my $strict = Secsession::Httpd->start(
        postgres => $postgres, threads => 40,
        config => Secsession::Test::standard_config(config => "SecSessionMaxPerUser 2 refuse\n"),
        files => { 'static/page.html' => 'x' }
    );
    my @two = map { browser($strict, 'alice') } 1, 2;
    my $third = $strict->client;
    my $response = $third->login('alice', password_of('alice'));
    is $response->status, 403, 'a third is';
    like $response->body, qr/logged in on as many devices as you are allowed/,
        'with a page that says so';
    is $third->token, undef, 'and without a token';
    is_deeply [ map { status($_) } @two ], [ 200, 200 ], 'the others go on';
    is $strict->client->login('alice', 'wrong')->status, 401,
        'who does not know the password learns nothing of it';
    is $two[0]->login('alice', password_of('alice'))->status, 303,
        'one of the two may log in again';
    $two[1]->logout;
    is $third->login('alice', password_of('alice'))->status, 303, 'after a logout there is room';
    everybody_out();
    my @answers = many_logins($strict, 'alice', 64);
    is scalar(grep { $_->status == 303 } @answers), 2, 'of sixty-four at once two succeed';
    is scalar(grep { $_->status == 403 } @answers), 62, 'and the others are refused';
    is live('alice'), 2, 'two are there';
};

sub remembered {
    my ($user) = @_;
    my $client = $httpd->client;
    my $response = $client->post_form(
        '/login',
        {
            username => $user, password => password_of($user), remember => 1,
            return => '/static/page.html'
        }
    );
    return ($client, $response);
}

# As if the last request, or the login, had been so long ago.
sub age {
    my ($client, $column, $interval) = @_;
    my $id = id_of($client);
    # In two steps: the server may be about to write down a later use, and has done so when it has
    # heard of the first.
    for my $ago ('1 ms', $interval) {
        my $also =
            $column eq 'authenticated_at' ? ", expires_at = expires_at - interval '$ago'" : '';
        sql(
            "update secsession.session set $column = $column - interval '$ago'$also where "
                . "session_id = :'id'",
            id => $id);
        has_heard($postgres);
    }
    return $client;
}

subtest 'a user who wants to stay signed in' => sub {
    everybody_out();
    like $httpd->get('/login')->body,
        qr/<input id="remember" name="remember" type="checkbox" value="1">/, 'can say so';
    my ($alice, $response) = remembered('alice');
    my $kept = qr/Max-Age=(?:2592000|2591999)/;
    like $response->header('Set-Cookie'),
        qr/^__Host-secsession=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax; $kept$/,
        'and gets a cookie that the browser keeps for thirty days';
    is sql('select persistent from secsession.active_session'), 't', 'administrators see it';
    is status(age($alice, 'last_seen_at', '6 days')), 200, 'after six days the user is still in';
    my $short = age($alice, 'last_seen_at', '6 minutes')->get('/short/show', headers => \@HTML);
    is $short->status, 401, 'but not where a location is stricter';
    is status($alice), 200, 'which ends nothing elsewhere';
    is status($alice, '/fresh/show'), 200, 'a login of today is fresh';
    is status(age($alice, 'authenticated_at', '25 hours'), '/fresh/show'), 401,
        'one of yesterday is not, whatever is allowed';
    is $alice->post_form('/login',
        { username => 'alice', password => password_of('alice'), again => 1 })->status, 303,
        'until the password is given again';
    is status($alice, '/fresh/show'), 200, 'then it is';
    is sql('select persistent from secsession.active_session'), 't',
        'and the user still stays signed in';
    sql(q{update secsession.session set rotated_at = rotated_at - interval '1 hour'});
    has_heard($postgres);
    like $alice->get('/static/page.html')->header('Set-Cookie'), qr/; Max-Age=\d{7}$/,
        'the next token is kept as long';
    is status(age($alice, 'last_seen_at', '8 days')), 401,
        'after eight days without a request it is over';
    my ($other) = remembered('alice');
    is status(age($other, 'authenticated_at', '31 days')), 401,
        'and after thirty-one days in any case';
    my ($revoked) = remembered('alice');
    everybody_out();
    is status($revoked), 401, 'it can be revoked like any other';
};

subtest 'a user who does not want to stay signed in' => sub {
    my $alice = browser($httpd, 'alice');
    is sql('select persistent from secsession.active_session'), 'f',
        'has a session like everybody else';
    is status(age($alice, 'last_seen_at', '21 minutes')), 401, 'with the limits of everybody else';
    my $plain = Secsession::Httpd->start(postgres => $postgres,
        config => Secsession::Test::standard_config, files => { 'static/page.html' => 'x' });
    unlike $plain->get('/login')->body, qr/remember/,
        'where it is not offered the page does not offer it';
    my $response = $plain->client->post_form('/login',
        { username => 'bob', password => password_of('bob'), remember => 1 });
    unlike $response->header('Set-Cookie'), qr/Max-Age/, 'and asking for it is no use';
};

subtest 'profiles' => sub {    # ASVS 5.0 7.1.1 3.3.2
    everybody_out();
    my %limits = (    # what is written, and then what a session gets: idle, absolute, SameSite
        '' => '1800|28800 Lax', 'SecSessionProfile standard' => '1800|28800 Lax',
        'SecSessionProfile remember' => '1800|28800 Lax',
        'SecSessionProfile sensitive' => '600|14400 Strict',
        "SecSessionIdleTimeout 7m\nSecSessionProfile Sensitive" => '420|14400 Strict',
        "SecSessionProfile sensitive\nSecSessionAbsoluteTimeout 9h\nSecSessionCookie __Host-s "
            . "SameSite=Lax"
            => '600|32400 Lax',
        "SecSessionProfile sensitive\nSecSessionCookie __Host-s" => '600|14400 Strict',
    );
    for my $config (sort keys %limits) {
        my $server = Secsession::Httpd->start(postgres => $postgres,
            config => Secsession::Test::standard_config(config => $config));
        my $response = $server->client->login('bob', password_of('bob'));
        my ($same_site) = $response->header('Set-Cookie') =~ /SameSite=(\w+)/;
        is sql(
            'select (session).idle_timeout, (session).absolute_timeout '
                . 'from secsession.session_state where ending is null')
            . " $same_site", $limits{$config},
            $config =~ s/\n/, /gr || 'none is like standard';
        like $server->get('/login')->body,
            $config =~ /remember/ ? qr/name="remember"/ : qr/^(?!.*name="remember")/s,
            'and offers what it says';
        $server->stop;
        everybody_out();
    }
};

subtest 'a profile in one place' => sub {
    my $server =
        Secsession::Httpd->start(postgres => $postgres, files => { 'static/page.html' => 'x' },
        config => Secsession::Test::standard_config(config => <<'CONFIG'));
SecSessionIdleTimeout 1h
ScriptAliasMatch "^/bank/(show)" "@FOLDER@/cgi-bin/$1"
<Location "/bank/">
    SecSessionProfile sensitive
    AuthType SecSession
    Require valid-user
</Location>
CONFIG
    my $alice = browser($server, 'alice');
    my $id = id_of($alice);
    sql(
        "update secsession.session set last_seen_at = last_seen_at - interval '11 min' where "
            . "session_id = :'id'",
        id => $id);
    has_heard($postgres);
    is status($alice, '/bank/show'), 401,
        'is stricter there, though the server has named another limit';
    is status($alice), 200, 'and nowhere else';
};

# Requests from an address.
sub from {
    my ($client, $address, $path, @headers) = @_;
    return $client->get($path, headers => [ [ 'X-Client' => $address ], @headers ]);
}

sub at {
    my ($address) = @_;
    my $client = $httpd->client;
    my $response =
        $client->login('alice', password_of('alice'), headers => [ [ 'X-Client' => $address ] ]);
    die 'no login: ' . $response->status unless $response->status == 303;
    return $client;
}

sub moves { return sql(q{select count(*) from secsession.event where event = 'moved'}) }

subtest 'bound to a subnet' => sub {    # ASVS 5.0 16.3.2
    for my $case ([ '192.0.2.1', '192.0.2.99', '192.0.3.1' ],
        [ '2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1' ])
    {
        my ($home, $near, $far) = @$case;
        everybody_out();
        my ($alice, $before) = (at($home), moves());
        is from($alice, $home, '/subnet/show')->status, 200, "$home: where the user has logged in";
        is from($alice, $near, '/subnet/show')->status, 200, "$near: the same subnet";
        my $page = from($alice, $far, '/subnet/show', @HTML);
        is $page->status, 303, "$far: another one asks to log in";
        like $page->header('Location'), qr/why=moved/, 'and says why';
        is $page->header('Set-Cookie'), undef, 'the cookie stays';
        is from($alice, $far, '/subnet/show')->status, 401, 'a script is refused';
        is moves() - $before, 1, 'which is one event, however often';
        is from($alice, $far, '/app/show')->status, 200,
            'where nothing is bound the session goes on';
        is from($alice, $home, '/subnet/show')->status, 200, 'and at home, too';
        is $alice->login('alice', password_of('alice'), headers => [ [ 'X-Client' => $far ] ])
            ->status, 303, 'who logs in there';
        is from($alice, $far, '/subnet/show')->status, 200, 'is at home there';
        is from($alice, $home, '/subnet/show')->status, 401, 'and nowhere else';
    }
    like $httpd->get('/login?why=moved')->body, qr/used from another network/,
        'the login page says it in words';
};

subtest 'bound to an address' => sub {
    everybody_out();
    my $alice = at('192.0.2.1');
    is from($alice, '192.0.2.1', '/address/show')->status, 200, 'the same';
    is from($alice, '192.0.2.2', '/address/show')->status, 401, 'another one in the same subnet';
    is from($alice, '::ffff:192.0.2.1', '/address/show')->status, 200, 'the same, written as IPv6';
    is from($alice, '2001:db8::1', '/address/show')->status, 401, 'one of another kind';
};

subtest 'a move that is only logged' => sub {
    everybody_out();
    my ($alice, $before) = (at('192.0.2.1'), moves());
    is from($alice, '192.0.2.2', '/logged/show')->status, 200, 'is let pass';
    has_heard($postgres);
    is from($alice, '192.0.2.2', '/logged/show')->status, 200, 'again';
    is moves() - $before, 1, 'with one event';
    is sql(
        q{select client_addr, detail ->> 'from', detail ->> 'action' from secsession.event where }
            . q{event = 'moved' order by at desc limit 1}
        ),
        '192.0.2.2|192.0.2.1|log', 'that names both addresses';
    for my $address ('192.0.2.1', '2001:db8::1', '192.0.2.1', '192.0.2.2', '2001:db8::1') {
        is from($alice, $address, '/logged/show')->status, 200, "$address";
        has_heard($postgres);
    }
    is moves() - $before, 2, 'one more for each other address, however often it comes back';
    is $alice->login('alice', password_of('alice'), headers => [ [ 'X-Client' => '192.0.2.1' ] ])
        ->status, 303, 'after another login';
    is from($alice, '192.0.2.2', '/logged/show')->status, 200, 'one of them';
    is moves() - $before, 3, 'is news again';
};

subtest 'a move that ends the session' => sub {
    everybody_out();
    my $alice = at('192.0.2.1');
    my $response = from($alice->clone, '192.0.2.2', '/ended/show', @HTML);
    like $response->header('Location'), qr/why=moved/, 'sends whoever moved to the login page';
    like $response->header('Set-Cookie'), qr/Max-Age=0/, 'without the cookie';
    has_heard($postgres);
    is from($alice, '192.0.2.1', '/app/show')->status, 401, 'and the session is over, at home too';
    is sql(
        q{select string_agg(event, ' ' order by at) from secsession.event
            where reason = 'its client moved'
        and user_name = 'alice'}
        ),
        'revoked', 'as the audit trail says';
};

subtest 'a browser with two addresses where it has to log in again' => sub {
    everybody_out();
    my ($alice, $before) = (at('192.0.2.1'), moves());
    for (1 .. 4) {
        is from($alice, '2001:db8::1', '/address/show')->status, 401, 'from the one it is refused';
        is from($alice, '192.0.2.2', '/address/show')->status, 401, 'and from another';
        is from($alice, '192.0.2.1', '/address/show')->status, 200, 'but not from the first';
    }
    is moves() - $before, 2, 'with an event for each';
    is from($alice, "192.0.3.$_", '/address/show')->status, 401, "from 192.0.3.$_" for 1 .. 33;
    is moves() - $before, 35, 'however many there are';
    is sql(q{select max(cardinality(moved_addrs)) from secsession.session}), 32,
        'of which the last are remembered';
    is from($alice, '192.0.3.33', '/ended/show', @HTML)->status, 303, 'where a move ends it';
    has_heard($postgres);
    is from($alice, '192.0.2.1', '/app/show')->status, 401,
        'it ends for an address that is known, too';
};

subtest 'a database that is away' => sub {
    everybody_out();
    my $alice = at('192.0.2.1');
    sql('alter system set default_transaction_read_only = on');
    sql('select pg_reload_conf()');
    wait_until { $postgres->value('show default_transaction_read_only') eq 'on' }
        'cannot be written';
    is from($alice, '192.0.2.2', '/address/show')->status, 401,
        'nobody gets in whom the session is not bound to';
    my $response = from($alice, '192.0.2.2', '/ended/show');
    is_deeply [ $response->status, $response->all_headers('Set-Cookie') ], [503],
        'what should end and cannot is refused as long';
    is from($alice, '192.0.2.2', '/logged/show')->status, 200,
        'who is only to be written down goes on';
    is from($alice, '192.0.2.1', '/address/show')->status, 200, 'as does who has not moved';
    $postgres->psql(
        'set default_transaction_read_only = off; alter system reset default_transaction_read_only'
    );
    sql('select pg_reload_conf()');
};

done_testing;
