# An application's own table of users: the trigger revoke_on_change() ends the sessions of those
# whose password or name changes, or who are removed, and of nobody else.
use lib 't/lib';
use Secsession::Test;
use Secsession::Calls;

my $postgres = Secsession::Postgres->start->install;
calls_of($postgres);
sql(<<'SQL');
create role app login;
create table app_user (
    id int primary key, "Login Name" varchar(300), password text, seen timestamptz, notes json
);
insert into app_user (id, "Login Name", password) values
    (1, 'ida', 'a'), (2, 'jon', 'b'), (3, null, 'c'), (4, '', 'd'), (5, repeat('x', 300), 'e'),
    (6, 'kim', 'f'), (7, 'lea', 'g');
create trigger revoke after update of password, "Login Name" or delete on app_user
    for each row execute function secsession.revoke_on_change('Login Name');
create trigger revoke_all after truncate on app_user
    for each statement execute function secsession.revoke_on_change('Login Name');
grant select, update, delete, truncate, insert on app_user to app;
SQL

my $logins = 0;
sub enter {
    my ($user) = @_;
    my $token = "$user " . ++$logins;
    login($token, $user);
    return $token;
}
sub states { return join ' ', map { state_of($_) =~ s{^ended/}{}r } @_ }
sub as_app { return sql($_[0], user => 'app') }
sub revocations { return $postgres->count('revocation') }
sub last_event {
    return sql(
        "select concat_ws(' ', event, user_name, actor, reason) from secsession.event
        where event = 'revoked' order by event_id desc limit 1"
    );
}

subtest 'whose password changes, or who is removed, is out' => sub {    # ASVS 5.0 7.4.2
    my ($ida, $jon) = map { enter($_) } qw(ida jon);
    as_app("begin; update app_user set password = 'z' where id = 1; rollback");
    is states($ida), 'live', 'a change that is rolled back logs nobody out';
    as_app("update app_user set password = 'z' where id = 1");
    is states($ida, $jon), 'revoked live', 'a changed password ends that user\'s sessions';
    is last_event(), 'revoked ida app update of public.app_user', 'in the name of who changed it';
    as_app('delete from app_user where id = 2');
    is states($jon), 'revoked', 'and a deleted user';
    my $kim = enter('kim');
    as_app("update app_user set password = 'y' where id in (3, 4, 5)");
    is states($kim), 'live', 'rows whose name nobody can have do no harm';
};

subtest 'who is renamed' => sub {
    my ($kim, $john) = map { enter($_) } qw(kim john);
    as_app(q{begin isolation level repeatable read;
        update app_user set "Login Name" = 'john' where id = 6; commit});
    is states($kim), 'revoked', 'is out under the old name, in repeatable read, too';
    is states($john), 'live', 'and not under the new one';
    my $lea = enter('lea');
    as_app(q{insert into app_user (id, "Login Name", password) values (6, 'kim', 'f')
        on conflict (id) do update set "Login Name" = excluded."Login Name"});
    is states($john, $lea), 'revoked live', 'also where a row is inserted or updated';
    my $kim_again = enter('kim');
    as_app(q{update app_user set "Login Name" = case id when 6 then 'lea' else 'kim' end
        where id in (6, 7)});
    is states($kim_again, $lea), 'revoked revoked', 'two that take each other\'s name are both out';
};

subtest 'a change is one of the value' => sub {
    my ($ida, $before) = (enter('ida'), revocations());
    as_app('update app_user set password = password, "Login Name" = "Login Name"');
    is states($ida), 'live', 'a row that is written as it was';
    as_app(q{update app_user set id = id, "Login Name" = "Login Name", password = password,
        seen = now(), notes = '{"a": 1}' where id = 1});
    is states($ida), 'live', 'or with other columns changed';
    as_app(q{insert into app_user (id, "Login Name", password) values (1, 'ida', 'z')
        on conflict (id) do update set password = excluded.password, seen = now()});
    is states($ida), 'live', 'or whose password is set to what it is';
    as_app('insert into app_user (id, "Login Name", password) '
        . "select n, 'user ' || n, md5(n::text) from generate_series(1001, 21000) n");
    as_app('update app_user set password = password');
    as_app('update app_user set password = password, seen = clock_timestamp()');
    is revocations(), $before, 'twenty thousand rows of that kind make no revocation';
    as_app(q{update app_user set password = password || case id when 1 then 'z' else '' end});
    is states($ida), 'revoked', 'the one among them that changes is found';
    is revocations(), $before + 1, 'alone';
    my $again = enter('ida');
    as_app('update app_user set password = null where id = 1');
    is states($again), 'revoked', 'a password that is taken away is a change';
};

subtest 'a trigger without columns watches all' => sub {
    sql(q{create table whole (name text, password text, notes json);
        insert into whole values ('ida', 'a', '{}');
        create trigger t after update or delete on whole for each row
            execute function secsession.revoke_on_change('name')});
    my $ida = enter('ida');
    sql('update whole set name = name, notes = notes');
    is states($ida), 'live', 'the same row';
    sql(q{update whole set notes = '{"a": 1}'});
    is states($ida), 'revoked', 'another value';
};

subtest 'a table that is emptied' => sub {
    my ($ida, $nobody) = map { enter($_) } qw(ida nobody);
    as_app('begin; truncate app_user; rollback');
    is states($ida), 'live', 'not until that is committed';
    as_app('truncate app_user');
    is last_event(), 'revoked app truncate of public.app_user', 'leaves one event';
    is states($ida, $nobody), 'revoked revoked', 'ends every session: nobody knows whose rows it had';
};

subtest 'a table of the users of one realm' => sub {
    sql(q{create table other (name text);
        insert into other values ('ida'), ('jon');
        create trigger t after update or delete on other for each row
            execute function secsession.revoke_on_change('name', 'elsewhere');
        create trigger u after truncate on other for each statement
            execute function secsession.revoke_on_change('name', 'elsewhere')});
    my $ida = enter('ida');
    my $there = authenticate('there', 'ida') =~ s/'r'/'elsewhere'/r;
    call($there);
    my $there_too = authenticate('there too', 'jon') =~ s/'r'/'elsewhere'/r;
    call($there_too);
    sql("delete from other where name = 'ida'");
    is states($ida), 'live', 'leaves the others alone';
    is look('there', 'elsewhere')->{state}, 'ended', 'and ends the sessions of that one';
    sql('truncate other');
    is states($ida), 'live', 'when it is emptied, too';
    is look('there too', 'elsewhere')->{state}, 'ended', 'all of them';
};

subtest 'a name that is written otherwise' => sub {
    sql(q{create table people (name text);
        insert into people values ('Pia '), ('   ');
        create trigger t after update or delete on people for each row
            execute function secsession.revoke_on_change('name')});
    my ($pia, $exact) = ('pia 1', enter('pia'));
    call(authenticate($pia, 'pia') =~ s/\)$/, is_lowercase => true)/r);
    my $upper = enter('Pia');
    sql('delete from people');
    is states($pia, $upper, $exact), 'revoked revoked live',
        'blanks do not matter, nor case where the web server says so';
};

subtest 'wrong use is refused with what to do' => sub {
    my $wrong_use = qr/does not use revoke_on_change as it must be.*HINT:.*for each row/s;
    my %wrong = (
        'no argument' => [ 'after update on misuse for each row', '' ],
        'three arguments' => [ 'after update on misuse for each row', "'name', 'r', 'x'" ],
        'not for each row' => [ 'after update on misuse', "'name'" ],
        'before' => [ 'before update on misuse for each row', "'name'" ],
        'for an insert' => [ 'after insert on misuse for each row', "'name'" ],
        'before it is emptied' => [ 'before truncate on misuse', "'name'" ],
        'an unknown column' => [
            'after update on misuse for each row', "'nobody'",
            qr/the table public.misuse has no column "nobody"/
        ],
        'a type with code of its own' => [
            'after update on misuse for each row', "'own'",
            qr/type public.own, which is not built in/
        ],
        'an empty realm' =>
            [ 'after update on misuse for each row', "'name', ''", qr/realm must not be empty/ ],
    );
    sql(q{create type own as enum ('a'); create table misuse (name text, own own);
        insert into misuse values ('a', 'a')});
    for my $what (sort keys %wrong) {
        my ($when, $arguments, $message) = @{ $wrong{$what} };
        like $postgres->psql_fails(
            "begin; create trigger t $when execute function secsession.revoke_on_change($arguments);
            update misuse set name = 'b'; insert into misuse values ('c'); truncate misuse"
            ),
            $message // $wrong_use, $what;
    }
};

subtest 'types that are text in all but name' => sub {
    sql(
        q{create domain login as text; create table good (name login, number int, padded char(9));
        insert into good values ('kim', 7, 'pat');
        create trigger t after update on good for each row
            execute function secsession.revoke_on_change('name');
        create trigger u after delete on good for each row
            execute function secsession.revoke_on_change('number');
        create trigger v after delete on good for each row
            execute function secsession.revoke_on_change('padded')}
    );
    my ($kim, $seven, $pat) = map { enter($_) } qw(kim 7 pat);
    sql("update good set name = 'lea'");
    is states($kim), 'revoked', 'a domain over text';
    sql('delete from good');
    is states($seven, $pat), 'revoked revoked', 'a number, and what is padded with blanks';
};

done_testing;
