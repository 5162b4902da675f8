-- Migration 12: the sessions of clients that send their credentials with each request, and which of
-- these credentials are refused, because their user was revoked.

drop function if exists secsession.authenticate(
    secsession.login, jsonb, boolean, integer, boolean, bytea, boolean, text, uuid[]
);
drop function if exists secsession.sign_session(bytea, bytea, jsonb);

create table secsession.credential (
    credential_hash bytea primary key check (length(credential_hash) = 32),
    realm text collate "C" not null,
    user_name text collate "C" not null,
    is_lowercase boolean not null,
    auth_method text not null,
    login_seen pg_snapshot not null,
    first_at timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp(),
    told_at timestamptz
);
create index credential_user on secsession.credential (user_name);
create index credential_last on secsession.credential (last_at);

comment on table secsession.credential is
    'The credentials with which sessions have begun whose clients send them with each request.';
comment on column secsession.credential.credential_hash is
    'The web server''s MAC of the realm, the user, the method and the record that the credentials '
    'are checked by, with a key that this database does not have.';
comment on column secsession.credential.realm is 'See session.';
comment on column secsession.credential.user_name is 'See session.';
comment on column secsession.credential.is_lowercase is 'See session.';
comment on column secsession.credential.auth_method is 'See session.';
comment on column secsession.credential.login_seen is
    'What their first login could see, or the administrator who allowed them again: a revocation '
    'of the user that is not seen there refuses them.';
comment on column secsession.credential.first_at is 'When a session first began with them.';
comment on column secsession.credential.last_at is
    'When a session was last to begin with them.';
comment on column secsession.credential.told_at is
    'When the trail was last told that they are refused; null: never.';

create table secsession.refused_credential (
    credential_hash bytea not null,
    refused_at timestamptz not null default clock_timestamp()
);
create index refused_credential_hash on secsession.refused_credential (credential_hash);

comment on table secsession.refused_credential is
    'Credentials that begin no session any more. Rows are only added, so that a revocation waits '
    'for nobody, until an administrator allows the user again.';
comment on column secsession.refused_credential.credential_hash is 'See credential.';
comment on column secsession.refused_credential.refused_at is 'Since when.';

alter table secsession.other_token add column credential_hash bytea;
comment on column secsession.other_token.credential_hash is
    'See credential: token_hash is no token''s, but the web server''s MAC of the realm, the user, '
    'the method and the client, by which the session is found without one. Null: it is a token''s.';
select format('alter table secsession.other_token drop constraint %I', c.conname)
from pg_constraint c
where c.conrelid = 'secsession.other_token'::regclass
and c.contype = 'c'
and pg_get_constraintdef(c.oid) like '%retired_at IS NULL%offered_at IS NOT NULL%'
\gexec
alter table secsession.other_token
    add constraint other_token_kind_check check (
        num_nonnulls(retired_at, offered_at, credential_hash) = 1
    );

alter table secsession.revocation
    add column is_change boolean not null default false;
comment on column secsession.revocation.is_change is
    'user: because the user''s record has changed, which refuses no credentials.';

-- All events that there are fit the longer list.
alter table secsession.event_log
    drop constraint event_log_event_check,
    add constraint event_log_event_check check (event in (
        'login', 'created', 'authenticated', 'rotated', 'reuse_detected', 'login_failed',
        'login_throttled', 'logout', 'expired_idle', 'expired_absolute', 'revoked', 'allowed',
        'evicted', 'moved', 'session_id_in_url'
    )) not valid;
