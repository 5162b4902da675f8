-- Migration 9: who presented the token that took the place of another, so that a request of the
-- same browser which waited there, with the token of before, is not taken for a thief's.

alter table secsession.other_token
    add column next_addr inet,
    add column next_agent bytea;
comment on column secsession.other_token.next_addr is
    'Where the token that took its place was presented from first, or given to; null: unknown.';
comment on column secsession.other_token.next_agent is
    'What the browser there called itself: 64 bits of the SHA-256 of that; null: nothing.';

drop function if exists secsession.lookup(bytea, text, integer, integer, inet);
drop function if exists secsession.careful_lookup(bytea, text, integer, integer, inet);
drop function if exists secsession.accept_offer(uuid, bytea);
drop function if exists secsession.state_of_retired_token(timestamptz, timestamptz);
drop function if exists secsession.is_in_grace(timestamptz, timestamptz, timestamptz);
drop function if exists secsession.served_session(bytea, text);
drop function if exists secsession.unended_sessions(bytea, text);
drop function if exists secsession.replaced_session(bytea, text);
drop function if exists secsession.retire_tokens(uuid, timestamptz);
