-- Migration 3: tokens that are offered, sessions that stay signed in, how many a user may have, and
-- the address a session is bound to.

alter table secsession.session
    add column rotated_at timestamptz not null default now(),
    add column bound_addr inet,
    add column moved_to inet,
    add column credential_stamp bytea,
    add column stamp_checked_at timestamptz;

comment on column secsession.session.rotated_at is
    'When its last token was made or offered.';
comment on column secsession.session.bound_addr is
    'The address that the session is bound to, if it is another than client_addr: it has moved there.';
comment on column secsession.session.moved_to is
    'The other address that it was last refused from; null: none.';
comment on column secsession.session.credential_stamp is
    'A keyed fingerprint of the record by which its user was authenticated; null: there is none.';
comment on column secsession.session.stamp_checked_at is
    'When a web server last compared it with the record.';

alter table secsession.token
    add column offered_grace integer check (offered_grace >= 0),
    add check (offered_grace is null or retired_at is null);

comment on column secsession.token.offered_grace is
    'It is offered: the first request with it makes it current, and then the token before it is served for so many seconds; null: it is no offer, or no more.';

create table secsession.login_turn (
    realm text collate "C" not null,
    user_name text collate "C" not null,
    primary key (realm, user_name)
);

comment on table secsession.login_turn is
    'Has a row for each user whose sessions are counted: its lock lets the logins of a user in one after the other.';
comment on column secsession.login_turn.realm is 'The realm.';
comment on column secsession.login_turn.user_name is 'The user.';

alter type secsession.session_answer
    add attribute persistent boolean,
    add attribute rotated_at timestamptz,
    add attribute bound_addr inet,
    add attribute is_stamped boolean,
    add attribute credential_stamp bytea;
comment on column secsession.session_answer.persistent is 'See session.';
comment on column secsession.session_answer.rotated_at is 'See session.';
comment on column secsession.session_answer.bound_addr is
    'The address that the session is bound to, where the web server binds sessions.';
comment on column secsession.session_answer.is_stamped is
    'Whether it has a credential_stamp: web servers then remember the session for a minute at most.';
comment on column secsession.session_answer.credential_stamp is
    'See session; given to one web server a minute, which is to compare it.';
comment on column secsession.session_answer.state is
    'live, anonymous (live, but nobody has authenticated), retired (an old token: refused, without harm to the session), ended, or full (the user has as many sessions as a user may have).';

drop function if exists secsession.logout(bytea, text);
drop function if exists secsession.authenticate(
    bytea, bytea, text, text, text, bigint, inet, text, integer, integer, pg_snapshot, jsonb
);
