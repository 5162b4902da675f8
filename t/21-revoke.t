# Revocations: what each ends, what the audit trail keeps of it, and that none is ever undone. Also
# purging. (The trigger on an application's table: t/29-revoke-on-change.t.)
use lib 't/lib';
use Secsession::Test;
use Secsession::Psql;

my $postgres = Secsession::Postgres->start->install;

sub sql { return $postgres->psql(@_) }
sub revoke { return $postgres->value("select secsession.$_[0]", user => 'admin_role') }
sub refused { return $postgres->psql_fails("select secsession.$_[0]", user => 'admin_role') }

my $logins = 0;
sub login {
    my ($user, %opt) = @_;
    my ($realm, $address, $token) =
        ($opt{realm} // 'r', $opt{address} // '192.0.2.1', 't' . ++$logins);
    my $moment = $opt{moment} ? "'$opt{moment}'" : 'null';
    my $state = $postgres->value(
        "select state from secsession.authenticate(row(sha256('$token'), null, '$realm', '$user',
        'form', $moment, '$address', null, 1000, 2000)::secsession.login)", user => 'httpd_web'
    );
    die "$user: $state" if $state ne 'live';
    return [ $token, $realm ];
}
sub state_of {
    my ($token, $realm) = @{ $_[0] };
    return sql("select concat_ws('/', state, end_reason) from secsession.lookup(sha256('$token'), '$realm', 0, 0)", user => 'httpd_web');
}
sub states { return join ' ', map { state_of($_) =~ s{^ended/}{}r } @_ }
sub id_behind { return sql("select session_id from secsession.token where token_hash = sha256('$_[0][0]')") }

# The events since the last call, oldest first.
my $last_event = 0;
sub new_events {
    my ($columns) = @_;
    my $events = sql(
        "select concat_ws(' ', $columns) from secsession.event
        where event_id > $last_event and event not in ('created', 'authenticated')
        order by event_id"
    );
    $last_event = sql('select coalesce(max(event_id), 0) from secsession.event');
    return join '; ', split /\n/, $events;
}

subtest 'one session' => sub {
    my ($one, $other) = (login('alice'), login('alice'));
    my $id = id_behind($one);
    is revoke("revoke_session('$id', 'lost phone')"), 1, 'it counts one';
    is states($one, $other), 'revoked live', 'that session is refused, the other is not';
    is new_events('event, session_id, user_name, client_addr, actor, reason'), "revoked $id alice 192.0.2.1 admin_role lost phone",
        'the trail names the session, the administrator and the reason';
    is revoke("revoke_session('$id', 'again')"), 0, 'again, it counts none';
    is new_events(q(event, coalesce(session_id::text, '-'), reason, detail->>'session_id')), "revoked - again $id",
        'and the attempt is in the trail';
    sql("update secsession.session set expires_at = now() where session_id = '" . id_behind($other) . q('));
    is revoke("revoke_session('" . id_behind($other) . "', 'late')"), 0,
        'one that had expired unnoticed is not counted';
    is state_of($other), 'ended/absolute', 'and keeps its true reason';
    is new_events('event, reason'), 'expired_absolute; revoked late', 'as does the trail';
};

subtest 'a user' => sub {    # ASVS 5.0 7.4.2 7.4.5
    my @alice = (login('alice'), login('alice'), login('alice', realm => 'q'));
    my $bob = login('bob');
    new_events('event');
    is revoke("revoke_user('alice', 'left', 'q')"), 1, 'in one realm it counts the sessions there';
    is states(@alice, $bob), 'live live revoked live', 'and ends only those';
    is revoke("revoke_user(user_name => 'alice', reason => 'left')"), 2, 'in all realms it counts the rest';
    is states(@alice, $bob), 'revoked revoked revoked live', 'all of this user\'s, nobody else\'s';
    is new_events('event, realm, user_name, actor, reason'),
        join('; ', ('revoked q alice admin_role left'), ('revoked r alice admin_role left') x 2), 'each has its event';
    is revoke("revoke_user('Alice', 'typo')"), 0, 'a name is compared letter by letter';
    is new_events('event, user_name, reason'), 'revoked Alice typo',
        'a revocation that found nobody is in the trail';
    is state_of(login('alice')), 'live', 'the user can log in again';
    is revoke(q{revoke_user(E'x'' or true --\\\\', E'it''s \\\\ %s')}), 0, 'names and reasons are only data';
    is new_events('user_name, reason'), q(x' or true --\\ it's \\ %s), 'kept as they are';
    is state_of($bob), 'live', 'and harm nobody';
};

subtest 'whoever has switched off standard_conforming_strings' => sub {
    my $off = 'set standard_conforming_strings = off; set escape_string_warning = off;';
    my $as = sub { return sql("$off $_[1]", user => $_[0]) };
    my $enters = sub {
        my ($token, $user) = @_;
        return "select state from secsession.authenticate(row(sha256('$token'), null, 'r', '$user',
            'form', null, '192.0.2.1', null, 1000, 2000)::secsession.login)";
    };
    # Its letters are those of the escapes by which the blanks and controls are written.
    my $user = 'alice20cab0';
    is $as->(httpd_web => $enters->('off1', $user)), 'live', 'a login';
    is $as->(httpd_web => "select state || '/' || user_name from secsession.lookup(sha256('off1'), 'r', 0, 0)"),
        "live/$user", 'is served';
    for my $bad ("x\x01", "\x1f", "x\x7f", "\xe2\x80\xa9x") {
        like $postgres->psql_fails("$off " . $enters->('off2', $bad), user => 'httpd_web'),
            qr/user_name must not/, 'a name with a control or a blank is refused';
    }
    is $as->(admin_role => "select secsession.revoke_user('  $user\xc2\xa0', 'x')"), 1,
        'a revocation finds whom it names';
    is $as->(httpd_web => "select state || '/' || end_reason from secsession.lookup(sha256('off1'), 'r', 0, 0)"),
        'ended/revoked', 'who is out';
    sql("create table off_account (name text, password text);
        insert into off_account values ('$user', 'old');
        create trigger revoke after update of password on off_account for each row
            execute function secsession.revoke_on_change('name')");
    login($user);
    sql("$off update off_account set password = 'new'");
    is sql("select count(*) from secsession.active_session where user_name = '$user'"), 0,
        'and so does a trigger';
    is sql("$off select count(*) from secsession.event_partitions() where end_at is null"), 1,
        'the months of the trail are read as they are';
    is $as->(httpd_web => "select secsession.login_failed('r', '$user', '192.0.2.77', 'x', 3, 60)"), '',
        'failures';
    is sql("select user_key = secsession.throttle_user('$user') from secsession.login_attempt where address = '192.0.2.77' and user_key <> ''"),
        't', 'are counted for the same user';
};

subtest 'logins under way' => sub {
    my %revocation = (
        'the user' => "revoke_user('carol', 'x')", 'the user in this realm' => "revoke_user('carol', 'x', 'r')",
        'all' => "revoke_all('x')", 'all in this realm' => "revoke_all('x', 'r')",
    );
    for my $what (sort keys %revocation) {
        my $moment = sql("select secsession.login_moment()", user => 'httpd_web');
        revoke($revocation{$what});
        ok !eval { login('carol', moment => $moment) },
            "a password that was checked before a revocation of $what is worth nothing";
        my $late = login('carol');
        sql(      "update secsession.session set login_seen = '$moment' where session_id = '"
                . id_behind($late)
                . q('));
        is sql("select count(*) from secsession.active_session where user_name = 'carol'",
            user => 'admin_role'), 0,
            'a login that committed late is not listed';
        new_events('event');
        is state_of($late), 'ended/revoked', 'and is refused';
        is state_of($late), 'ended/revoked', 'for good';
        is new_events('event, user_name, reason'),
            'revoked carol x',
            'with the event of that revocation';
    }
    my $carol = login('carol');
    revoke("revoke_user('carol', 'x', 'elsewhere')");
    revoke("revoke_all('x', 'elsewhere')");
    is state_of($carol), 'live', 'a revocation in another realm does not concern it';
};

subtest 'an address or network' => sub {
    my ($near, $far, $six) = map { login('dan', address => $_) } qw(198.51.100.7 203.0.113.9 2001:db8::1);
    is revoke("revoke_address('198.51.100.0/24', 'botnet')"), 1, 'a network';
    is states($near, $far, $six), 'revoked live live', 'ends only what came from there';
    is revoke("revoke_address('2001:db8::1', 'botnet')"), 1, 'an IPv6 address';
    is revoke("revoke_address('203.0.113.10', 'botnet')"), 0, 'an address nobody came from';
    is state_of($far), 'live', 'ends nothing';
};

subtest 'before a moment' => sub {
    my ($old, $old_there, $new) = (login('eve'), login('eve', realm => 'q'), login('eve'));
    sql("update secsession.session set authenticated_at = authenticated_at - interval '1 h' where session_id = '$_'") for map { id_behind($_) } $old, $old_there;
    is revoke("revoke_before(now() - interval '30 min', 'leak', 'r')"), 1, 'in one realm';
    is states($old, $old_there, $new), 'revoked live live', 'only what is older, and only there';
    is revoke("revoke_before(now() - interval '30 min', 'leak')"), 1, 'in all';
    is states($old_there, $new), 'revoked live', 'what came later stays';
};

subtest 'everything' => sub {    # ASVS 5.0 7.4.5
    my ($here, $there) = (login('fay'), login('gus', realm => 'q'));
    is revoke("revoke_all('fire', 'q')"), 1, 'of one realm';
    is states($here, $there), 'live revoked', 'ends that realm';
    cmp_ok revoke("revoke_all('fire')"), '>', 0, 'everywhere';
    is states($here, $there), 'revoked revoked', 'ends all';
    is sql('select count(*) from secsession.active_session', user => 'auditor_role'), 0, 'nobody is left';
    is state_of(login('fay')), 'live', 'a new login is good';
};

subtest 'refusals' => sub {
    for my $call ("revoke_user('a', null)", "revoke_user('a', ' ')", "revoke_all('')", "revoke_session(gen_random_uuid(), '')",
        "revoke_address('192.0.2.1', null)", "revoke_before(now(), '')") {
        like refused($call), qr/needs a reason.*HINT:.*say why/s, "no reason: $call";
    }
    like refused("revoke_user('', 'x')"), qr/user_name must have/, 'an empty name does not mean everybody';
    like refused("revoke_user(null, 'x')"), qr/user_name must have/, 'nor does null';
    like refused($_), qr/realm must not be empty/, "an empty realm does not mean all: $_"
        for "revoke_all('x', '')", "revoke_user('a', 'x', '')";
    for my $blank ("\xc2\xa0", "\xe3\x80\x80 \xe2\x80\xa8", "\t\n") {
        like refused("revoke_user('a', '$blank')"), qr/needs a reason/, 'nor is a reason of blanks one';
    }
    like refused($_), qr/must not be null/, "null: $_"
        for "revoke_session(null, 'x')", "revoke_address(null, 'x')", "revoke_before(null, 'x')";
};

subtest 'transactions' => sub {
    my $hal = login('hal');
    new_events('event');
    is sql("begin; select secsession.revoke_user('hal', 'x'); rollback", user => 'admin_role'), 1,
        'a revocation that is rolled back';
    is state_of($hal), 'live', 'revokes nothing';
    is new_events('event'), '', 'and leaves no event';
    is sql("begin isolation level $_; select secsession.revoke_user('hal', 'x'), secsession.revoke_all('x'); rollback", user => 'admin_role') =~ /^1\|/, 1,
        "a user can be revoked in $_" for 'repeatable read', 'serializable';
    for my $level ('repeatable read', 'serializable') {
        for my $call ("revoke_address('192.0.2.9', 'x')", "revoke_before('infinity', 'x')") {
            my $late = Secsession::Psql->new($postgres, 'admin_role');
            $late->run("begin isolation level $level; select;");
            my $hot = login('hot', address => '192.0.2.9');
            $late->run("select secsession.$call; commit;");
            is state_of($hot), 'ended/revoked',
                "$call in $level ends what the transaction cannot see, too";
        }
    }
    $hal = login('hal');
    is sql(
        "set synchronous_commit = off; begin; select secsession.revoke_user('hal', 'x'); show "
            . "synchronous_commit; commit",
        user => 'admin_role'),
        "1\non", 'an acknowledged revocation is on disk whatever the session had set';
    is state_of($hal), 'ended/revoked', 'committed, it holds';
};

subtest 'purging' => sub {
    sql('update secsession.session set expires_at = now() + interval \'1 h\'');
    my ($live, $left, $idle, $over) = map { login("mia$_") } 1 .. 4;
    sql("select secsession.logout(sha256('$left->[0]'), 'r')", user => 'httpd_web');
    sql("update secsession.session set last_seen_at = now() - interval '1 d' where user_name = 'mia3'");
    sql("update secsession.session set expires_at = now() where user_name = 'mia4'");
    my $over_id = id_behind($over);
    new_events('event');
    is sql('select secsession.purge()', user => 'httpd_web'), 1, 'what has passed its absolute end goes';
    is state_of($over), '', 'its token is then unknown';
    is new_events('event, session_id'), "expired_absolute $over_id",
        'and its end is in the trail, though no request noticed it';
    is states($live, $left, $idle), 'live logout idle', 'the rest keeps being known for what it is, ended or not';
    sql("update secsession.session set expires_at = now() where user_name ~ '^mia'");
    new_events('event');
    is sql('select secsession.purge(2)', user => 'admin_role'), 2, 'a batch is no larger than asked for';
    is sql('select secsession.purge(2)', user => 'admin_role'), 1, 'the next takes the rest';
    is new_events('event, user_name'), 'expired_absolute mia1', 'with an end only for those that had none';
    for my $call ('purge', 'sweep') {
        like sql("select secsession.$call(2147483647)", user => $_), qr/^\d+$/, "$call of as many as can be said"
            for qw(httpd_web admin_role);
    }
    login('kim');
    my $heard = sub {
        my $before = sql('select secsession.login_moment()', user => 'httpd_web');
        sql($_[0]);
        return scalar(() = sql("select keys from secsession.news_since('$before')") =~ /\w+/g);
    };
    is $heard->(
        "update secsession.session set expires_at = now() - interval '1 s' where user_name = 'kim'"
    ), 1, 'an end that is brought forward is told to the servers';
    is $heard->('select secsession.purge(100)'), 1,
        'and so is a purge: it may be that this clock alone has passed the end';
    new_events('event');

    sql(
        "update secsession.event_log set at = at - interval '181 days' where event_id <= (select "
            . "min(event_id) + 4 from secsession.event_log)"
    );
    my $events = sql('select count(*) from secsession.event_log');
    sql('select secsession.purge()', user => 'httpd_web');
    is sql('select count(*) from secsession.event_log'), $events - 3, 'events go after 180 days';
    sql("insert into secsession.setting (event_retention) values ('400 days'); update secsession.event_log set at = at - interval '181 days'");
    sql('select secsession.purge()', user => 'httpd_web');
    is sql('select count(*) from secsession.event_log'), $events - 3, 'or when the superuser has decided';
    like refused("purge($_)"), qr/batch must be above 0/, "purge($_) is refused" for 0, -1, 'null';
};

done_testing;
