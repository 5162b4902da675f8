-- Migration 7: the audit trail in months, so that what is past its retention goes with the files of
-- its month and costs nothing; one event in place of the two of a login; smaller indexes.

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
