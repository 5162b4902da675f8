-- What every request of a browser asks: does this token stand for a live session?

create or replace function secsession.lookup(
    token_hash bytea,
    realm text,
    idle_cap integer,
    absolute_cap integer,
    client_addr inet default null
)
returns table (
    state text,
    end_reason text,
    session_id uuid,
    user_name text,
    auth_method text,
    created_at bigint,
    authenticated_at bigint,
    expires_at bigint,
    idle_ms bigint,
    age_ms bigint,
    idle_timeout integer,
    absolute_timeout integer
)
language plpgsql
rows 1
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment constant timestamptz := statement_timestamp();
    ended_at timestamptz;
    retired_at timestamptz;
    grace_until timestamptz;
begin
    select
        'live', s.ending, s.session_id, s.user_name, s.auth_method,
        floor(date_part('epoch', s.created_at)),
        floor(date_part('epoch', s.authenticated_at)),
        floor(date_part('epoch', s.expires_at)),
        floor(greatest(0, date_part('epoch', moment - s.last_seen_at) * 1000)),
        floor(greatest(0, date_part('epoch', moment - s.authenticated_at) * 1000)),
        s.idle_timeout, s.absolute_timeout,
        s.ended_at, t.retired_at, t.grace_until
    into
        state, end_reason, session_id, user_name, auth_method,
        created_at, authenticated_at, expires_at, idle_ms, age_ms, idle_timeout, absolute_timeout,
        ended_at, retired_at, grace_until
    from token t
    join session_state s on s.session_id = t.session_id
    where t.token_hash = lookup.token_hash
    and s.realm = lookup.realm;

    if not found then
        return;
    end if;
    if end_reason is null and moment >= grace_until then
        if moment < retired_at + interval '10 seconds' then
            state := 'retired';
        else
            end_reason := 'reuse';
        end if;
    end if;

    if end_reason is null then
        if state = 'live'
            and idle_ms >= greatest(idle_timeout * 100::bigint, 1000)
            and (idle_cap = 0 or idle_ms <= idle_cap * 1000::bigint)
            and (absolute_cap = 0 or age_ms <= absolute_cap * 1000::bigint)
        then
            perform touch(session_id, moment);
        end if;
        return next;
    elsif ended_at is null and not current_setting('transaction_read_only')::boolean then
        perform end_noticed(session_id, end_reason, client_addr);
        return query
        select *
        from lookup(token_hash, realm, idle_cap, absolute_cap, client_addr);
    else
        state := 'ended';
        return next;
    end if;
end
$$;
comment on function secsession.lookup(bytea, text, integer, integer, inet) is
    'Looks a token up by its hash: no row where it is unknown in this realm, else state live, retired (an old token: refused, without harm) or ended (see end_reason). A live session counts as used if it is within the location''s caps in seconds (0: no cap). Times are seconds since 1970, idle_ms is since the request before this one, age_ms since the authentication.';

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
