-- Logging out.

create or replace function secsession.logout(p_token_hash bytea, p_realm text)
returns integer
language sql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
    select count(*) filter (
        where secsession.end_session(s.session_id, 'logout', 'logout', null, null))::integer
    from secsession.token t
    join secsession.session s using (session_id)
    where t.token_hash = $1
      and (t.retired_at is null or t.grace_until > clock_timestamp())
      and s.realm = $2
      and s.ended_at is null
$$;
comment on function secsession.logout(bytea, text) is
    'ends the session of a token at its user''s wish, for mod_secsession; how many ended';
