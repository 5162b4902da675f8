-- Who may do what. Everything runs as the owner, who may do nothing outside this schema.

do $$
declare
    one record;
begin
    for one in
        select p.oid::regprocedure as signature
        from pg_catalog.pg_proc p
        where p.pronamespace = 'secsession'::regnamespace
    loop
        execute format('alter function %s owner to secsession_owner', one.signature);
        execute format('revoke all on function %s from public', one.signature);
    end loop;
end
$$;

revoke all on schema secsession from public;
revoke all on all tables in schema secsession from public;
revoke all on type secsession.session_state from public;

grant usage on schema secsession to secsession_httpd, secsession_admin, secsession_auditor;
grant usage on type secsession.session_state to secsession_httpd;
grant execute on function
    secsession.schema_version(),
    secsession.lookup(bytea, text, integer, integer, inet),
    secsession.login_epoch(text, text),
    secsession.authenticate(bytea, bytea, text, text, text, bigint, inet, text, integer, integer),
    secsession.logout(bytea, text),
    secsession.login_failed(text, text, inet, text),
    secsession.purge(integer)
to secsession_httpd;

grant execute on function
    secsession.schema_version(),
    secsession.revoke_session(uuid, text),
    secsession.revoke_user(text, text, text),
    secsession.revoke_address(inet, text),
    secsession.revoke_before(timestamptz, text, text),
    secsession.revoke_all(text, text),
    secsession.revoke_on_change(),
    secsession.purge(integer)
to secsession_admin;

-- The views call current_epoch() with the rights of whoever reads them.
grant execute on function secsession.current_epoch(text, text) to secsession_admin, secsession_auditor;
grant select on secsession.active_session, secsession.event to secsession_admin, secsession_auditor;
