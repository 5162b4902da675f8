-- Migration 7: the audit trail in months, so that what is past its retention goes with the files of
-- its month and costs nothing; one event in place of the two of a login; smaller indexes.

drop view if exists secsession.event;
drop trigger if exists tell_event on secsession.event_log;
alter table secsession.event_log alter column event_id drop identity;
alter table secsession.event_log drop constraint event_log_pkey;
alter table secsession.event_log rename to event_log_before;
alter index secsession.event_log_at rename to event_log_before_at;
alter index secsession.event_log_user rename to event_log_before_user;

-- An event that the view shows as two takes two numbers.
create sequence secsession.event_log_event_id_seq increment by 2;

create table secsession.event_log (
    at timestamptz not null default clock_timestamp(),
    event_id bigint not null default nextval('secsession.event_log_event_id_seq'),
    session_id uuid,
    event text not null,
    realm text collate "C",
    user_name text collate "C",
    client_addr inet,
    actor text not null default session_user,
    reason text,
    detail jsonb not null default '{}',
    constraint event_log_event_check check (event in (
        'login', 'created', 'authenticated', 'rotated', 'reuse_detected', 'login_failed',
        'login_throttled', 'logout', 'expired_idle', 'expired_absolute', 'revoked',
        'evicted', 'moved', 'session_id_in_url'
    ))
)
partition by range (at);
alter sequence secsession.event_log_event_id_seq owned by secsession.event_log.event_id;

comment on table secsession.event_log is
    'The audit trail; read it through the view event. Only functions add to it, and only purge() '
    'removes, after the retention. A partition for each month, of UTC.';
comment on column secsession.event_log.at is 'When it happened.';
comment on column secsession.event_log.event_id is 'Orders events of the same moment.';
comment on column secsession.event_log.session_id is
    'The session; null where there is none, for example for a revocation that found no session.';
comment on column secsession.event_log.event is
    'What happened. login is what the view shows as two: created and authenticated.';
comment on column secsession.event_log.realm is 'The realm; null: all realms.';
comment on column secsession.event_log.user_name is
    'The user, for a failed login as it was typed; null: all users.';
comment on column secsession.event_log.client_addr is
    'Where the user authenticated from, or tried to.';
comment on column secsession.event_log.actor is
    'The database role that was logged in (session_user): the administrator, or the web server.';
comment on column secsession.event_log.reason is 'Why, in the words of whoever did it.';
comment on column secsession.event_log.detail is 'What else is known.';

-- What there is goes on as one partition. Of this, PostgreSQL reads it once, and needs no other
-- proof of its bound. It ends with this month, or with the month of its newest event: the clock may
-- have been wrong once.
select exists (select from secsession.event_log_before) as has_events \gset
\if :has_events
select
    date_trunc(
        'month', greatest(max(l.at), clock_timestamp()) at time zone 'UTC'
    ) + interval '1 month' as before_end,
    max(l.event_id) + 1 as next_event
from secsession.event_log_before l \gset
select setval('secsession.event_log_event_id_seq', :next_event, false) \g /dev/null
alter table secsession.event_log_before
    drop constraint event_log_event_check,
    add constraint event_log_event_check check (event in (
        'login', 'created', 'authenticated', 'rotated', 'reuse_detected', 'login_failed',
        'login_throttled', 'logout', 'expired_idle', 'expired_absolute', 'revoked',
        'evicted', 'moved', 'session_id_in_url'
    )),
    add constraint event_log_before_at check (at < :'before_end'::timestamp at time zone 'UTC');
select format(
    'alter table secsession.event_log attach partition secsession.event_log_before
        for values from (minvalue) to (%L)',
    :'before_end'::timestamp at time zone 'UTC'
) \gexec
alter table secsession.event_log_before drop constraint event_log_before_at;
comment on table secsession.event_log_before is
    'The events from before the trail was kept in months.';
\else
drop table secsession.event_log_before;
\endif

-- The current token stands in session alone; this is a table of the others, which are few.
create table secsession.other_token (
    session_id uuid not null,
    token_hash bytea not null check (length(token_hash) = 32),
    retired_at timestamptz,
    grace_until timestamptz check (grace_until >= retired_at),
    offered_at timestamptz,
    offered_grace integer check (offered_grace >= 0),
    check ((retired_at is null) = (grace_until is null)),
    check ((offered_at is null) = (offered_grace is null)),
    check ((retired_at is null) = (offered_at is not null))
);
insert into secsession.other_token (
    session_id, token_hash, retired_at, grace_until, offered_at, offered_grace
)
select
    t.session_id,
    t.token_hash,
    t.retired_at,
    t.grace_until,
    case when t.offered_grace is not null then t.issued_at end,
    t.offered_grace
from secsession.token t
where t.retired_at is not null
or t.offered_grace is not null;

drop table secsession.token;
drop function if exists secsession.forget_current_token();
drop function if exists secsession.forget_current_tokens();
alter table secsession.other_token
    add primary key (token_hash),
    add foreign key (session_id) references secsession.session on delete cascade;
create index other_token_session on secsession.other_token (session_id);

comment on table secsession.other_token is
    'The tokens of a session beside its current one: those that were retired, which stay as long '
    'as '
    'the session''s row, so that their reuse is noticed, and those that are offered.';
comment on column secsession.other_token.session_id is 'The session that the token is for.';
comment on column secsession.other_token.token_hash is
    'SHA-256 of the token; the token itself is never here.';
comment on column secsession.other_token.retired_at is
    'When another took its place; null for one that is offered.';
comment on column secsession.other_token.grace_until is
    'Until when the retired token is still served; retired_at where there is no grace.';
comment on column secsession.other_token.offered_at is
    'When it was offered; null once it is retired.';
comment on column secsession.other_token.offered_grace is
    'The first request with the offered token makes it current, and then the token before it is '
    'served for so many seconds.';
comment on column secsession.session.token_hash is
    'SHA-256 of its current token; the token itself is never here. Null: it has none.';

-- Room for a tenth of the rows of a page is enough for updates that touch no index. Pages that
-- there
-- are stay as they are.
alter table secsession.session set (fillfactor = 85);

-- Who has sessions in several realms has few.
drop index secsession.session_user_live;
create index session_user_live on secsession.session (user_name) where ended_at is null;
