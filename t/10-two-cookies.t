# A browser that sends several cookies of our name with different values: the cookie's Domain or Path
# has been changed, a neighbour sets one of the same name, or somebody has planted one. Whoever has
# one live session goes on with it, and the right password never leads back to the form. Nobody is
# moved into another's session while having a live one.

use lib 't/lib';
use Secsession::Test;
use Secsession::Browser;

my $HOST = 'app.shop.example';
my $ROTATE = "SecSessionRotateInterval 1h\nSecSessionRotateGrace 30s";

my ($postgres, $httpd) =
    start_servers(config => config_of(), database => { log_statements => 1 });

sub config_of {
    my ($scope, $more) = @_;
    return join "\n", "ServerName $HOST", 'SecSessionCookie sid Insecure ' . ($scope // ''),
        $more // '', '';
}

sub configure {
    $httpd->reconfigure(Secsession::Test::standard_config(config => config_of(@_)));
    $httpd->restart;
    return;
}

# --- a browser, which keeps cookies by their scopes (RFC 6265bis, 5.7) ----------------------------

sub new_browser { return { jar => {}, host => $HOST } }

sub keep {
    my ($browser, $path, $line) = @_;
    my ($name, $value) = $line =~ /\A([^=;]+)=([^;]*)/;
    my %said = map { /\A(\w[\w-]*)(?:=(.*))?\z/s ? (lc $1 => $2 // '') : () } split /; /, $line;
    my $domain = $said{domain} // "=$browser->{host}";
    my $scope = "$name $domain $said{path}";
    delete $browser->{jar}{$scope};
    $browser->{jar}{$scope} = $value unless ($said{'max-age'} // 1) == 0;
    return;
}

# Plants a value as another server or page could.
sub plant { my ($browser, $scope, $value) = @_; return keep($browser, '/', "sid=$value; $scope") }

sub sent {
    my ($browser, $path) = @_;
    $path =~ s/\?.*//;
    my @pairs;
    for my $scope (sort keys %{ $browser->{jar} }) {
        my ($name, $domain, $of) = split / /, $scope;
        my $is_here =
            $domain =~ s/\A=// ? $browser->{host} eq $domain : ".$browser->{host}" =~ /\.\Q$domain\E\z/;
        my $prefix = $of =~ s{/\z}{}r;
        push @pairs, "$name=$browser->{jar}{$scope}"
            if $is_here && ($path eq $of || $path =~ m{\A\Q$prefix\E/});
    }
    return @pairs ? [ Cookie => join '; ', @pairs ] : ();
}

sub client { return $httpd->client(host => $_[0]{host}, cookie_name => 'sid') }

sub took {
    my ($browser, $path, $answer) = @_;
    keep($browser, $path, $_) for $answer->all_headers('Set-Cookie');
    return $answer;
}

sub visit {
    my ($browser, $path) = @_;
    my @all = ([ Accept => 'text/html' ], sent($browser, $path));
    return took($browser, $path, client($browser)->get($path, headers => \@all));
}

sub log_in {
    my ($browser, $user, $path) = @_;
    $path //= '/login';
    return took($browser, $path,
        client($browser)->login($user, password_of($user), return => '/app/show',
            headers => [ sent($browser, $path) ]));
}

sub values_of { return values %{ $_[0]{jar} } }
sub seen { return environment_of($_[0])->{REMOTE_USER} // 'nobody' }
sub token_of {
    my ($user) = @_;
    my $browser = new_browser();
    log_in($browser, $user);
    return (values_of($browser))[0];
}

sub end_session_of {
    my ($token) = @_;
    my $id = environment_of(with("sid=$token"))->{SECSESSION_ID};
    $postgres->psql("select secsession.revoke_session(:'id', 'test')", vars => { id => $id });
    has_heard($postgres);
    return;
}

sub with {
    my ($cookies, $path) = @_;
    return client({ host => $HOST })->get($path // '/app/show',
        headers => [ [ Cookie => $cookies ] ]);
}

# The value that the last field of the answer sets.
sub set_by { return (($_[0]->cookie('sid') // '') =~ /\Asid=([^;]*)/)[0] }

# As a user would: what is asked for; if that is the form, the password, and what was asked for. The
# user at the end, and how often the password was asked for.
sub go {
    my ($browser, $user) = @_;
    my $answer = visit($browser, '/app/show');
    my $asked = 0;
    while ($answer->status == 303 && $asked < 3) {
        $asked++;
        my $login = visit($browser, '/login?return=/app/show');
        log_in($browser, $user) if $login->status == 200;
        $answer = visit($browser, '/app/show');
    }
    return (seen($answer), $asked);
}

# --- honest users --------------------------------------------------------------------------------

my %change = (
    'a longer path before' => [ 'Path=/app', '' ],
    'a longer path now' => [ '', 'Path=/app' ],
    'a domain now' => [ '', 'Domain=shop.example' ],
    'a domain before' => [ 'Domain=shop.example', '' ],
    'both at once' => [ "Domain=$HOST Path=/app/", 'Domain=shop.example' ],
);
for my $name (sort keys %change) {
    subtest "the cookie's scope has been changed: $name" => sub {
        my ($before, $now) = @{ $change{$name} };
        configure($before);
        my %old = map { $_ => new_browser() } qw(live ended forgotten);
        log_in($_, 'alice') for values %old;
        my %token = map { $_ => (values_of($old{$_}))[0] } keys %old;
        end_session_of($token{ended});
        $postgres->psql('delete from secsession.session where session_id = :\'id\'',
            vars => { id => environment_of(with("sid=$token{forgotten}"))->{SECSESSION_ID} });
        configure($now);
        for my $kind (sort keys %old) {
            my $browser = $old{$kind};
            log_in($browser, 'alice');
            my ($user, $asked) = go($browser, 'alice');
            is $user, 'alice', "$kind: she gets what she asked for";
            cmp_ok $asked, '<=', 1, 'after one password more at the most';
            is scalar(values_of($browser)), 1, 'one cookie is left';
            my $answer = visit($browser, '/app/show');
            is $answer->header('Set-Cookie'), undef, 'and nothing more is said about it';
            is seen($answer), 'alice', 'she stays';
        }
    };
}

configure('');

subtest 'one live session is used, whatever else is there' => sub {
    for my $scope ('Path=/', 'Path=/app', 'Path=/app/', 'Path=/app/show', 'Path=/; Domain=shop.example',
        "Path=/app; Domain=$HOST")
    {
        my $browser = new_browser();
        log_in($browser, 'alice');
        my $token = (values_of($browser))[0];
        plant($browser, $scope, 'x' x 43) if $scope ne 'Path=/';
        plant($browser, 'Path=/app; Domain=shop.example', 'y' x 20);
        is seen(visit($browser, '/app/show')), 'alice', "$scope: she is served";
        is_deeply [ values_of($browser) ], [$token], 'her cookie is left alone';
    }
};

subtest 'of one session, the token of now is used, and none is taken for stolen' => sub {
    configure('', $ROTATE);
    my $old = token_of('alice');
    my $id = environment_of(with("sid=$old"))->{SECSESSION_ID};
    $postgres->psql("update secsession.session set rotated_at = rotated_at - interval '2 h'
        where session_id = :'id'", vars => { id => $id });
    has_heard($postgres);
    my $offered = set_by(with("sid=$old"));
    isnt $offered, undef, 'the next token is offered';
    my $answer = with("sid=$offered; sid=$old");
    is seen($answer), 'alice', 'with both, the offer is left';
    is set_by($answer), $old, 'and the current one is kept';
    is seen(with("sid=$offered")), 'alice', 'the new one is presented';
    for my $pair ("sid=$offered; sid=$old", "sid=$old; sid=$offered") {
        $answer = with($pair);
        is seen($answer), 'alice', 'with the retired one beside it she is served';
        is set_by($answer), $offered, 'and the current one is kept';
    }
    $postgres->psql("update secsession.other_token set retired_at = retired_at - interval '1 h',
        grace_until = grace_until - interval '1 h' where session_id = :'id'", vars => { id => $id });
    has_heard($postgres);
    is seen(with("sid=$offered; sid=$old")), 'alice', 'also when the retired one is old';
    is seen(with("sid=$offered")), 'alice', 'the session goes on';
    is $postgres->psql("select count(*) from secsession.event where event = 'reuse_detected'"), 0,
        'no alarm';
    is seen(with("sid=$old; sid=" . 'x' x 43)), 'nobody',
        'an old token alone is not made good by another beside it';
    wait_until { seen(with("sid=$offered")) eq 'nobody' } 'and is taken for stolen, as ever';
    configure('');
};

# --- those who plant cookies ---------------------------------------------------------------------

subtest 'nobody is moved into the session of whoever has planted a cookie' => sub {
    for my $scope ('Path=/app', 'Path=/; Domain=shop.example', 'Path=/app/show') {
        my $browser = new_browser();
        my $bob = token_of('bob');
        log_in($browser, 'alice');
        plant($browser, $scope, $bob);
        my $answer = visit($browser, '/app/show');
        is $answer->status, 303, "$scope: with two live sessions there is none";
        is_deeply [ values_of($browser) ], [], 'and all cookies go';
        is_deeply [ go($browser, 'alice') ], [ 'alice', 1 ], 'with her password she is herself';
        is seen(with("sid=$bob")), 'bob', 'the other one is not touched';
    }
};

subtest 'beside a dead cookie, a planted one is what it would be alone' => sub {
    my $browser = new_browser();
    log_in($browser, 'alice');
    end_session_of((values_of($browser))[0]);
    plant($browser, 'Path=/app', token_of('bob'));
    is seen(visit($browser, '/app/show')), 'bob', 'as docs/security.md says';
    log_in($browser, 'alice');
    is_deeply [ go($browser, 'alice') ], [ 'alice', 0 ], 'until she logs in';
};

subtest 'a login takes away what was planted before it' => sub {
    my $browser = new_browser();
    plant($browser, 'Path=/; Domain=shop.example', token_of('bob'));
    plant($browser, 'Path=/', 'x' x 43);
    plant($browser, 'Path=/login', 'y' x 43);
    log_in($browser, 'alice');
    is scalar(values_of($browser)), 1, 'one cookie is left';
    is_deeply [ go($browser, 'alice') ], [ 'alice', 0 ], 'which is hers';
};

subtest 'a logout deletes the cookies in every scope' => sub {
    my $browser = new_browser();
    log_in($browser, 'alice');
    my $token = (values_of($browser))[0];
    plant($browser, 'Path=/; Domain=shop.example', 'x' x 43);
    took($browser, '/logout', client($browser)->logout(headers => [ sent($browser, '/logout') ]));
    is_deeply [ values_of($browser) ], [], 'none is left';
    is seen(with("sid=$token")), 'nobody', 'and the session has ended';
};

subtest 'more than three different values are not looked at' => sub {
    my $token = token_of('alice');
    is seen(with("sid=a; sid=b; sid=$token")), 'alice', 'three are';
    my $before = $postgres->statements(undef, qr/lookup|current_token/);
    my $answer = with("sid=a; sid=b; sid=c; sid=$token");
    is seen($answer), 'nobody', 'four are not';
    is $postgres->statements(undef, qr/lookup|current_token/) - $before, 0, 'and cost no SQL';
    is set_by($answer), '', 'they are deleted';
    is seen(with("sid=$token")), 'alice', 'which ends no session';
};

subtest 'what is not known is left alone' => sub {
    my $answer = with('sid=' . 'x' x 43 . '; sid=' . 'y' x 43);
    is $answer->status, 401, 'two unknown ones';
    is $answer->header('Set-Cookie'), undef, 'may be of other servers';
};

subtest 'the answer stays small' => sub {
    my $token = token_of('alice');
    for my $path ('/app/show' . '/a' x 500, '/app/show/' . 'a' x 3000) {
        my $answer = with("sid=x; sid=$token", $path);
        is seen($answer), 'alice', 'a long address';
        my @lines = $answer->all_headers('Set-Cookie');
        cmp_ok scalar @lines, '<=', 41, 'not too many fields';
        cmp_ok length "@lines", '<', 10_000, 'nor too long ones';
        is set_by($answer), $token, 'ours comes last';
    }
    my $strange = with("sid=x; sid=$token", '/app/show/a;b/c');
    is seen($strange), 'alice', 'a path with a semicolon';
    unlike join('|', $strange->all_headers('Set-Cookie')), qr/Path=[^|]*b/, 'begins no attribute';
};

subtest 'a __Host- cookie has one scope' => sub {
    $httpd->reconfigure(Secsession::Test::standard_config(config => "ServerName $HOST\n"));
    $httpd->restart;
    my $client = $httpd->client(host => $HOST);
    $client->login('alice', password_of('alice'));
    my $token = $client->token;
    my $name = '__Host-secsession';
    my $answer = with("$name=x; $name=$token");
    is seen($answer), 'alice', 'the live one is used';
    is_deeply [ $answer->all_headers('Set-Cookie') ],
        ["$name=$token; Path=/; Secure; HttpOnly; SameSite=Lax"], 'and one field says so';
};

subtest 'without the database nothing is known' => sub {
    configure('', 'SecSessionCache Off');
    my $token = token_of('alice');
    $postgres->stop;
    my $answer = with("sid=$token; sid=" . 'x' x 43, '/app/show');
    is $answer->status, 503, 'which is no logout';
    is $answer->header('Set-Cookie'), undef, 'the cookies stay';
    $postgres->start_again;
    wait_until { seen(with("sid=$token; sid=" . 'x' x 43)) eq 'alice' } 'and are good later';
};

subtest 'a real browser' => sub {
    plan skip_all => 'no chromium-driver on this machine'
        unless Secsession::Browser->is_installed;
    for my $name (sort keys %change) {
        my ($before, $now) = @{ $change{$name} };
        configure($before);
        my $chromium = Secsession::Browser->start(hosts => "MAP $HOST 127.0.0.1");
        my $page = "http://$HOST:" . $httpd->port . '/app/show';
        my $enter = sub {
            $chromium->type('[name=username]', 'alice');
            $chromium->type('[name=password]', password_of('alice') . "\x{E007}");
        };
        my $is_there = sub { $chromium->run('return document.body.innerText') =~ /^REMOTE_USER=alice$/m };
        $chromium->open($page);
        $enter->();
        wait_until { $is_there->() } "$name: she is logged in before";
        $postgres->psql("select secsession.revoke_user('alice', 'test')");
        has_heard($postgres);
        configure($now);
        $chromium->open($page);
        $enter->();
        wait_until { $is_there->() } 'and after the change';
        $chromium->open($page);
        ok $is_there->(), 'she stays';
        is scalar(grep { $_->{name} eq 'sid' } @{ $chromium->get('/cookie') }), 1, 'with one cookie';
    }
};

done_testing;
