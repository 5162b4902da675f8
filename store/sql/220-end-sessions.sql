-- The one place that writes tombstones, and the one that makes revocations.

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

create or replace function secsession.wait_for_disk_only()
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if current_setting('synchronous_commit') <> 'off' then
        perform set_config('synchronous_commit', 'local', true);
    end if;
end
$$;
comment on function secsession.wait_for_disk_only() is
    'Internal: has this transaction not wait for a standby, which may be away: for what a session '
    'in use needs, and what can be done again.';

create or replace function secsession.decided_ends(session_ids uuid[], end_reason text)
returns table (
    session_id uuid,
    end_reason text,
    is_wanted boolean,
    actor text,
    reason text,
    detail jsonb
)
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    -- What is behind `ending` is worked out once for each session, therefore the offset.
    select
        state.session_id,
        coalesce(state.ending, decided_ends.end_reason),
        state.ending is null,
        v.actor,
        v.reason,
        v.detail
    from (
        select s.*
        from session_state s
        where s.session_id = any (decided_ends.session_ids)
        and (s.session).end_reason is null
        offset 0
    ) state
    left join lateral (
        select v.*
        from revocation v
        where v.swept_at is null
        and v.user_name in (state.user_name, '')
        and v.end_reason = state.ending
        and ends(v, state.session)
        order by v.revoked_at, v.revocation_id
        limit 1
    ) v on true;
$$;
comment on function secsession.decided_ends(uuid[], text) is
    'Internal: why each of these sessions ends. An open revocation that fits has ended it already, '
    'and says why and by whom; else it ends for end_reason (is_wanted).';

create or replace function secsession.write_tombstones(
    session_ids uuid[],
    end_reason text,
    reason text,
    detail jsonb
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    ended integer;
begin
    with ended_session as (
        update session s
        set ended_at = clock_timestamp(),
            end_reason = d.end_reason
        from decided_ends(write_tombstones.session_ids, write_tombstones.end_reason) d
        where s.session_id = d.session_id
        -- Not by ended_at, or an index of all that have not ended seems to serve.
        and s.end_reason is null
        and d.end_reason is not null
        returning
            s.session_id, s.realm, s.user_name, s.client_addr, s.end_reason,
            d.is_wanted, d.actor, d.reason, d.detail
    ),
    logged as (
        insert into event_log (
            event, session_id, realm, user_name, client_addr, actor, reason, detail
        )
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
            coalesce(e.actor, session_user),
            case when e.is_wanted then write_tombstones.reason else e.reason end,
            coalesce(case when e.is_wanted then write_tombstones.detail else e.detail end, '{}')
        from ended_session e
        -- Of a session of nobody only what an administrator does is recorded.
        where e.user_name is not null
        or e.end_reason = 'revoked'
    )
    select count(*)
    into ended
    from ended_session e
    where e.is_wanted;
    return ended;
end
$$;
comment on function secsession.write_tombstones(uuid[], text, text, jsonb) is
    'Internal: ends those of the sessions, locked by the caller, that have not ended, each with '
    'its event: for end_reason, or because it must end anyway (only that where end_reason is '
    'null). Returns how many ended for end_reason.';

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
    locked uuid[];
    ended integer := 0;
    left_open integer := 0;
begin
    perform make_durable();
    -- For no session at all each statement would be planned anew.
    if cardinality(session_ids) = 0 then
        return 0;
    end if;
    -- Decided only under the lock, since the session may have been used or ended meanwhile.
    locked := array(
        select s.session_id
        from session s
        where s.session_id = any (end_sessions.session_ids)
        and s.end_reason is null
        order by s.session_id
        for no key update skip locked
    );
    if cardinality(locked) > 0 then
        ended := write_tombstones(locked, end_reason, reason, detail);
    end if;

    -- Whoever holds the others may hold them for long: those end by a row that look-ups obey.
    if end_reason is not null and cardinality(locked) < cardinality(session_ids) then
        insert into revocation (kind, realm, user_name, session_id, end_reason, reason, detail)
        select
            'session', s.realm, coalesce(s.user_name, ''), s.session_id,
            end_sessions.end_reason, end_sessions.reason, end_sessions.detail
        from session_state s
        where s.session_id = any (end_sessions.session_ids)
        and s.session_id <> all (locked)
        and s.ending is null;

        get diagnostics left_open = row_count;
    end if;
    return ended + left_open;
end
$$;
comment on function secsession.end_sessions(uuid[], text, text, jsonb) is
    'Internal: ends those of the sessions that have not ended, for end_reason, or because they '
    'must end anyway (only that where end_reason is null). Waits for nobody: a session that '
    'somebody else holds gets its tombstone later. Returns how many ended for end_reason.';
