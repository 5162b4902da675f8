-- Migration 8: what says whose a session is carries a MAC that only the web servers can make, with
-- a key that this database does not have (SecSessionKeys).

drop function if exists secsession.answer_of(secsession.session, text, text, boolean, bytea);
drop function if exists secsession.authenticate(
    secsession.login, jsonb, boolean, integer, boolean, bytea
);
drop function if exists secsession.begin_session(
    bytea, text, inet, text, integer, integer, jsonb
);
drop function if exists secsession.offer_token(uuid, bytea, bytea, integer, integer);

alter table secsession.session add column mac bytea;
comment on column secsession.session.mac is
    'The web server''s MAC of what says whose the session is: token_hash, session_id, realm, '
    'user_name, auth_method and authenticated_at. Null: it has no keys, or is about to write it.';

alter table secsession.other_token add column mac bytea;
comment on column secsession.other_token.mac is
    'The MAC of session, with this token_hash.';

alter type secsession.session_answer add attribute mac bytea;
comment on column secsession.session_answer.mac is
    'See session; of the token that was looked up.';
