# The audit trail: nobody but its owner changes it, it is kept for as long as it shall be and no longer, what is typed into
# it cannot be taken for another event, and it tells the web server what the web server wrote, and nobody else anything.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(checkout run);
use Secsession::Psql;

my $postgres = Secsession::Postgres->start->install;
my @roles = qw(httpd_web admin_role auditor_role stranger);

sub sql { return $postgres->psql(@_) }
sub trail { return sql('select count(*), md5(string_agg(l::text, chr(10) order by event_id)) from secsession.event_log l') }

sub fail_as {
    my ($user, %opt) = @_;
    return sql("select secsession.login_failed('r', :'user', '192.0.2.7', :'reason')", user => 'httpd_web',
        vars => { user => $user, reason => $opt{reason} // 'wrong' });
}

# What an administrator sees of a script: its output, or its lines.
sub script {
    my ($script, @options) = @_;
    my ($exit, $out, $err) = run([ $postgres->client(user => 'admin_role'), @options, '-f', checkout() . "/store/admin/$script.sql" ]);
    is "$exit$err", 0, "$script.sql runs";
    return $out;
}

subtest 'nobody but its owner can add to the trail, change it, or take anything out' => sub {
    sql('create role stranger login');
    fail_as($_) for qw(alice bob);
    sql("select secsession.revoke_user('alice', 'left')", user => 'admin_role');
    my $before = trail();
    my $all = 'event, session_id, realm, user_name, client_addr, actor, reason, detail';
    for my $relation (qw(secsession.event_log secsession.event)) {
        my @tries = (
            "insert into $relation (event) values ('logout')", "insert into $relation default values",
            "insert into $relation ($all) select $all from secsession.event", "update $relation set user_name = 'bob'",
            "update $relation set at = at - interval '1 year'", "update $relation set reason = null where false",
            "delete from $relation", "delete from $relation where user_name = 'alice'", "truncate $relation", "truncate $relation cascade",
            "copy $relation from stdin", "merge into $relation using (select 1) x on true when matched then delete",
            "with gone as (delete from $relation returning 1) select count(*) from gone", "begin; lock $relation in access exclusive mode",
            "alter table $relation rename to other", "drop table $relation", "drop view $relation cascade",
            "create rule quiet as on insert to $relation do instead nothing", "select * from $relation for update",
        );
        for my $role (@roles) {
            my @let = grep {
                $postgres->psql_fails("$_;", user => $role)
                    !~ /permission[ ]denied|must[ ]be[ ]owner|is[ ]not[ ]a[ ](?:table|view)
                        |execute[ ]MERGE|(?:from|into|update)[ ]view/x
            } @tries;
            is_deeply \@let, [], "$role cannot change $relation";
        }
    }
    my @more = (
        'alter table secsession.event_log disable trigger all', 'drop trigger tell_event on secsession.event_log',
        'create trigger mine before insert on secsession.event_log for each row execute function suppress_redundant_updates_trigger()',
        q(update secsession.setting set event_retention = '0'), 'delete from secsession.setting', 'truncate secsession.setting',
        q(insert into secsession.setting values (true, '0')), 'alter sequence secsession.event_log_event_id_seq restart',
        q(select setval('secsession.event_log_event_id_seq', 1)), 'set session_replication_role = replica', 'set role secsession_owner',
        q(select secsession.log_event('logout', null, null, 'alice', null, null)), q(select secsession.tell_event()),
        'select * from secsession.event_log',
    );
    for my $role (@roles) {
        my @let = grep { $postgres->psql_fails("$_;", user => $role) !~ /permission denied|must be owner|can only be called as triggers/ } @more;
        is_deeply \@let, [], "$role cannot get at it in other ways, or shorten its retention";
    }
    is trail(), $before, 'it is as it was';
    like $postgres->psql_fails('select * from secsession.event', user => $_), qr/permission denied/, "$_ cannot read it" for qw(httpd_web stranger);
};

# A session that somebody else holds gets its tombstone from whoever commits first.
subtest 'an administrator is named whoever ends the session first' => sub {
    my %first = (
        'its logout' => [ httpd_web => q(select secsession.logout(null, 'r', '#')) ],
        'a logout everywhere' =>
            [ httpd_web => q(select secsession.revoke_own('#', false, 'everywhere')) ],
        'the web server, since its client moved' =>
            [ httpd_web => q(select secsession.client_moved('#', '203.0.113.5', 'end')) ],
        'the web server, since its record changed' =>
            [ httpd_web => q(select secsession.end_changed('#')) ],
        'another administrator' => [ other_admin => q(select secsession.revoke_session('#', 'y')) ],
        'another administrator, with all of the user' =>
            [ other_admin => q(select secsession.revoke_user('held', 'y')) ],
    );
    sql('create role other_admin login in role secsession_admin');
    my $n = 0;
    for my $what (sort keys %first) {
        my ($role, $statement) = @{ $first{$what} };
        for my $call (q(revoke_user('held', 'why #')), q(revoke_address('192.0.2.44', 'why #')),
            q(revoke_session('#id', 'why #'))) {
            $n++;
            sql("select secsession.authenticate(row(sha256('held$n'), null, 'r', 'held', 'form', null,
                '192.0.2.44', null, 1000, 2000)::secsession.login)", user => 'httpd_web');
            my $id = sql("select session_id from secsession.session where token_hash = sha256('held$n')");
            my $holder = Secsession::Psql->new($postgres, $role);
            $holder->run('begin; ' . $statement =~ s/#/$id/r . ';');
            sql('select secsession.' . $call =~ s/#id/$id/r =~ s/#/$n/r, user => 'admin_role');
            is sql("select count(*) from secsession.event where actor = 'admin_role'
                and reason = 'why $n' and event = 'revoked'"), 1,
                "at once, beside $what: $call";
            $holder->run('commit;');
            sql('select secsession.sweep()', user => 'httpd_web') for 1 .. 2;
            is sql("select count(*) > 0 from secsession.event where actor = 'admin_role'
                and reason = 'why $n'"), 't', 'and for good';
            is sql("select ended_at is not null from secsession.session where session_id = '$id'"), 't',
                'the session has ended';
        }
    }
    sql('truncate secsession.event_log');
    fail_as($_) for qw(alice bob);
};

subtest 'it is kept for its retention, and no longer' => sub {
    my $kept = sub { return sql(q(select string_agg(user_name, ' ' order by event_id) from secsession.event_log where realm = 'r' and event = 'login_failed')) };
    my $retain = sub { sql("insert into secsession.setting (event_retention) values ('$_[0]')
        on conflict (only_row) do update set event_retention = excluded.event_retention") };
    my $set_age = sub { sql("update secsession.event_log set at = now() - interval '$_[1]' where user_name = '$_[0]'") };
    fail_as($_) for qw(old young);
    $set_age->(old => '180 days 1 s');
    $set_age->(young => '179 days 23 hours 59 min');
    sql('select secsession.purge(1000000)', user => 'admin_role');
    is $kept->(), 'alice bob young', 'what is older goes, what is younger stays, however much is to be removed';
    $retain->('1 hour');
    fail_as($_) for qw(over under);
    $set_age->(over => '61 min');
    $set_age->(under => '59 min');
    sql('select secsession.purge()', user => 'httpd_web');
    is $kept->(), 'alice bob under', 'or as the superuser has set it';
    like $postgres->psql_fails("update secsession.setting set event_retention = '-1 hour'"), qr/check constraint/, 'but nothing that is still to come';
    $retain->('1 hour');
    sql("update secsession.event_log set at = now() - interval '2 hours'
        where user_name in ('alice', 'bob', 'under')");
    sql("insert into secsession.event_log (event, at) select 'login_failed', now() - interval '2 hours' from generate_series(1, 25)");
    is sql('select secsession.purge(1)', user => 'httpd_web'), 1, 'where there are events alone' for 1 .. 2;
    cmp_ok sql('select secsession.purge(1)', user => 'httpd_web'), '>', 0, 'whoever purges';
    is sql('select secsession.purge(1)', user => 'httpd_web'), 0, 'is told when there are no more';
    is $kept->() // '', '', 'then they are gone';
    $retain->('180 days');
};

subtest 'a month of it that is past its retention goes at once, and nobody waits for that' => sub {
    my $begin = q{date_trunc('month', now() at time zone 'UTC' - interval '1 year')};
    my $month = 'secsession.event_log_' . sql("select to_char($begin, 'YYYY_MM')");
    my $is_there = sub { sql("select to_regclass('$month') is not null") };
    my $left = sub { sql("select count(*) from $month") };
    sql(
        "select secsession.make_event_month($begin);
        insert into secsession.event_log (at, event, user_name)
            select $begin at time zone 'UTC' + n * interval '1 s', 'logout', 'longago'
            from generate_series(1, 5000) n"
    );
    is sql("select count(*) from secsession.event where user_name = 'longago'"), 0,
        'nobody is shown it any more';
    my $reader = Secsession::Psql->new($postgres);
    $reader->run("begin; select count(*) from $month;");
    sql('select secsession.purge(1)', user => 'httpd_web');
    is $left->(), 5000, 'while somebody reads it, it stays, and purge does not wait for that';
    $reader->run('rollback;');
    is sql('select secsession.purge(1)', user => 'httpd_web'), 1,
        'then purge says that it removed something';
    is $left->(), 0, 'and all of it is gone, however small the batch';
    is $is_there->(), 't', 'but for an empty partition';
    $postgres->script(checkout() . '/store/install.sql');
    is $is_there->(), 'f', 'until install.sql is run again';
};

subtest 'an event can always be written' => sub {
    my $months = sub {
        my @names = split /\n/,
            sql('select partition_id from secsession.event_partitions() where not is_default');
        return @names;
    };
    my $seen = sub { sql("select count(*) from secsession.event where user_name = '$_[0]'") };
    is scalar(my @two = $months->()), 2, 'there are partitions for this month and the next';
    sql("drop table $_") for $months->();
    fail_as('nomonth');
    is $seen->('nomonth'), 1, 'also where nobody has made a partition for its month';
    sql('select secsession.purge()', user => 'httpd_web') for 1, 2;
    is $seen->('nomonth'), 1, 'where it stays';
    is scalar(my @one = $months->()), 1, 'and the next month has one again';
    sql("drop table $one[0]");
    my $purger = Secsession::Psql->new($postgres, 'httpd_web');
    sql('truncate secsession.event_log');
    $purger->run('begin; select secsession.purge();');
    $purger->run('rollback;');
    is scalar(my @none = $months->()), 0, 'a purge that is taken back has made none';
    sql('select secsession.purge()', user => 'httpd_web');
    $purger->run('begin; select secsession.purge();');
    fail_as('meanwhile');
    is $seen->('meanwhile'), 1, 'nobody waits for a purge that has not come to its end';
    $purger->run('rollback;');
};

# What is typed as a name, sent as a browser, or given as a reason.
my $LINE = '2026-01-01 00:00:00+00 | logout | r | alice | | | httpd_web | |';
my @HOSTILE = (
    "x\n $LINE", "x\r\n$LINE", "x\r $LINE", "\x1b[2K\x1b[1A$LINE", "\x1b]0;title\x07", "\x08\x08\x08", "\t|\t", "x\x0b\x0c", "\x7f\x7f",
    "\xc2\x9b2K", "\xc2\x85$LINE", "\xe2\x80\xa8$LINE", "\xe2\x80\xaeecila", "\xe2\x81\xa6", 'a | b', q('; drop), '"', '\\n', '%s',
);
my $QUOTED = join ',', map { q(E') . s/(['\\])/\\$1/gr . q(') } @HOSTILE;
my %ALIGNED = (aligned => [], 'aligned, with a frame' => [ '-P', 'border=2' ]);
my %FORMAT = (%ALIGNED, unaligned => ['-A'], 'without a frame' => [ '-P', 'border=0' ], unicode => [ '-P', 'linestyle=unicode' ], tuples => ['-t'],
    'tuples, unaligned' => ['-At'], csv => ['--csv'], expanded => ['-x']);

sub has_control { return $_[0] =~ s/\n//gr =~ /[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]/ }

subtest 'what is typed cannot be taken for another event' => sub {
    sql('truncate secsession.event_log');
    for my $text (@HOSTILE) {
        fail_as($text, reason => $text);
        sql("select secsession.revoke_user(:'user', :'reason')", user => 'admin_role', vars => { user => 'nobody', reason => $text });
    }
    my $all = 2 * @HOSTILE;
    is sql('select count(*) from secsession.event where reason = any (array[' . $QUOTED . '])'),
        $all, 'the trail has it as it is';
    for my $format (sort keys %FORMAT) {
        my $out = script('audit', @{ $FORMAT{$format} });
        ok !has_control($out), "audit.sql, $format: nothing that moves a cursor";
        my $begun = $format eq 'expanded' ? qr/^-\[ RECORD \d+ \]/m : qr/^[| \xe2\x94\x82]*\d{4}-\d\d-\d\d [\d:.]+/m;
        is scalar(() = $out =~ /$begun/g), $all, "$format: as many events as there are";
        is scalar(split /\n/, $out), $all, "$format: a line each" if $format =~ /^tuples/;
    }
    for my $format (sort keys %ALIGNED) {
        my ($exit, $out) = run([ $postgres->client(user => 'auditor_role'), @{ $ALIGNED{$format} }, '-c', 'select * from secsession.event' ]);
        ok $exit == 0 && $out !~ /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/, "the view in psql, $format: nothing that moves a cursor";
        is scalar(() = $out =~ /^(?:\| )? ?\d{4}-\d\d-\d\d /mg), $all, "$format: as many events as there are";
    }
};

subtest 'nor what a browser calls itself for a session' => sub {
    for my $n (0 .. $#HOSTILE) {
        sql("select secsession.authenticate(row(sha256('$n'), null, 'r', 'user$n', 'form', secsession.login_moment(), null, :'agent', 1000, 1000)::secsession.login)",
            user => 'httpd_web', vars => { agent => $HOSTILE[$n] });
    }
    my $out = script('list', '-At');
    ok !has_control($out), 'list.sql: nothing that moves a cursor';
    is scalar(split /\n/, $out), scalar @HOSTILE, 'a line each';
};

subtest 'in databases of other encodings' => sub {
    for my $encoding (qw(LATIN1)) {
        sql("create database \L$encoding\E encoding '$encoding' template template0 locale 'C'");
        my ($exit, undef, $err) = $postgres->script(checkout() . '/store/install.sql', db => lc $encoding,
            vars => { roles => 'secsession' });
        is $exit, 0, "$encoding: it installs" or diag $err;
        # httpd sends and reads UTF-8, whatever the database takes it for.
        sql("select secsession.login_failed('r', E'\\u0001\xc3\x9b\xd0\x96\"', null, 'x')", user => 'httpd_web', db => lc $encoding);
        my ($code, $out) = run([ $postgres->client(user => 'admin_role', db => lc $encoding), '-At', '-f', checkout() . '/store/admin/audit.sql' ]);
        like $out, qr/^\d{4}-[^\n]*\|\?\xc3\x9b\xd0\x96"\|[^\n]*\n\z/, 'audit.sql shows them';
    }
};

done_testing;
