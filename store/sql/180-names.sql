-- Migration 10: one name for each user, and what it takes to find it by another spelling.

alter table secsession.session
    add column is_lowercase boolean not null default false;
comment on column secsession.session.is_lowercase is
    'Whether the letters of user_name have been made lower case by the web server: then other '
    'spellings name the same user.';

alter table secsession.revocation
    add column only_lowercase boolean not null default false,
    add check (only_lowercase <= (user_name <> ''));
comment on column secsession.revocation.only_lowercase is
    'user: the name was written otherwise, and only sessions whose is_lowercase is true are meant.';

-- Blanks at the ends of a name have never been a part of it.
update secsession.session s
set user_name = btrim(s.user_name, ' ')
where s.ended_at is null
and s.user_name <> btrim(s.user_name, ' ')
and btrim(s.user_name, ' ') <> '';

alter table secsession.login_attempt
    add column pending integer not null default 0 check (pending >= 0);
comment on column secsession.login_attempt.pending is
    'How many of them are being checked; of a user from an address.';

alter table secsession.session
    drop column moved_to,
    add column moved_addrs inet[] check (cardinality(moved_addrs) <= 32);
comment on column secsession.session.moved_addrs is
    'The other addresses that it has been used from since the login, each of which has an event: '
    'the last few; null: none.';

drop function if exists secsession.count_attempt(
    text, bytea, text, text, inet, integer, interval
);
drop function if exists secsession.authenticate(
    secsession.login, jsonb, boolean, integer, boolean, bytea
);
