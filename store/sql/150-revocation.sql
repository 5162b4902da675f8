-- Migration 6: a revocation is a row that look-ups obey, in place of epochs and of a gate for
-- logins; and what else web servers must ask again is written down for their heartbeats.

create table secsession.revocation (
    revocation_id bigint generated always as identity primary key,
    kind text not null
        check (kind in ('session', 'user', 'own', 'address', 'before', 'all')),
    realm text collate "C" not null default '',
    user_name text collate "C" not null default '',
    session_id uuid,
    spared_id uuid,
    network inet,
    moment timestamptz,
    end_reason text not null default 'revoked',
    revoked_at timestamptz not null default clock_timestamp(),
    raised_by xid8 not null default pg_current_xact_id(),
    actor text not null default session_user,
    reason text,
    detail jsonb,
    horizon xid8,
    waits_since timestamptz default clock_timestamp(),
    swept_to uuid,
    is_last_pass boolean not null default false,
    swept_at timestamptz,
    check ((kind = 'session') = (session_id is not null)),
    check ((kind = 'own') or spared_id is null),
    check ((kind = 'address') = (network is not null)),
    check ((kind = 'before') = (moment is not null)),
    check ((kind in ('user', 'own')) <= (user_name <> '')),
    check ((waits_since is null) = (swept_at is not null))
);

-- No other index than the first can serve a look-up, so that its plan is the same whatever the
-- table was like when it was last analysed: therefore the conditions of the others.
create index revocation_open on secsession.revocation (user_name) where swept_at is null;
create index revocation_waiting on secsession.revocation (waits_since)
    where waits_since is not null;
create index revocation_raised on secsession.revocation (raised_by);
create index revocation_swept on secsession.revocation (swept_at) where swept_at is not null;

comment on table secsession.revocation is
    'What has been revoked, a row each. A look-up obeys every open row that fits its session and '
    'that the login of that session could not see; sweep() writes the tombstones and closes the '
    'row. Rows are only added, so that nobody waits for anybody.';
comment on column secsession.revocation.revocation_id is 'Its number.';
comment on column secsession.revocation.kind is
    'session (one), user (all of a user), own (the same at the user''s wish), address (all from '
    'a network), before (all older than a moment) or all.';
comment on column secsession.revocation.realm is 'The realm; empty: all realms.';
comment on column secsession.revocation.user_name is
    'The user, also of the one session; empty: whoever.';
comment on column secsession.revocation.session_id is 'session: the one that ends.';
comment on column secsession.revocation.spared_id is
    'own: the session that goes on; null: none does.';
comment on column secsession.revocation.network is
    'address: ends the sessions whose user authenticated from there.';
comment on column secsession.revocation.moment is
    'before: ends the sessions that authenticated before this moment.';
comment on column secsession.revocation.end_reason is 'Of the sessions that it ends; see session.';
comment on column secsession.revocation.revoked_at is 'When it was made.';
comment on column secsession.revocation.raised_by is
    'The transaction that made it: a login that could see its result has come later.';
comment on column secsession.revocation.actor is 'The database role that was logged in.';
comment on column secsession.revocation.reason is 'Why, in the words of whoever did it.';
comment on column secsession.revocation.detail is 'What else its events say.';
comment on column secsession.revocation.horizon is
    'Transactions before this one may have missed it; until they have ended it is not closed. '
    'Null: nobody has looked yet.';
comment on column secsession.revocation.waits_since is
    'Since when it waits for its turn to be swept; null: it is closed.';
comment on column secsession.revocation.swept_to is
    'before, all: up to which session_id this pass has come; null: it has not begun.';
comment on column secsession.revocation.is_last_pass is
    'before, all: whether this pass began when no transaction could have missed it any more, so '
    'that it is closed at the end.';
comment on column secsession.revocation.swept_at is
    'When it was closed, with a tombstone for every session that it ends; null: it is open.';

-- What a crash takes away nobody needs: after it every web server connects anew and believes
-- nothing.
create unlogged table secsession.change (
    changed_by xid8 not null default pg_current_xact_id(),
    key text collate "C" not null
);

create index change_changed_by on secsession.change (changed_by);

comment on table secsession.change is
    'Of which sessions the web servers must ask again, for a few minutes: read by heartbeat(). '
    'NOTIFY would have every COMMIT that changes a session wait for all others.';
comment on column secsession.change.changed_by is 'The transaction that changed them.';
comment on column secsession.change.key is
    'See key_of_session() and key_of_user(); all: everything.';

create unlogged table secsession.change_mark (
    mark_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    seen pg_snapshot not null default pg_current_snapshot()
);

comment on table secsession.change_mark is
    'A row every ten seconds while there are changes, for the last few: so sweep() knows which '
    'changes every web server has had the time to hear of. When a change was written would not '
    'tell, since it may be committed much later.';
comment on column secsession.change_mark.mark_id is 'Its number.';
comment on column secsession.change_mark.at is 'When it was made.';
comment on column secsession.change_mark.seen is 'What had been committed by then.';

-- An address is not text of any language, and an upgrade of the system's locales could break the
-- index.
alter table secsession.login_attempt alter column address type text collate "C";

-- What the epochs have ended already ends by a tombstone; all other sessions are later than that.
update secsession.session s
set ended_at = clock_timestamp(),
    end_reason = 'revoked'
where s.ended_at is null
and s.epoch <> (
    select coalesce(sum(e.epoch), 0)
    from secsession.revocation_epoch e
    where e.realm in (s.realm, '')
    and e.user_name in (s.user_name, '')
);

drop view if exists secsession.active_session;
drop view if exists secsession.plain_session;
drop view if exists secsession.session_state;
drop function if exists secsession.login_begin(text, text, inet, integer, integer);
drop function if exists secsession.heartbeat(uuid[], bigint[], double precision);
drop function if exists secsession.login_epoch(text, text);
drop function if exists secsession.revoked_since(pg_snapshot, text, text);
drop function if exists secsession.raise_epoch(text, text);
drop function if exists secsession.close_login_gate();
drop function if exists secsession.revoke_found(uuid[], text, text, text, jsonb);
drop function if exists secsession.tell_servers(text[]);
drop function if exists secsession.end_noticed(uuid, text, inet);
drop function if exists secsession.accept_offer(uuid, bytea);
drop function if exists secsession.replaced_session(bytea, text);
drop function if exists secsession.authenticate(
    secsession.login, pg_snapshot, jsonb, boolean, integer, boolean, bytea
);
alter type secsession.login rename attribute epoch to seen;
alter type secsession.login alter attribute seen type pg_snapshot;
comment on column secsession.login.seen is
    'What login_begin() or login_moment() told before the credentials were checked; null: the '
    'present.';
drop table secsession.revocation_epoch;
drop table secsession.login_gate;
drop function if exists secsession.epoch_changed();

alter table secsession.session
    drop column epoch,
    add column login_seen pg_snapshot not null default pg_current_snapshot();
comment on column secsession.session.login_seen is
    'What its login could see when it began, before the password was checked: a revocation that '
    'it could not see ends the session.';

comment on type secsession.session_answer is
    'What lookup(), lookup_many() and authenticate() answer: how a session stands.';
