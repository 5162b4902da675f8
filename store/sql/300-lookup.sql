-- What every request of a browser asks: does this token stand for a live session?
-- Written for speed: one query, one record, one row as a value (a set, or a comparison more in the
-- query, costs what shows in bench/no-cache).

create or replace function secsession.lookup(
    token_hash bytea,
    realm text,
    idle_cap integer,
    absolute_cap integer,
    client_addr inet default null
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    known record;
    state text := 'live';
    end_reason text;
begin
    select
        s.session_id, s.user_name, s.auth_method, s.idle_timeout, s.absolute_timeout,
        floor(date_part('epoch', s.created_at))::bigint as created_at,
        floor(date_part('epoch', s.authenticated_at))::bigint as authenticated_at,
        floor(date_part('epoch', s.expires_at))::bigint as expires_at,
        floor(date_part('epoch', statement_timestamp() - s.last_seen_at) * 1000)::bigint
            as idle_ms,
        floor(date_part('epoch', statement_timestamp() - s.authenticated_at) * 1000)::bigint
            as age_ms,
        s.ending, s.ended_at, t.retired_at, t.grace_until
    into known
    from token t
    join session_state s on s.session_id = t.session_id
    where t.token_hash = lookup.token_hash
    and s.realm = lookup.realm;

    if known.session_id is null then
        return null;
    end if;
    if known.retired_at is not null and known.ending is null then
        state := state_of_retired_token(known.retired_at, known.grace_until);
    end if;
    if known.ending is not null or state = 'reuse' then
        end_reason := coalesce(known.ending, state);
        if known.ended_at is null and not current_setting('transaction_read_only')::boolean then
            perform end_noticed(known.session_id, end_reason, client_addr);
            -- Whoever came before us in the queue for the row decides: it may even be live.
            return lookup(token_hash, realm, idle_cap, absolute_cap, client_addr);
        end if;
        state := 'ended';
    end if;

    if known.idle_ms >= 1000
        and known.idle_ms >= known.idle_timeout * 100::bigint
        and state = 'live'
        and (idle_cap = 0 or known.idle_ms < idle_cap * 1000::bigint)
        and (absolute_cap = 0 or known.age_ms < absolute_cap * 1000::bigint)
    then
        perform touch(known.session_id, statement_timestamp());
    end if;
    -- A clock that was set back shows no negative time.
    return row(
        state, end_reason, known.session_id, known.user_name, known.auth_method,
        known.created_at, known.authenticated_at, known.expires_at,
        greatest(0, known.idle_ms), greatest(0, known.age_ms),
        known.idle_timeout, known.absolute_timeout
    );
end
$$;
comment on function secsession.lookup(bytea, text, integer, integer, inet) is
    'Looks a token up by its hash: null where it is unknown in this realm, else state live, retired (an old token: refused, without harm) or ended (see end_reason). A live session counts as used if it is within the location''s caps in seconds (0: no cap). Times are seconds since 1970, idle_ms is since the request before this one, age_ms since the authentication.';

create or replace function secsession.state_of_retired_token(
    retired_at timestamptz,
    grace_until timestamptz
)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return case
        when statement_timestamp() < grace_until
        then 'live'
        when statement_timestamp() < retired_at + interval '10 seconds'
        then 'retired'
        else 'reuse'
    end;
end
$$;
comment on function secsession.state_of_retired_token(timestamptz, timestamptz) is
    'Internal: what a token that another has replaced still does: live in its grace, retired for the requests that were on their way, and reuse after that.';

create or replace function secsession.touch(session_id uuid, moment timestamptz)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if current_setting('transaction_read_only')::boolean then
        return;
    end if;
    -- Of many requests at once only one writes, and none waits for another or for a revocation.
    perform
    from session s
    where s.session_id = touch.session_id
    and s.ended_at is null
    and s.last_seen_at
        <= touch.moment - make_interval(secs => greatest(s.idle_timeout / 10.0, 1))
    for no key update skip locked;

    if found then
        -- A lost touch can only end the session earlier: no need to wait for the disk.
        perform set_config('synchronous_commit', 'off', true);
        update session s
        set last_seen_at = greatest(s.last_seen_at, touch.moment)
        where s.session_id = touch.session_id
        and s.ended_at is null;
    end if;
exception
    when disk_full then
        return;
end
$$;
comment on function secsession.touch(uuid, timestamptz) is
    'Internal: moves last_seen_at forward, at most once in a tenth of the idle timeout and once a second. Where the database cannot write, running sessions go on without.';

create or replace function secsession.end_noticed(
    session_id uuid,
    end_reason text,
    client_addr inet
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if end_reason <> 'reuse' then
        perform end_sessions(array[session_id], null, null);
        return;
    end if;
    perform end_sessions(
        array[s.session_id],
        'reuse',
        'a retired token was presented',
        jsonb_strip_nulls(jsonb_build_object(
            'authenticated_from', s.client_addr,
            'presented_from', end_noticed.client_addr
        ))
    )
    from session s
    where s.session_id = end_noticed.session_id;
end
$$;
comment on function secsession.end_noticed(uuid, text, inet) is
    'Internal: ends the session that a lookup found past its end or whose retired token it was given.';
