-- Migration 1: the tables. Names and realms compare byte for byte (collate "C"): two names are one
-- user only if they are equal, and an upgrade of the system's locales cannot break an index.

create table secsession.session (
    session_id uuid primary key default gen_random_uuid(),
    token_hash bytea unique,
    realm text collate "C" not null check (realm <> ''),
    user_name text collate "C" not null check (length(user_name) between 1 and 255),
    auth_method text not null,
    epoch bigint not null,
    client_addr inet,
    user_agent text,
    created_at timestamptz not null,
    authenticated_at timestamptz not null,
    last_seen_at timestamptz not null,
    idle_timeout integer not null check (idle_timeout > 0),
    absolute_timeout integer not null check (absolute_timeout > 0),
    expires_at timestamptz not null,
    persistent boolean not null default false,
    ended_at timestamptz,
    end_reason text
        check (end_reason in ('idle', 'absolute', 'revoked', 'reuse', 'logout', 'evicted')),
    check ((ended_at is null) = (end_reason is null))
)
-- Room in each page, and no index on last_seen_at: so its updates stay heap-only.
with (fillfactor = 70);

create index session_user_live on secsession.session (user_name, realm) where ended_at is null;
create index session_address_live on secsession.session using spgist (client_addr)
    where ended_at is null;
create index session_expires on secsession.session (expires_at);

comment on table secsession.session is
    'One row a session. It ends by a tombstone (ended_at, end_reason), which nothing takes away; '
    'the row stays until the absolute end.';
comment on column secsession.session.session_id is
    'The public name of the session; knowing it gives no access.';
comment on column secsession.session.token_hash is
    'The hash of its current token; also in token, but here a request finds it with one row. Null '
    'once that token is retired.';
comment on column secsession.session.realm is
    'The virtual hosts and paths that share the session; a token is unknown in any other realm.';
comment on column secsession.session.user_name is 'The user that has authenticated.';
comment on column secsession.session.auth_method is 'How the user authenticated.';
comment on column secsession.session.epoch is
    'The epoch of this realm and user before the password was checked; if another is current, the '
    'session is revoked.';
comment on column secsession.session.client_addr is 'Where the user authenticated from.';
comment on column secsession.session.user_agent is
    'What the browser called itself at the authentication, at most 255 characters.';
comment on column secsession.session.created_at is 'When the session began.';
comment on column secsession.session.authenticated_at is
    'When the user last authenticated; the absolute timeout counts from here.';
comment on column secsession.session.last_seen_at is
    'The last request, to a tenth of the idle timeout; only grows.';
comment on column secsession.session.idle_timeout is
    'Seconds without a request after which the session ends.';
comment on column secsession.session.absolute_timeout is
    'Seconds after the authentication at which the session ends.';
comment on column secsession.session.expires_at is
    'The absolute end; moved only by a new authentication.';
comment on column secsession.session.persistent is
    'Whether the user asked to be kept signed in.';
comment on column secsession.session.ended_at is
    'When the session was found to have ended or was ended; null while it lives.';
comment on column secsession.session.end_reason is
    'idle, absolute, revoked, reuse (of a retired token), logout or evicted.';

create table secsession.token (
    token_hash bytea primary key check (length(token_hash) = 32),
    session_id uuid not null references secsession.session on delete cascade,
    issued_at timestamptz not null,
    retired_at timestamptz,
    grace_until timestamptz check (grace_until >= retired_at),
    check ((retired_at is null) = (grace_until is null))
);

create index token_session on secsession.token (session_id);

comment on table secsession.token is
    'Every token a session has had. Retired ones stay as long as the session''s row, so that their '
    'reuse is noticed.';
comment on column secsession.token.token_hash is
    'SHA-256 of the token; the token itself is never here.';
comment on column secsession.token.session_id is 'The session that the token is for.';
comment on column secsession.token.issued_at is 'When it was made.';
comment on column secsession.token.retired_at is
    'When another took its place; null for the current token.';
comment on column secsession.token.grace_until is
    'Until when the retired token is still served; retired_at where there is no grace.';

create table secsession.revocation_epoch (
    realm text collate "C" not null,
    user_name text collate "C" not null,
    epoch bigint not null,
    primary key (realm, user_name)
);

comment on table secsession.revocation_epoch is
    'Counts revocations, so that one also ends a login that commits later. Rows are never removed: '
    'a count that began anew could revive a session.';
comment on column secsession.revocation_epoch.realm is 'The realm; empty: all realms.';
comment on column secsession.revocation_epoch.user_name is 'The user; empty: all users.';
comment on column secsession.revocation_epoch.epoch is
    'How often just these have been revoked; the epoch of a session is the sum of the rows that '
    'fit it.';

create table secsession.login_gate ();

comment on table secsession.login_gate is
    'Has no rows: its lock orders logins with revocations by address and by time. Not an advisory '
    'lock, which any role could take and so hold up logins.';

create table secsession.event_log (
    event_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    event text not null check (event in (
        'created', 'authenticated', 'rotated', 'reuse_detected', 'login_failed',
        'login_throttled', 'logout', 'expired_idle', 'expired_absolute', 'revoked',
        'evicted', 'moved'
    )),
    session_id uuid,
    realm text collate "C",
    user_name text collate "C",
    client_addr inet,
    actor text not null default session_user,
    reason text,
    detail jsonb not null default '{}'
);

create index event_log_at on secsession.event_log (at);
create index event_log_user on secsession.event_log (user_name, at);

comment on table secsession.event_log is
    'The audit trail; read it through the view event. Only functions add to it, and only purge() '
    'removes, after the retention.';
comment on column secsession.event_log.event_id is 'Orders events of the same moment.';
comment on column secsession.event_log.at is 'When it happened.';
comment on column secsession.event_log.event is 'What happened.';
comment on column secsession.event_log.session_id is
    'The session; null where there is none, for example for a revocation that found no session.';
comment on column secsession.event_log.realm is 'The realm; null: all realms.';
comment on column secsession.event_log.user_name is
    'The user, for a failed login as it was typed; null: all users.';
comment on column secsession.event_log.client_addr is
    'Where the user authenticated from, or tried to.';
comment on column secsession.event_log.actor is
    'The database role that was logged in (session_user): the administrator, or the web server.';
comment on column secsession.event_log.reason is 'Why, in the words of whoever did it.';
comment on column secsession.event_log.detail is 'What else is known.';

create table secsession.setting (
    only_row boolean primary key default true check (only_row),
    event_retention interval not null default '180 days' check (event_retention >= '0')
);

comment on table secsession.setting is
    'Settings, in one row, or none where nothing was set. Only a superuser changes them: who could '
    'shorten the retention could erase the trail.';
comment on column secsession.setting.only_row is 'Keeps it at one row.';
comment on column secsession.setting.event_retention is
    'How long purge() keeps events.';

create type secsession.session_answer as (
    state text,
    end_reason text,
    session_id uuid,
    user_name text,
    auth_method text,
    created_at timestamptz,
    authenticated_at timestamptz,
    expires_at timestamptz,
    last_seen_at timestamptz,
    asked_at timestamptz,
    idle_timeout integer,
    absolute_timeout integer,
    cacheable boolean
);
comment on type secsession.session_answer is
    'What lookup() and authenticate() answer: how a session stands.';
comment on column secsession.session_answer.state is
    'live, retired (an old token: refused, without harm to the session) or ended.';
comment on column secsession.session_answer.end_reason is
    'Why it has ended, or why the login was refused.';
comment on column secsession.session_answer.session_id is
    'The session; null where a login was refused.';
comment on column secsession.session_answer.user_name is 'The user.';
comment on column secsession.session_answer.auth_method is 'How the user authenticated.';
comment on column secsession.session_answer.created_at is 'See session.';
comment on column secsession.session_answer.authenticated_at is 'See session.';
comment on column secsession.session_answer.expires_at is 'See session.';
comment on column secsession.session_answer.last_seen_at is
    'The request before this one, to a tenth of the idle timeout.';
comment on column secsession.session_answer.asked_at is
    'When this was asked: web servers count from here, whatever their own clocks say.';
comment on column secsession.session_answer.idle_timeout is 'Seconds.';
comment on column secsession.session_answer.absolute_timeout is 'Seconds.';
comment on column secsession.session_answer.cacheable is
    'Whether a web server may remember this until it is told otherwise: not for a retired token in '
    'its grace, and not from a standby, which may be behind.';
