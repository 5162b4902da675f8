# Anonymous sessions and the vault in the database: the functions that the module calls, what they keep, whom
# they tell, and that no session loses anything when a database of before is upgraded.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use Secsession::Process qw(checkout run scratch);
use Secsession::Psql;

my $postgres = calls_of(Secsession::Postgres->start(settings => { autovacuum => 'off' })->install);

# name => value, or name => { value =>, path =>, domain =>, host_only =>, same_site =>, left => }; without a value
# the cookie is removed.
sub cookies {
    my @all;
    while (my ($name, $is) = splice @_, 0, 2) {
        my %cookie = (domain => 'h', path => '/', host_only => 'true', same_site => '', left => 'null', ref $is ? %$is : (value => $is));
        my ($value) = map { defined $_ ? '"' . unpack('H*', $_) . '"' : 'null' } $cookie{value};
        push @all, sprintf '{"name":"%s","domain":"%s","path":"%s","value":%s,"host_only":%s,"same_site":"%s","left":%s}',
            map({ unpack 'H*', $_ } $name, @cookie{qw(domain path)}), $value, @cookie{qw(host_only same_site left)};
    }
    return "'[" . join(',', @all) . "]'";
}

sub start { my ($token, $cookies, $realm) = @_; return call("begin_session(sha256('$token'), '" . ($realm // 'r') . "', '192.0.2.1', 'Browser', 1000, 2000, $cookies)") }
sub id_behind { return sql("select session_id from secsession.token where token_hash = sha256('$_[0]')") }
# The session and its authentication, as two arguments.
sub of_id { return "'$_[0]', '" . sql("select authenticated_at from secsession.session where session_id = '$_[0]'") . "'" }
sub of_token { return of_id(id_behind($_[0])) }
sub keep { my ($token, @cookies) = @_; return sql('select secsession.keep_cookies(' . of_token($token) . ', ' . cookies(@cookies) . ')', user => 'httpd_web') }

sub vault_by_id {
    return join ' ', split /\n/, sql("select convert_from(name, 'UTF8') || '=' || convert_from(value, 'UTF8') from secsession.vault_of(" . of_id($_[0]) . ')', user => 'httpd_web');
}
sub vault { return vault_by_id(id_behind($_[0])) }
sub version {
    return sql("select distinct version from secsession.vault_of(" . of_token($_[0]) . ')',
        user => 'httpd_web');
}
sub logged_in {
    my ($token, $user, $cookies, %opt) = @_;
    return call(authenticate($token, $user, %opt) =~ s/\)\z/, $cookies)/r);
}
sub fails { return $postgres->psql_fails("\\set VERBOSITY verbose\n$_[0]", user => 'httpd_web') }

subtest 'anonymous sessions' => sub {
    my $new = start('a1', cookies(a => 1, b => 2));
    is $new->{state}, 'anonymous', 'a session begins without a user';
    is $new->{user_name}, undef, 'and has none';
    is $new->{vault_version}, 1, 'its vault has been changed once';
    is vault('a1'), 'a=1 b=2', 'and holds the cookies, in order';
    is_deeply [ @{ look('a1') }{qw(state session_id vault_version)} ], [ 'anonymous', $new->{session_id}, 1 ], 'the next request finds it';
    set_session('a1', "last_seen_at = now() - interval '500 s'");
    is state_of('a1'), 'anonymous', 'also when its use is written';
    is stored('a1', "now() - last_seen_at < interval '9 s'"), 't', 'which keeps it alive';
    is events('a1') // '', '', 'the trail says nothing of it';
    is sql("select count(*) from secsession.active_session where session_id = '$new->{session_id}'"), 0, 'no administrator sees a user in it';

    is start('a1', cookies(a => 1))->{session_id}, $new->{session_id}, 'the same call again gives the same session';
    is sql("select count(*) from secsession.token where session_id = '$new->{session_id}'"), 1, 'with one token';
    is events('a1') // '', '', 'and no event';
    login('a2', 'alice');
    like fails("select secsession.begin_session(sha256('a2'), 'r', null, null, 9, 9, " . cookies(evil => 1) . ')'), qr/23505: .*token_hash is in use/,
        'nobody gets a token of a user';
    is vault('a2'), '', 'nor a cookie into that session';
    like fails("select secsession.begin_session(sha256('a1'), 'other', null, null, 9, 9, " . cookies(evil => 1) . ')'), qr/token_hash is in use/,
        'nor of another realm';
    is vault('a1'), 'a=1 b=2', 'whose session keeps what it had';
    like fails("select secsession.begin_session('\\x00', 'r', null, null, 9, 9, '[]')"), qr/22023: .*32 bytes/, 'a hash of another length is refused';

    sql("select secsession.revoke_session('$new->{session_id}', 'test')", user => 'admin_role');
    is_ended('a1', 'revoked', 'an administrator can end it');
    is start('a1', cookies(a => 3))->{state}, 'ended', 'and it does not begin again';
    is sql("select string_agg(convert_from(value, 'UTF8'), ' ' order by value) from secsession.vault where session_id = '$new->{session_id}'"), '1 2',
        'nor keeps anything';
    start('a5', cookies(a => 5));
    logged_in('a6', 'alice', 'null', old => 'a5');
    is start('a5', cookies(a => 6))->{state}, 'retired', 'who is slower than the login of the same visitor gets no error';
    is vault('a6'), 'a=5', 'and brings nothing along';
    is sql("select secsession.state_of_token(t, '192.0.2.1', 'Browser', t.retired_at - interval '1 s')
            from secsession.token t where t.token_hash = sha256('a5')"), 'retired',
        'not even a look-up that began before the login finds the user by the old token';
    start('a3', cookies(a => 1));
    sql("select secsession.revoke_all('test')", user => 'admin_role');
    is_ended('a3', 'revoked', 'a revocation of everything ends anonymous sessions too');
    start('a4', cookies(a => 1));
    is state_of('a4'), 'anonymous', 'those that begin later live';
};

subtest 'a login takes the vault along' => sub {
    my $anonymous = start('l1', cookies(basket => 7));
    my $alice = logged_in('l2', 'alice', cookies(sid => 'x'), old => 'l1');
    is $alice->{state}, 'live', 'a login in an anonymous session';
    is $alice->{session_id}, $anonymous->{session_id}, 'goes on with that session';
    is vault('l2'), 'basket=7 sid=x', 'its vault, and what came with the login';
    is $alice->{vault_version}, version('l2'), 'the answer says the version';
    is state_of('l1'), 'retired', 'the anonymous token is refused at once';
    sql(
        "update secsession.other_token set retired_at = now() - interval '20 s', "
            . "grace_until = now() - interval '20 s' where token_hash = sha256('l1')"
    );
    is events('l2'), 'created authenticated', 'for the trail it begins with that';
    is look('l2')->{user_name}, 'alice', 'the user is hers';
    is logged_in('l2', 'alice', cookies(sid => 'x'), old => 'l1')->{session_id}, $alice->{session_id}, 'the same call again gives the same session';
    is vault('l2'), 'basket=7 sid=x', 'and the same vault';

    my $again = logged_in('l3', 'alice', 'null', old => 'l2');
    is $again->{session_id}, $alice->{session_id}, 'she logs in again';
    is vault('l3'), 'basket=7 sid=x', 'and keeps the vault';
    my $bob = logged_in('l4', 'bob', cookies(own => 1), old => 'l3');
    isnt $bob->{session_id}, $alice->{session_id}, 'another user who logs in there gets another session';
    is vault('l4'), 'own=1', 'and nothing of her vault';
    is vault_by_id($alice->{session_id}), '', 'which nobody reads any more';

    my $moment = moment();
    sql("select secsession.revoke_user('carol', 'test')", user => 'admin_role');
    start('l5', cookies(basket => 8));
    my $revoked = logged_in('l6', 'carol', cookies(sid => 'y'), old => 'l5', moment => $moment);
    is "$revoked->{state}/$revoked->{end_reason}", 'ended/revoked',
        'a login that was revoked meanwhile is refused';
    is vault('l5'), 'basket=8', 'the anonymous session goes on with what it had';
    is state_of('l5'), 'anonymous', 'and without a user';

    my $counts = 'select (select count(*) from secsession.session), (select count(*) from secsession.vault), (select count(*) from secsession.event_log)';
    my $before = sql($counts);
    like fails('select secsession.'
            . (authenticate('l7', 'dave', old => 'l5') =~ s/\)\z/, /r)
            . cookies(map { ("c$_" => 1) } 1 .. 51)
            . ')'),
        qr/54000: .*vault of session/, 'a login that brings too many cookies fails';
    is sql($counts), $before, 'and leaves all as it was';
    is state_of('l5'), 'anonymous', 'the anonymous session too';
};

subtest 'what is kept' => sub {
    login('k', 'alice');
    is keep('k', a => 1, b => 2), 1, 'two cookies are kept';
    is keep('k', c => 3, a => 4), 2, 'one is added, one replaced';
    is vault('k'), 'a=4 b=2 c=3', 'which keeps its place';
    keep('k', b => {});
    is vault('k'), 'a=4 c=3', 'one is removed';
    keep('k', b => 5, nothing => {});
    is vault('k'), 'a=4 c=3 b=5', 'and set again it comes last';
    keep('k', map { ("o$_" => $_) } reverse 1 .. 9);
    is vault('k'), 'a=4 c=3 b=5 ' . join(' ', map { "o$_=$_" } reverse 1 .. 9), 'those of one response come in their order';
    keep('k', map { ($_ => {}) } 'a', 'b', 'c', map { "o$_" } 1 .. 9);
    is sql("select name is null, version > 0 from secsession.vault_of(" . of_token('k') . ')'), 't|t', 'an empty vault has a version still';

    keep('k', a => 1, a => { value => 2, path => '/p' }, a => { value => 3, domain => 'd' }, a => { value => 4, host_only => 'false' });
    is vault('k'), 'a=1 a=2 a=3 a=4', 'path, domain and host-only make another cookie';
    keep('k', a => { host_only => 'false' }, a => { path => '/p' });
    is vault('k'), 'a=1 a=3', 'and each is removed by itself';
    keep('k', a => { value => '', same_site => 'strict' });
    is sql("select same_site, length(value) from secsession.vault where value = ''"), 'strict|0', 'what is replaced is replaced wholly';
    like fails("select secsession.keep_cookies(" . of_token('k') . ', ' . cookies(a => { value => 1, same_site => 'no' }) . ')'), qr/23514/, 'what is no SameSite is refused';

    sql("insert into secsession.vault (session_id, name, domain, path, value, host_only, same_site, created_at)
        select '" . id_behind('k') . "', decode(repeat(md5(random()::text), 256), 'hex'), '\\x68', '\\x2f', '', true, '', now()");
    my @random = map { join '', map { chr int rand 256 } 1 .. $_ } 4095, 1024, 253;
    keep('k', $random[0] => { value => 'v', path => "/$random[1]", domain => $random[2] });
    is sql("select count(*) from secsession.vault where length(name) = 4095 and length(path) = 1025"), 1, 'the longest name and path that a browser keeps are kept';
    keep('k', $random[0] => { value => 'w', path => "/$random[1]", domain => $random[2] });
    is sql("select count(*), min(convert_from(value, 'UTF8')) from secsession.vault where length(name) = 4095"), '1|w', 'once';
};

subtest 'limits' => sub {
    login('n', 'alice');
    my $before;
    my $is_refused = sub {
        my ($name, @cookies) = @_;
        like fails("select secsession.keep_cookies(" . of_token('n') . ', ' . cookies(@cookies) . ')'), qr/54000: .*is full\nHINT: .*50 cookies/, $name;
        is version('n') . '|' . vault('n'), $before, 'and leaves all as it was';
    };
    keep('n', map { ("c$_" => 1) } 1 .. 50);
    is sql("select count(*) from secsession.vault where session_id = '" . id_behind('n') . "'"), 50, 'fifty cookies are kept';
    $before = version('n') . '|' . vault('n');
    $is_refused->('one more is refused', new => 1, c1 => 2);
    is keep('n', c1 => 2, c2 => {}, new => 1), 2, 'unless another goes';
    sql("update secsession.vault set expires_at = now() where name = 'c3' and session_id = '" . id_behind('n') . "'");
    is keep('n', newer => 1), 3, 'or has expired';

    keep('n', map { ("c$_" => {}) } 1 .. 50);
    keep('n', new => {}, newer => {});
    my $sealed = 'x' x (4096 - 4 + 29);
    is keep('n', map { ("big$_" => $sealed) } 1 .. 4), 6, '16 KiB of names and values are kept, and what seals them';
    $before = version('n') . '|' . vault('n');
    $is_refused->('one byte more is refused', big1 => $sealed . 'x');
};

subtest 'expiry' => sub {
    login('e', 'alice');
    keep('e', gone => { value => 1, left => 0 }, late => { value => 2, left => -5 }, soon => { value => 3, left => 100 }, ever => 4);
    is vault('e'), 'soon=3 ever=4', 'what has expired is not told';
    is sql("select string_agg(coalesce(seconds_left::text, 'null'), ' ') from secsession.vault_of(" . of_token('e') . ')') =~ /^(99|100) null$/ && 1, 1,
        'the rest with the time that is left';
    keep('e', other => 5);
    is sql("select count(*) from secsession.vault where session_id = '" . id_behind('e') . "'"), 3, 'and is removed at the next change';
    sql("update secsession.vault set expires_at = now() - interval '1 s' where name = 'soon'");
    keep('e', soon => 6);
    is vault('e'), 'ever=4 other=5 soon=6', 'set again it is a new one';
};

subtest 'ended sessions' => sub {
    for my $case (
        [ 'revoked', sub { sql("select secsession.revoke_user('erna', 'test')", user => 'admin_role') } ],
        [ 'logout', sub { sql("select secsession.logout(sha256('z'), 'r')", user => 'httpd_web') } ],
        [ 'absolute', sub { set_session('z', 'expires_at = now()'); look('z') } ],
        [ 'idle', sub { set_session('z', "last_seen_at = now() - interval '1 day'"); look('z') } ],
    ) {
        my ($reason, $end) = @$case;
        sql("delete from secsession.session where user_name = 'erna'");
        logged_in('z', 'erna', cookies(a => 1));
        $end->();
        my $id = id_behind('z');
        is keep('z', a => 2), '', "a session that ended ($reason) keeps nothing";
        is sql("select count(*) from secsession.vault_of(" . of_id($id) . ')'), 0, 'and tells nothing';
        is sql("select convert_from(value, 'UTF8') from secsession.vault where session_id = '$id'"), 1, 'nothing was written';
        is_ended('z', $reason, 'nor did it come back');
    }
    my %unnoticed = (
        'past its end' => sub { set_session('z', 'expires_at = now()') },
        'idle' => sub { set_session('z', "last_seen_at = now() - interval '1 day'") },
        'revoked' => sub {
            my $holder = Secsession::Psql->new($postgres);
            $holder->run("begin; update secsession.session set user_agent = 'held';");
            sql("select secsession.revoke_user('erna', 'test')", user => 'admin_role');
        },
    );
    for my $unnoticed (sort keys %unnoticed) {
        sql("delete from secsession.session where user_name = 'erna'");
        logged_in('z', 'erna', cookies(a => 1));
        $unnoticed{$unnoticed}->();
        is stored('z', 'ended_at'), '', "a session that is $unnoticed has no tombstone yet";
        is keep('z', a => 2), '', 'and keeps nothing';
        is sql("select count(*) from secsession.vault_of(" . of_token('z') . ')'), 0,
            'nor tells anything';
    }
    is sql("select secsession.keep_cookies(gen_random_uuid(), now(), '[]')", user => 'httpd_web'), '', 'one that never was keeps nothing';
    is sql('select count(*) from secsession.vault_of(gen_random_uuid(), now())', user => 'httpd_web'), 0, 'and tells nothing';

    my $held = "select count(*) from secsession.vault where session_id = '" . id_behind('z') . "'";
    is sql($held), 1, 'a vault stays as long as its session\'s row';
    set_session('z', "expires_at = now() - interval '1 s'");
    sql('select secsession.purge()', user => 'httpd_web');
    is sql($held), 0, 'and goes with it when that is purged';
    start('y', cookies(a => 1));
    my $id = id_behind('y');
    sql("delete from secsession.session where session_id = '$id'");
    is sql("select count(*) from secsession.vault where session_id = '$id'"), 0, 'or deleted';
};

subtest 'what servers are told' => sub {
    my $seen = moment();
    my $heard = sub {
        my $key = substr id_behind($_[0]) =~ s/-//gr, 0, 16;
        my ($now, $news) =
            split /\|/, sql("select seen, keys from secsession.news_since('$seen')"), 2;
        $seen = $now;
        return scalar(() = $news =~ /\b$key\b/g);
    };
    start('h1', cookies(a => 1));
    keep('h1', a => 2);
    is $heard->('h1'), 0, 'of an anonymous session\'s vault nothing: none remembers one';
    logged_in('h2', 'alice', cookies(b => 1), old => 'h1');
    $heard->('h2');
    keep('h2', a => 3);
    is $heard->('h2'), 1, 'of a user\'s they hear';
    keep('h2', a => {});
    is $heard->('h2'), 1, 'also when a cookie goes';
    is $heard->('h2'), 0, 'once each';
    is sql("select secsession.vault_of(session_id, authenticated_at) is null from secsession.session where token_hash = sha256('h2')") =~ tr/f//, 1, 'reading is no news';
    is $heard->('h2'), 0, 'to anybody';
};

subtest 'a user\'s own sessions' => sub {
    login("o$_", 'otto') for 1 .. 3;
    login('elsewhere', 'olga');
    my $own = sub {
        return sql("select secsession.revoke_own('" . id_behind($_[0]) . "', $_[1], 'test')",
            user => 'httpd_web');
    };
    my $moment = moment();
    is $own->('o2', 'true'), 2, 'all but one are ended';
    is join(' ', map { state_of("o$_") } 1 .. 3), 'ended/revoked live ended/revoked', 'that one lives on';
    is state_of('elsewhere'), 'live', 'and those of others';
    is login('late', 'otto', moment => $moment)->{state}, 'ended',
        'a login that was under way is refused';
    is $own->('o1', 'true'), 0, 'a session that has ended ends no other';
    is state_of('o2'), 'live', 'none';
    is login('o4', 'otto')->{state}, 'live', 'a login that begins later is let in';
    is $own->('o2', 'false'), 2, 'all are ended';
    is join(' ', map { state_of("o$_") } 2, 4), 'ended/revoked ended/revoked', 'that one too';
    start('nobodys', cookies(a => 1));
    is $own->('nobodys', 'false'), 0, 'who is nobody ends nobody\'s';
    is state_of('nobodys'), 'anonymous', 'not even this';
    is sql("select secsession.revoke_own(gen_random_uuid(), false, 'test')", user => 'httpd_web'), 0, 'nor does one that never was';
    is sql("select count(*) from secsession.event_log where reason = 'test' and detail ->> 'revoked' = 'own'"), 4, 'the trail has each session';
};

subtest 'the moment of a login' => sub {
    my $at = sub {
        my ($token, $user, $moment) = @_;
        return login($token, $user, moment => $moment)->{state};
    };
    my $before = moment();
    is $at->('m1', 'mona', $before), 'live', 'a login that nobody revoked is let in';
    sql("select secsession.revoke_user('mona', 'test')", user => 'admin_role');
    is $at->('m2', 'mona', $before), 'ended', 'one that asked before a revocation is refused';
    is $at->('m3', 'mona', moment()), 'live', 'one that asked later is let in';
    is $at->('m4', 'max', $before), 'live', 'and one of another user';
    sql("select secsession.revoke_user('mona', 'test', 'elsewhere')", user => 'admin_role');
    is $at->('m5', 'mona', moment()), 'live', 'another realm is another\'s';
    $before = moment();
    sql("select secsession.revoke_all('test', 'r')", user => 'admin_role');
    is $at->('m6', 'max', $before), 'ended', 'a revocation of the realm refuses';
    $before = moment();
    sql("select secsession.revoke_all('test')", user => 'admin_role');
    is $at->('m7', 'max', $before), 'ended', 'and one of everything';
    $before = moment();
    is sql("begin; select secsession.revoke_user('max', 'test'); rollback", user => 'admin_role')
        =~ /\d/, 1, 'one that was not committed';
    is $at->('m8', 'max', $before), 'live', 'refuses nobody';
    sql("update secsession.revocation set raised_by = '1000000000000', swept_at = null");
    is $at->('m9', 'max', moment()), 'live',
        'a database that came from another cluster locks nobody out';
};

# The last commits with these versions, and how a login was called then.
my %old = (
    1 => [ '4a6fab9', "sha256('%s'), null, 'r', '%s', 'form', %s, '192.0.2.1', 'B', 1000, 2000" ],
    5 => [
        '1cafa9b',
        "row(sha256('%s'), null, 'r', '%s', 'form', %s, '192.0.2.1', 'B', 1000, "
            . "2000)::secsession.login"
    ],
);

sub upgrade {
    my ($version, $old, $arguments) = @_;
    my $folder = scratch("old$version");
    my %in = (db => "upgraded$version");
    my ($exit) =
        run([ 'git', '-C', checkout(), 'archive', '-o', "$folder/store.tar", $old, 'store' ]);
    plan skip_all => "the history has no $old" if $exit;
    is + (run([ 'tar', '-xf', "$folder/store.tar", '-C', $folder ]))[0], 0,
        'its SQL is there';
    sql("create database $in{db}");
    is + ($postgres->script("$folder/store/install.sql", %in))[1],
        "secsession: the schema is at version $version\n", 'it is installed';
    my $login = sub {
        my ($token, $user) = @_;
        my $call = sprintf $arguments, $token, $user, "secsession.login_epoch('r', '$user')";
        return sql("select (secsession.authenticate($call)).state", %in, user => 'httpd_web');
    };
    sql("select secsession.revoke_user('u3', 'test')", %in);
    is $login->("t$_", "u$_"), 'live', "u$_ logs in" for 1 .. 4;
    sql("select secsession.logout(sha256('t2'), 'r')", %in);
    my $rows = "select session_id, token_hash, user_name, epoch, expires_at, end_reason from secsession.session order by user_name";
    my $before = sql($rows, %in);

    my @upgrade = $postgres->script(checkout() . '/store/install.sql', db => 'upgraded');
    is $upgrade[1], "secsession: the schema is at version 11\n", 'it is upgraded' or diag $upgrade[2];
    like $upgrade[2], qr/database app has the same roles/, 'with a word about roles that another database has, too';
    is sql($rows, %in), $before, 'every session is as it was';
    is join(' ', map { sql("select coalesce(state || coalesce(end_reason, ''), '') from secsession.lookup(sha256('t$_'), 'r', 0, 0)", %in, user => 'httpd_web') } 1 .. 3),
        'live endedlogout live', 'who was logged in is, and who was not is not';
    is sql("select vault_version from secsession.lookup(sha256('t1'), 'r', 0, 0)", %in, user => 'httpd_web'), 0, 'with an empty vault';
    is sql("select secsession.keep_cookies(session_id, authenticated_at, " . cookies(a => 1) . ") from secsession.lookup(sha256('t1'), 'r', 0, 0)", %in, user => 'httpd_web'), 1, 'that can be filled';
    is sql("select (secsession.authenticate(row(sha256('t4'), sha256('t3'), 'r', 'u3', 'form', null, null, null, 9, 9)::secsession.login, secsession.login_moment())).session_id
        = (select session_id from secsession.session where token_hash = sha256('t3'))", %in, user => 'postgres'), 't', 'who was revoked before the upgrade logs in again, with a moment';
    is sql("select secsession.revoke_user('u1', 'test')", %in), 1, 'and whoever is revoked';
    is sql("select state from secsession.lookup(sha256('t1'), 'r', 0, 0)", %in, user => 'httpd_web'), 'ended', 'is out';
    is sql("select count(*) from pg_proc where pronamespace = 'secsession'::regnamespace and proname = 'authenticate'", %in), 1, 'no function of version 1 is left beside its successor';
    is sql("select count(*) from pg_proc p where p.pronamespace = 'secsession'::regnamespace", %in),
        sql("select count(*) from pg_proc p where p.pronamespace = 'secsession'::regnamespace"), 'there are just the functions of a new database';
};

done_testing;
