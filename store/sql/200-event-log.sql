-- Writing the audit trail.

create or replace function secsession.log_event(
    event text,
    session_id uuid,
    realm text,
    user_name text,
    client_addr inet,
    reason text,
    detail jsonb default '{}'
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    insert into event_log (event, session_id, realm, user_name, client_addr, reason, detail)
    values (
        log_event.event, log_event.session_id, log_event.realm, log_event.user_name,
        log_event.client_addr, log_event.reason, log_event.detail
    );
end
$$;
comment on function secsession.log_event(text, uuid, text, text, inet, text, jsonb) is
    'Internal: adds one event, by the role that is logged in.';
