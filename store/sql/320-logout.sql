-- Logging out.

create or replace function secsession.logout(token_hash bytea, realm text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    served constant uuid := served_session(token_hash, realm);
begin
    if served is null then
        return 0;
    end if;
    return end_sessions(array[served], 'logout', null);
end
$$;
comment on function secsession.logout(bytea, text) is
    'Ends the session that a token, current or in its grace, is served for. Returns how many ended: 0 or 1.';
