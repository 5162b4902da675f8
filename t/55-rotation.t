# Periodic rotation: a session's next token is offered with a response, and no honest user is
# logged out by it.
# mpm: all

use lib 't/lib';
use Secsession::Test;
use Digest::SHA 'sha256_hex';
use MIME::Base64 'decode_base64url';

my $TWO = <<'CONFIG';
SecSessionRotateInterval 10m
SecSessionRotateGrace 20s
ScriptAlias "/said/" "@FOLDER@/cgi-bin/"
<Location "/said/">
    SecSessionAppLogin On
</Location>
CONFIG
my %programs = (leave => <<'PERL');
open my $started, '>', "$state/leave.started" or die $!;
close $started;
my $end = time + 30;
select undef, undef, undef, 0.01 until -e "$state/leave.go" || time > $end;
print "SecSession-Logout: 1\nContent-Type: text/plain\n\nleft\n";
PERL
my ($postgres, $first) = start_servers(children => 2, threads => 32,
    database => { settings => { max_connections => 300 } }, config => $TWO, cgi => \%programs);
my $second = Secsession::Httpd->start(
    postgres => $postgres, children => 1, threads => 32, cgi => \%programs,
    config => Secsession::Test::standard_config(config => $TWO),
    files => { 'static/page.html' => "<p>private</p>\n" }
);

sub hash_of { return q{'\x} . sha256_hex(decode_base64url($_[0])) . q{'} }
sub sql { my ($text, %vars) = @_; return $postgres->psql($text, vars => \%vars) }
sub all_have_heard { has_heard($postgres) for $first, $second; return }
sub events {
    my ($id, @events) = @_;
    my $list = join ', ', map { "'$_'" } @events;
    return sql(
        "select count(*) from secsession.event where session_id = :'id' and event in ($list)",
        id => $id);
}

# As if the session had its token for so long.
sub age {
    my ($id, $seconds) = @_;
    sql(
        "update secsession.session set rotated_at = rotated_at - interval '$seconds s' where "
            . "session_id = :'id'",
        id => $id);
    all_have_heard();
    return;
}

# As if all that was retired had been so for an hour.
sub end_grace {
    my ($id) = @_;
    sql(
        "update secsession.other_token set retired_at = retired_at - interval '1 hour',
            grace_until = grace_until - interval '1 hour'
        where session_id = :'id' and retired_at is not null", id => $id
    );
    return;
}

sub with_token { my ($httpd, $token) = @_; return $httpd->client->set_token($token) }
sub page {
    my ($token, $httpd) = @_;
    return with_token($httpd // $first, $token)->get('/static/page.html');
}
sub offered {
    my ($response) = @_;
    return ($response->cookie('__Host-secsession') // return) =~ /=([^;]*)/ ? $1 : die;
}

sub offer {
    my ($token, $id) = @_;
    age($id, 601);
    return offered(page($token)) // die "nothing was offered\n";
}

sub a_session {
    my $alice = browser($first, 'alice');
    my $id = id_of($alice);
    return ($alice->token, $id);
}

subtest 'the next token' => sub {    # ASVS 5.0 7.2.2
    my ($old, $id) = a_session();
    age($id, 590);
    is offered(page($old)), undef, 'is not offered before its time';
    age($id, 11);
    my $response = page($old);
    my $next = offered($response);
    like $next, qr/^[\w-]{43}$/, 'is offered after that';
    is $response->header('Set-Cookie'),
        "__Host-secsession=$next; Path=/; Secure; HttpOnly; SameSite=Lax",
        'as every cookie of ours';
    is $response->header('Cache-Control'), 'no-store', 'for nobody to store';
    is $response->body, "<p>private</p>\n", 'with the page';
    isnt $next, $old, 'and is another';
    is offered(page($old)), undef, 'once';
    is page($old)->status, 200, 'the token of before is good';
    is events($id, 'rotated'), 0, 'and nothing has been rotated yet';
    is page($next)->status, 200, 'so is the next one';
    is events($id, 'rotated'), 1, 'whose first use is the rotation';
    is sql("select count(*) from secsession.token where session_id = :'id' and retired_at is null",
        id => $id), 1, 'of one token one has come';
    is page($_)->status, 200, 'requests under way with the old one go on' for $old, $old;
    is id_of(with_token($first, $next)), $id, 'in the same session';
    is offered(page($next)), undef, 'which has its token for a while again';
    end_grace($id);
    is page($next)->status, 200, 'who goes on with the next one stays';
};

subtest 'every kind of response offers it' => sub {
    my ($old, $id) = a_session();
    for my $way ([ '/missing', 404 ], [ '/app/headers?Status:+302%0ALocation:+/x%0A', 302 ],
        [ '/app/headers?Status:+500%0A', 500 ])
    {
        age($id, 601);
        my $response = with_token($first, $old)->get($way->[0]);
        is $response->status, $way->[1], "status $way->[1]";
        ok offered($response), 'brings it';
        is scalar($response->all_headers('Set-Cookie')), 1, 'in one cookie';
    }
};

subtest 'a cookie that is lost on the way' => sub {
    my ($old, $id) = a_session();
    my @lost = map { offer($old, $id) } 1 .. 3;
    is page($old)->status, 200, 'who never got it goes on';
    my $got = offer($old, $id);
    is page($got)->status, 200, 'and is offered another one, which is good';
    is page($lost[1])->status, 200, 'an answer that arrives late is good, too';
    is page($got)->status, 200, 'as is what it replaces, for a moment';
    offer($lost[1], $id) for 1 .. 9;
    is sql(
        "select count(*) from secsession.token where session_id = :'id' and offered_grace is not "
            . "null",
        id => $id), 8,
        'who takes none of them does not fill the database';
};

subtest 'fifty requests under way' => sub {
    my ($old, $id) = a_session();
    my @slow = map { with_token($first, $old)->start_request('GET', "/app/slow?r$_") } 1 .. 50;
    $first->slow_started("r$_") for 1 .. 50;
    my $next = offer($old, $id);
    my @more = map {
        with_token($_ % 2 ? $first : $second, $_ % 3 ? $old : $next)
            ->start_request('GET', '/static/page.html')
    } 1 .. 50;
    $first->let_go("r$_") for 1 .. 50;
    is_deeply [ map { $_->finish->status } @slow, @more ], [ (200) x 100 ],
        'at the moment of a rotation all are served';
    is events($id, 'rotated'), 1, 'and there is one rotation';
    is events($id, 'reuse_detected'), 0, 'that nobody takes for theft';
};

subtest 'two servers' => sub {
    my ($old, $id) = a_session();
    age($id, 601);
    my @under_way = map {
        with_token($_ % 2 ? $first : $second, $old)->start_request('GET', '/static/page.html')
    } 1 .. 40;
    my @offers = grep { defined } map { offered($_->finish) } @under_way;
    is scalar(@offers), 1, 'offer one token in answer to forty requests at once';
    my @both = map { page($offers[0], $_) } $first, $second;
    is_deeply [ map { $_->status } @both ], [ 200, 200 ], 'which is good on both';
    all_have_heard();
    end_grace($id);
    is page($old, $second)->status, 401, 'the old one is not';
    is events($id, 'reuse_detected'), 1, 'and is taken for theft';
};

subtest 'the thief comes' => sub {
    for my $case ([ 'first', 0 ], [ 'second', 1 ]) {
        my ($who, $owner_is_first) = @$case;
        my ($stolen, $id) = a_session();
        my $next = offer($stolen, $id);    # to whoever asks first
        is page($next)->status, 200, "$who: one of both has the next token";
        is page($stolen)->status, 200, 'the other goes on while the old one lasts';
        end_grace($id);
        my $response = with_token($first, $stolen)
            ->get('/static/page.html', headers => [ [ Accept => 'text/html' ] ]);
        like $response->header('Location'), qr/why=reuse/, 'and is then refused';
        all_have_heard();
        is page($next)->status, 401, 'together with the one who has it';
        my $event = sql(
            "select event, detail ? 'authenticated_from', detail ? 'presented_from'
                from secsession.event
            where session_id = :'id' and event = 'reuse_detected'", id => $id
        );
        is $event, 'reuse_detected|t|t', 'with an event that names both addresses';
    }
};

subtest 'requests that waited in the browser' => sub {
    my @agent = (headers => [ [ 'User-Agent' => 'Browser' ] ]);
    my $get = sub { with_token($_[0], $_[1])->get('/app/show', @_[ 2 .. $#_ ]) };
    my $older = sub {
        sql(
            "update secsession.other_token set retired_at = retired_at - interval '1 min',
                grace_until = grace_until - interval '1 min'
            where session_id = :'id' and retired_at is not null", id => $_[0]
        );
        return all_have_heard();
    };
    my ($old, $id) = a_session();
    my $next = offer($old, $id);
    is $get->($first, $next, @agent)->status, 200, 'the next token is in use';
    $older->($id);
    is $get->($_, $old, @agent)->status, 200, 'a minute later they are served with the old one'
        for $first, $second, $first;
    is $get->($second, $old, @agent)->header('Set-Cookie'), undef,
        'and leave the browser its cookie';
    is events($id, 'reuse_detected'), 0, 'nobody takes them for theft';
    is $get->($first, $old)->status, 401, 'another browser has stolen it';
    all_have_heard();
    is $get->($_, $next, @agent)->status, 401, 'and ends the session' for $first, $second;
    is events($id, 'reuse_detected'), 1, 'with an event';

    ($old, $id) = a_session();
    $next = offer($old, $id);
    $get->($first, $next, @agent);
    $older->($id);
    is with_token($first, $old)->logout(@agent)->status, 303, 'a logout that waited';
    is $get->($_, $next, @agent)->status, 401, 'ends the session' for $first, $second;
    is events($id, 'logout'), 1, 'as a logout';
};

subtest 'a login ends what was offered' => sub {
    my ($old, $id) = a_session();
    my $next = offer($old, $id);
    my $alice = with_token($first, $old);
    is $alice->login('alice', password_of('alice'))->status, 303, 'the user logs in once more';
    is page($next)->status, 401, 'what was offered before is worth nothing';
    is page($alice->token)->status, 200, 'and its use harms nobody';
    is events($id, 'reuse_detected'), 0, 'it is no theft';
};

subtest 'an application that logs out in a response which takes long' => sub {
    my ($old, $id) = a_session();
    my $slow = with_token($first, $old)->start_request('GET', '/said/leave');
    $first->slow_started('leave');
    my $next = offer($old, $id);
    page($next);
    end_grace($id);
    $first->let_go('leave');
    is $slow->finish->status, 200, 'while the token changes';
    is page($next)->status, 401, 'ends the session all the same';
    is events($id, 'logout'), 1, 'as a logout';
};

subtest 'a session that has ended accepts neither its old nor its next token' => sub {
    my ($old, $id) = a_session();
    my $next = offer($old, $id);
    sql("select secsession.revoke_session(:'id', 'test')", id => $id);
    all_have_heard();
    is page($_)->status, 401, 'a revoked session has no good token' for $old, $next;
    my ($other, $its) = a_session();
    my $offered = offer($other, $its);
    is with_token($first, $other)->logout->status, 303, 'a logout with the old token';
    is page($_)->status, 401, 'ends the session for both' for $other, $offered;
    my ($third, $third_id) = a_session();
    age($third_id, 601);
    sql("select secsession.revoke_session(:'id', 'test')", id => $third_id);
    all_have_heard();
    is offered(page($third)) // 'none', '',
        'and a session that has ended is offered nothing: its cookie is deleted';
};

subtest 'a database that is read-only' => sub {
    my ($old, $id) = a_session();
    my ($other, $its) = a_session();
    my $next = offer($other, $its);
    age($id, 601);
    sql('alter system set default_transaction_read_only = on');
    sql('select pg_reload_conf()');
    wait_until { $postgres->value('show default_transaction_read_only') eq 'on' }
        'as during a failover';
    is page($old)->status, 200, 'the session goes on without another token';
    is page($next)->status, 200, 'also under one that was offered before';
    $postgres->psql(
        "set default_transaction_read_only = off; alter system reset default_transaction_read_only"
    );
    sql('select pg_reload_conf()');
    wait_until { $postgres->value('show default_transaction_read_only') eq 'off' } 'it is back';
    wait_until { offered(page($old)) } 'and the token is offered';
    is page($next)->status, 200, 'and the other session goes on';
};

subtest 'rotation can be switched off' => sub {
    my $off = Secsession::Httpd->start(
        postgres => $postgres, config =>
            Secsession::Test::standard_config(config => "SecSessionRotateInterval off\n"),
        files => { 'static/page.html' => 'x' }
    );
    my $alice = browser($off, 'alice');
    sql("update secsession.session set rotated_at = rotated_at - interval '1 day'");
    has_heard($postgres);
    is offered($alice->get('/static/page.html')), undef, 'off: no token is offered';
};

done_testing;
