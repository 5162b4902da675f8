# Whoever guesses passwords has to wait, longer and longer, on every server; the owner of the
# account does not, and nobody learns whether the account exists (SecSessionLoginThrottle).
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Secsession::Process 'checkout';

my ($postgres, $httpd) = start_servers(
    children => 2, threads => 16, throttle => '5 5m', modules => ['remoteip'],
    config => "RemoteIPHeader X-Client\nRemoteIPInternalProxy 127.0.0.1\n"
);
my $other = Secsession::Httpd->start(
    postgres => $postgres, modules => ['remoteip'], files => { 'static/page.html' => 'x' },
    config => Secsession::Test::standard_config(
        throttle => '5 5m', config => "RemoteIPHeader X-Client\nRemoteIPInternalProxy 127.0.0.1\n"
    )
);

sub sql { return $postgres->value(@_) }
sub attempt {
    my ($user, $password, %opt) = @_;
    return ($opt{server} // $httpd)
        ->client->login($user, $password,
        headers => [ [ 'X-Client' => $opt{from} // '192.0.2.1' ] ]);
}
sub statuses { my ($n, @attempt) = @_; return join ' ', map { attempt(@attempt)->status } 1 .. $n }
sub forget { $postgres->psql('truncate secsession.login_attempt'); return }

# As if so much time had passed.
sub later {
    my ($interval) = @_;
    return $postgres->psql(
        "update secsession.login_attempt set last_at = last_at - interval '$interval',
    blocked_until = blocked_until - interval '$interval'"
    );
}

subtest 'whoever guesses passwords has to wait' => sub {    # ASVS 5.0 6.3.1
    is statuses(5, 'alice', 'wrong'), '401 401 401 401 401', 'five attempts';
    my $response = attempt('alice', 'wrong');
    is $response->status, 429, 'the sixth has to wait';
    my $wait = $response->header('Retry-After');
    ok $wait > 20 && $wait <= 30, "half a minute ($wait s)";
    like $response->body, qr/too many attempts.*<form/s, 'says the page';
    is attempt('alice', password_of('alice'))->status, 429, 'the right password has to wait, too';
    is attempt('alice', 'wrong', server => $other)->status, 429, 'on every server';
    is attempt('alice', password_of('alice'), from => '192.0.2.2')->status, 303,
        'from elsewhere she gets in';
    is attempt('bob', password_of('bob'))->status, 303, 'and so does bob from there';
    is sql(
        "select count(*) from secsession.event where event = 'login_throttled' and user_name = "
            . "'alice'"
    ), 1, 'one event';
    is sql("select count(*) from secsession.event where event = 'login_failed'"), 5,
        'and one for each attempt that was checked';
};

subtest 'the wait gets longer and longer' => sub {
    forget();
    statuses(5, 'alice', 'wrong');
    my @pauses;
    for (1 .. 7) {
        push @pauses, attempt('alice', 'wrong')->header('Retry-After');
        later($pauses[-1] . ' s');
        is attempt('alice', 'wrong')->status, 401, 'after the pause one attempt is let pass';
    }
    my @expected = (30, 60, 120, 240, 480, 900, 900);
    is_deeply [ grep { $pauses[$_] > $expected[$_] || $pauses[$_] < $expected[$_] - 5 } 0 .. 6 ],
        [], "pauses of @pauses seconds";
    later('900 s');
    is attempt('alice', password_of('alice'))->status, 303, 'the right password ends it';
    is statuses(5, 'alice', 'wrong'), '401 401 401 401 401', 'and the count begins anew';
    forget();
    statuses(4, 'alice', 'wrong');
    later('301 s');
    is statuses(5, 'alice', 'wrong'), '401 401 401 401 401',
        'so it does when five minutes have passed';
};

subtest 'many attempts at once do not get around it' => sub {
    forget();
    my @running = map {
        $httpd->client->start_request(
            'POST', '/login', body => 'username=alice&password=wrong',
            headers => [
                [ 'Content-Type' => 'application/x-www-form-urlencoded' ],
                [ 'X-Client' => '192.0.2.1' ]
            ]
        )
    } 1 .. 24;
    my %seen;
    $seen{ $_->finish->status }++ for @running;
    is_deeply \%seen, { 401 => 5, 429 => 19 }, 'of 24 five are checked';
};

sub at_once {
    my (@passwords) = @_;
    my @running = map {
        $httpd->client->start_request(
            'POST', '/login', body => 'username=alice&password=' . s/ /+/gr,
            headers => [
                [ 'Content-Type' => 'application/x-www-form-urlencoded' ],
                [ 'X-Client' => '192.0.2.1' ]
            ]
        )
    } @passwords;
    my %seen;
    $seen{ $_->finish->status }++ for @running;
    return \%seen;
}

subtest 'right passwords do not keep each other out' => sub {
    forget();
    is_deeply at_once((password_of('alice')) x 30), { 303 => 30 },
        'thirty logins of an account at once, from one address';
    is $postgres->count('login_attempt'), 0, 'leave no count behind';
    is statuses(4, 'alice', 'wrong'), '401 401 401 401', 'nor do they';
    is_deeply at_once((password_of('alice')) x 12), { 303 => 12 }, 'when others have failed before';
    is statuses(6, 'alice', 'wrong'), '401 401 401 401 401 429', 'and guesses after them count';
    forget();
    my $mixed = at_once(map { ('wrong') x 4, password_of('alice') } 1 .. 4);
    cmp_ok $mixed->{401} // 0, '<=', 5 * (1 + ($mixed->{303} // 0)),
        'guesses among them get five attempts for each login';
    is(($mixed->{401} // 0) + ($mixed->{303} // 0) + ($mixed->{429} // 0), 20, 'and all are answered');
};

subtest 'checks that were lost' => sub {
    forget();
    statuses(4, 'alice', 'wrong');
    sql('update secsession.login_attempt set attempts = 5, pending = 5 where length(address) > 0
        and length(user_key) > 0');
    later('11 s');
    is statuses(2, 'alice', 'wrong'), '401 429', 'count as failures, one more is let pass';
    forget();
    sql("insert into secsession.login_attempt (realm, user_key, address, attempts, pending, last_at)
        values ('localhost', secsession.throttle_user('alice'), '192.0.2.1', 5, 5, now())");
    my $waiting = $httpd->client->start_request(
        'POST', '/login', body => 'username=alice&password=correct+horse',
        headers => [
            [ 'Content-Type' => 'application/x-www-form-urlencoded' ],
            [ 'X-Client' => '192.0.2.1' ]
        ]
    );
    sql("select secsession.login_undecided('localhost', 'Alice ', '192.0.2.1')");
    is $waiting->finish->status, 303, 'whoever waits goes on when one of them has ended';
};

subtest 'nobody learns whether there is such a user' => sub {    # ASVS 5.0 6.3.8
    forget();
    is statuses(7, $_, 'wrong'), '401 401 401 401 401 429 429', "$_" for qw(alice nobody);
    my ($known, $unknown) = map { attempt($_, 'wrong')->body =~ s/\d+ seconds//r } qw(alice nobody);
    is $known, $unknown, 'the same page';
    is statuses(6, "\x01", 'wrong'), '401 401 401 401 401 429', 'what cannot be a name counts, too';
};

subtest 'guessing from many addresses' => sub {
    forget();
    is attempt('alice', password_of('alice'), from => '198.51.100.7')->status, 303,
        'alice logs in at home';
    attempt('alice', 'wrong', from => "203.0.113.$_") for 1 .. 50;
    is attempt('alice', 'wrong', from => '203.0.113.200')->status, 429,
        'fifty guesses from fifty addresses are enough';
    is attempt('alice', password_of('alice'), from => '198.51.100.7')->status, 303,
        'but nobody can lock her out at home';
    is attempt('Alice', 'wrong', from => '198.51.100.7')->status, 401,
        'however she writes her name there';
    is attempt('bob', password_of('bob'), from => '203.0.113.201')->status, 303, 'nor anybody else';
    forget();
    attempt("user$_", 'wrong') for 1 .. 100;
    is attempt('user200', 'wrong')->status, 429, 'a hundred users from one address are enough';
    is attempt('alice', password_of('alice'), from => '198.51.100.7')->status, 303,
        'other addresses are not meant';
    forget();
    is join(' ', map { attempt('alice', 'wrong', from => "2001:db8:1:2::$_")->status } 1 .. 6),
        '401 401 401 401 401 429',
        'an IPv6 network counts as one address';
    is attempt('alice', 'wrong', from => '2001:db8:1:3::1')->status, 401, 'another does not';
};

subtest 'many people behind one address' => sub {
    forget();
    my $count = sub {
        return sql(q{select coalesce(sum(attempts), 0) from secsession.login_attempt
            where user_key = '' and address = '192.0.2.40'});
    };
    my @office = (from => '192.0.2.40');
    is statuses(2, 'alice', 'wrong', @office), '401 401', 'alice mistypes';
    is statuses(3, 'bob', 'wrong', @office), '401 401 401', 'and so does bob';
    is attempt('alice', password_of('alice'), @office)->status, 303, 'alice gets it right';
    is $count->(), 3, 'which forgives what she has mistyped, and no more';
    is attempt('alice', password_of('alice'), @office)->status, 303, 'once more';
    is $count->(), 3, 'forgives nothing: a guesser gains nothing by an account of his own';
    is attempt('bob', password_of('bob'), @office)->status, 303, 'when bob does, too';
    is $count->(), 0, 'nothing counts';
    attempt("user$_", 'wrong', @office) for 1 .. 100;
    is attempt('user200', 'wrong', @office)->status, 429, 'somebody there guesses, and has to wait';
    is attempt('carol', 'wrong', @office)->status, 429, 'with everybody who is new there';
    is attempt('alice', password_of('alice'), @office)->status, 303,
        'but not who has logged in from there before';
    is statuses(6, 'alice', 'wrong', @office), '401 401 401 401 401 429',
        'whose password nobody can guess any faster';
};

subtest 'an administrator can reset it' => sub {
    forget();
    statuses(5, 'alice', 'wrong');
    is attempt('alice', password_of('alice'))->status, 429, 'alice has to wait';
    my $run = sub {
        return [
            $postgres->script(
                checkout() . '/store/admin/reset-throttle.sql', user => 'admin_role', vars => {@_}
            )
        ];
    };
    like $run->(user => 'alice')->[1], qr/^counts removed: [1-9]/, 'is told about it';
    is attempt('alice', password_of('alice'))->status, 303, 'and lets her pass';
    statuses(5, 'bob', 'wrong');
    like $run->(address => '192.0.2.1')->[1], qr/^counts removed: [1-9]/, 'or an address';
    is attempt('bob', password_of('bob'))->status, 303, 'lets it pass';
    is $run->()->[0], 3, 'but names one of them';
};

subtest 'what is counted is removed' => sub {
    forget();
    attempt("user$_", 'wrong') for 1 .. 10;
    later('2 days');
    $postgres->psql('select secsession.purge(1000)');
    is sql('select count(*) from secsession.login_attempt'), 0, 'by purge, after a day';
};

$other->stop;
done_testing;
