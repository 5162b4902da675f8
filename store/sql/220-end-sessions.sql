-- The one place that writes tombstones.

create or replace function secsession.end_sessions(
    session_ids uuid[],
    end_reason text,
    reason text,
    detail jsonb default '{}'
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    ended integer;
begin
    -- For no session at all each statement would be planned anew.
    if cardinality(session_ids) = 0 then
        return 0;
    end if;
    perform make_durable();
    -- In one order, so that two revocations never wait for each other; decided only under the lock,
    -- since the session may have been used or ended meanwhile.
    perform
    from session s
    where s.session_id = any (end_sessions.session_ids)
    and s.ended_at is null
    order by s.session_id
    for update;

    with ended_session as (
        update session s
        set ended_at = clock_timestamp(),
            end_reason = coalesce(state.ending, end_sessions.end_reason)
        from session_state state
        where s.session_id = any (end_sessions.session_ids)
        and s.ended_at is null
        and state.session_id = s.session_id
        and coalesce(state.ending, end_sessions.end_reason) is not null
        returning s.session_id, s.realm, s.user_name, s.client_addr, s.end_reason
    ),
    logged as (
        insert into event_log (event, session_id, realm, user_name, client_addr, reason, detail)
        select
            case e.end_reason
                when 'idle' then 'expired_idle'
                when 'absolute' then 'expired_absolute'
                when 'reuse' then 'reuse_detected'
                else e.end_reason
            end,
            e.session_id,
            e.realm,
            e.user_name,
            e.client_addr,
            case
                when e.end_reason = end_sessions.end_reason then end_sessions.reason
                when e.end_reason = 'revoked' then 'revoked while the login was under way'
            end,
            case
                when e.end_reason = end_sessions.end_reason then end_sessions.detail
                else '{}'
            end
        from ended_session e
    )
    select count(*)
    into ended
    from ended_session e
    where e.end_reason = end_sessions.end_reason;
    return ended;
end
$$;
comment on function secsession.end_sessions(uuid[], text, text, jsonb) is
    'Internal: ends those of the sessions that have not ended, each with its event: for '
    'end_reason, or because it must end anyway (only that where end_reason is null). Returns how '
    'many ended for end_reason.';

create or replace function secsession.make_durable()
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
end
$$;
comment on function secsession.make_durable() is
    'Internal: makes this transaction wait for the disk, whatever it was told before, so that an '
    'acknowledged end survives a crash.';
