-- Migration 5: nothing about the tables; who logs in, where and how is one value with names from
-- here on, in place of ten of the sixteen arguments of authenticate().

create type secsession.login as (
    token_hash bytea,
    old_token_hash bytea,
    realm text,
    user_name text,
    auth_method text,
    epoch bigint,
    client_addr inet,
    user_agent text,
    idle_timeout integer,
    absolute_timeout integer
);
comment on type secsession.login is
    'Who logs in, where and how: what authenticate() takes.';
comment on column secsession.login.token_hash is
    'SHA-256 of the new token, which nobody has yet.';
comment on column secsession.login.old_token_hash is
    'SHA-256 of the token that the browser presented; null: none.';
comment on column secsession.login.realm is 'See session.';
comment on column secsession.login.user_name is 'The user that has authenticated.';
comment on column secsession.login.auth_method is 'See session.';
comment on column secsession.login.epoch is
    'What login_epoch() told before the password was checked; null: the present one.';
comment on column secsession.login.client_addr is 'Where the user authenticates from.';
comment on column secsession.login.user_agent is
    'What the browser calls itself; 255 characters of it are kept.';
comment on column secsession.login.idle_timeout is 'See session.';
comment on column secsession.login.absolute_timeout is 'See session.';

drop function if exists secsession.authenticate(
    bytea, bytea, text, text, text, bigint, inet, text, integer, integer, pg_snapshot, jsonb,
    boolean, integer, boolean, bytea
);
drop function if exists secsession.stamp_is_due(uuid, timestamptz);
-- It has other columns from here on.
drop view if exists secsession.plain_session;
