-- Sessions that are bound to the address of their client.

create or replace function secsession.client_moved(
    session_id uuid,
    client_addr inet,
    action text
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    most_addrs constant integer := 32;
    bound session;
    is_told boolean;
begin
    if action in ('log', 'reauth', 'end') is not true then
        raise exception 'action must be log, reauth or end'
            using errcode = 'invalid_parameter_value';
    end if;
    perform wait_for_disk_only();
    select s.*
    into bound
    from session s
    where s.session_id = client_moved.session_id
    and s.ended_at is null
    for no key update skip locked;

    -- Of many requests from there the first is enough, and whoever holds the session is one of
    -- them.
    if not found or client_moved.client_addr = coalesce(bound.bound_addr, bound.client_addr) then
        return;
    end if;
    -- A browser with IPv4 and IPv6 goes to and fro.
    is_told := coalesce(
        client_moved.client_addr = any (bound.moved_addrs || bound.client_addr), false
    );
    if not is_told then
        bound.moved_addrs := bound.moved_addrs || client_moved.client_addr;
        perform log_event(
            'moved', session_id, bound.realm, bound.user_name, client_moved.client_addr, null,
            jsonb_build_object(
                'from', coalesce(bound.bound_addr, bound.client_addr), 'action', action
            )
        );
    end if;
    if action = 'log' or not is_told then
        update session s
        set bound_addr = case
                when action = 'log' then client_moved.client_addr
                else s.bound_addr
            end,
            moved_addrs = bound.moved_addrs[cardinality(bound.moved_addrs) - most_addrs + 1:]
        where s.session_id = client_moved.session_id;
    end if;
    if action = 'end' then
        perform end_sessions(array[session_id], 'revoked', 'its client moved');
    end if;
end
$$;
comment on function secsession.client_moved(uuid, inet, text) is
    'A session was used from another address than it is bound to. log: from now on it is bound to '
    'that one; reauth: the web server refuses it; end: it ends.';
