-- Migration 11: what is said of a vault names the authentication that it is of.

drop function if exists secsession.merge_cookies(uuid, jsonb);
drop function if exists secsession.keep_cookies(uuid, jsonb);
drop function if exists secsession.vault_of(uuid);
