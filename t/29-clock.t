# The database's clock is set forward or back: nobody gets in who should not, nobody waits for
# longer than was meant, and what has ended is told to every web server. As if: it is the times in
# the tables that are moved.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;
use Secsession::Psql;

my $postgres = calls_of(Secsession::Postgres->start->install);

sub httpd { return $postgres->psql($_[0], user => 'httpd_web') }

# What is told to web servers since the snapshot $seen.
sub news { return httpd("select news from secsession.heartbeat('{}', '{}', '$_[0]')") // '' }
sub seen { return httpd(q(select seen from secsession.heartbeat('{}', '{}', null))) }
sub key_of { return stored($_[0], q(left(replace(session_id::text, '-', ''), 16))) }

subtest 'a clock that is set forward by nine hours' => sub {
    for my $kind ('revoke_session', 'logout', 'lookup') {
        login($kind, 'alice');
        my ($key, $seen) = (key_of($kind), seen());
        my $id = stored($kind, 'session_id');
        set_session($kind, "created_at = created_at - interval '9 h', authenticated_at =
            authenticated_at - interval '9 h', last_seen_at = last_seen_at - interval '9 h',
            expires_at = expires_at - interval '9 h'");
        $seen = seen();
        if ($kind eq 'revoke_session') {
            sql("select secsession.revoke_session('$id', 'x')");
        } elsif ($kind eq 'logout') {
            httpd("select secsession.logout(sha256('$kind'), 'r')");
        } else {
            look($kind);
        }
        like news($seen), qr/$key/, "web servers are told of the end by $kind";
    }
};

subtest 'a clock that is set back by an hour' => sub {
    login('old', 'bob');
    my $id = stored('old', 'session_id');
    sql("update secsession.session set rotated_at = now() - interval '1 d'");
    httpd("select secsession.offer_token('$id', sha256('old'), sha256('new'), 1, 10)");
    is state_of('new'), 'live', 'the next token is used';
    is state_of('old'), 'live', 'the one before it is in its grace';
    sql("update secsession.other_token set retired_at = retired_at + interval '1 h', grace_until =
        grace_until + interval '1 h' where retired_at is not null");
    is state_of('old'), 'retired', 'which does not become longer: it is refused';
    is httpd(q(select secsession.logout(sha256('old'), 'r'))), 0, 'nor is it good for a logout';
    is state_of('new'), 'live', 'and the session goes on';

    my $attempt = sub {
        return httpd(q(select coalesce(wait, 0) from
            secsession.login_begin('r', 'carol', '192.0.2.8', 2, 300)));
    };
    for (1 .. 2) {
        $attempt->();
        httpd(q(select secsession.login_failed('r', 'carol', '192.0.2.8', 'wrong', 2, 300)));
    }
    cmp_ok $attempt->(), '>', 0, 'after too many attempts there is a pause';
    sql("update secsession.login_attempt set last_at = last_at + interval '1 h', blocked_until =
        blocked_until + interval '1 h'");
    is $attempt->(), 0, 'which does not become an hour longer';

    sql(q(update secsession.session set credential_stamp = '\x01', stamp_checked_at =
        now() + interval '1 h'));
    ok look('new')->{credential_stamp}, 'a user\'s record is looked at, and not an hour later';
};

subtest 'what web servers are told is kept until they have heard it' => sub {
    my $seen = seen();
    my $late = Secsession::Psql->new($postgres, 'httpd_web');
    login('kept', 'erin');
    login('late', 'erin');
    $late->run(q(begin; select secsession.logout(sha256('late'), 'r');));
    httpd(q(select secsession.logout(sha256('kept'), 'r')));
    my $pass = sub {    # as if minutes had passed
        for (1 .. $_[0]) {
            sql(q(update secsession.change_mark set at = at - interval '11 s'));
            httpd('select secsession.sweep()');
        }
    };
    my $changes = sub {
        my ($token) = @_;
        my $key = key_of($token);
        return sql("select count(*) from secsession.change where key = '$key'");
    };
    httpd('select secsession.sweep()');
    sql(q(update secsession.change_mark set at = at - interval '9 h'));
    httpd('select secsession.sweep()') for 1 .. 3;
    is $changes->('kept'), 1, 'although the clock is set forward by hours';
    $pass->(7);
    is $changes->('kept'), 0, 'after minutes it is removed';
    $late->run('commit;');
    httpd('select secsession.sweep()');
    is $changes->('late'), 1, 'but not what was done minutes ago and committed only now';
    like news($seen), qr/@{[ key_of('late') ]}/, 'which they hear';
    $pass->(7);
    is $changes->('late'), 0, 'and which is removed then';
};

subtest 'the last use' => sub {
    login('short', 'dan', idle => 1000);
    for my $idle_cap (0, 20) {
        set_session('short', "last_seen_at = now() - interval '5 s'");
        look('short', 'r', $idle_cap, 0);
        is stored('short', "last_seen_at > now() - interval '4 s'"), $idle_cap ? 't' : 'f',
            $idle_cap ? 'is written in time for a location with a short idle timeout'
                : 'is not written before a hundredth of the idle timeout has passed';
    }
};

is sql(q(select count(*) from pg_index i join pg_class t on t.oid = i.indrelid
    cross join unnest(i.indkey::int[], i.indcollation::oid[]) as k (column_number, collation_id)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.column_number
    join pg_collation c on c.oid = k.collation_id
    where t.relnamespace = 'secsession'::regnamespace and c.collname <> 'C')), 0,
    'no index depends on the system\'s locales';

done_testing;
