-- Migration 2: anonymous sessions, the vault, and logins whose user is known only afterwards; an
-- event for session ids in URLs.

alter table secsession.session
    alter column user_name drop not null,
    add column vault_version integer not null default 0;

comment on column secsession.session.user_name is
    'The user that has authenticated; null: nobody has yet, and the session exists for its vault.';
comment on column secsession.session.vault_version is
    'Counts the changes of its vault; 0: there has been none.';

create table secsession.vault (
    session_id uuid not null references secsession.session on delete cascade,
    name bytea not null,
    domain bytea not null,
    path bytea not null,
    value bytea not null,
    host_only boolean not null,
    same_site text not null check (same_site in ('strict', 'lax', 'none', '')),
    created_at timestamptz not null,
    expires_at timestamptz,
    -- In place of its columns, which may be longer than an index takes.
    cookie_hash bytea not null generated always as (
        sha256(
            name || '\x00' || domain || '\x00' || path
                || case when host_only then '\x0001'::bytea else '\x0000' end
        )
    ) stored,
    primary key (session_id, cookie_hash)
);

comment on table secsession.vault is
    'Cookies of applications, kept for a session and never given to the browser (RFC 6265bis, 5.7). Bytes, since a cookie need not be text.';
comment on column secsession.vault.session_id is 'The session; the vault ends with it.';
comment on column secsession.vault.name is 'The cookie''s name.';
comment on column secsession.vault.domain is 'The host that set it, or its Domain.';
comment on column secsession.vault.path is 'Below which path it is sent.';
comment on column secsession.vault.value is
    'Its value: a byte 0 and the value, or the number of the web server''s key and what only that key opens.';
comment on column secsession.vault.host_only is 'Sent to that very host only.';
comment on column secsession.vault.same_site is 'Its SameSite; empty: it has none.';
comment on column secsession.vault.created_at is
    'When a cookie of this name, domain, path and host_only was first set: the order of sending.';
comment on column secsession.vault.expires_at is 'When it expires; null: with the session.';
comment on column secsession.vault.cookie_hash is
    'SHA-256 of what tells it from the session''s other cookies: name, domain, path and host_only.';

alter table secsession.revocation_epoch add column raised_by xid8;
comment on column secsession.revocation_epoch.raised_by is
    'The transaction that raised it last, so that a login can tell whether it had begun before.';

create table secsession.login_attempt (
    realm text collate "C" not null,
    user_key bytea not null,
    address text not null,
    attempts integer not null,
    last_at timestamptz not null,
    blocked_until timestamptz,
    primary key (realm, user_key, address)
)
with (fillfactor = 70);

create index login_attempt_last on secsession.login_attempt (last_at);

comment on table secsession.login_attempt is
    'How often a password has been tried: for a user from an address, for a user from anywhere, and for anybody from an address. A success takes its attempt back.';
comment on column secsession.login_attempt.realm is 'The realm.';
comment on column secsession.login_attempt.user_key is
    'Of the name that was typed, a hash; empty: whichever.';
comment on column secsession.login_attempt.address is
    'The address, of IPv6 its first 64 bits; empty: wherever from.';
comment on column secsession.login_attempt.attempts is
    'How many there were, each less than the time of the web server''s limit after the one before.';
comment on column secsession.login_attempt.last_at is 'When the last one was.';
comment on column secsession.login_attempt.blocked_until is
    'Until when no other is let pass; null: it never came to that.';

alter type secsession.session_answer add attribute vault_version integer;
comment on column secsession.session_answer.vault_version is
    'Which state its vault has; 0: empty.';
comment on column secsession.session_answer.state is
    'live, anonymous (live, but nobody has authenticated), retired (an old token: refused, without harm to the session) or ended.';

drop function if exists secsession.login_failed(text, text, inet, text);
drop function if exists secsession.authenticate(
    bytea, bytea, text, text, text, bigint, inet, text, integer, integer
);
drop function if exists secsession.store_login(secsession.session, secsession.session);
drop function if exists secsession.start_session(secsession.session);
drop function if exists secsession.continue_session(uuid, secsession.session);

alter table secsession.event_log
    drop constraint event_log_event_check,
    add constraint event_log_event_check check (event in (
        'created', 'authenticated', 'rotated', 'reuse_detected', 'login_failed',
        'login_throttled', 'logout', 'expired_idle', 'expired_absolute', 'revoked',
        'evicted', 'moved', 'session_id_in_url'
    ));
