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
    moment constant timestamptz := clock_timestamp();
    ended_at timestamptz;
    retired_at timestamptz;
    grace_until timestamptz;
begin
    select
        s.ending, s.session_id, s.user_name, s.auth_method,
        floor(date_part('epoch', s.created_at)),
        floor(date_part('epoch', s.authenticated_at)),
        floor(date_part('epoch', s.expires_at)),
        greatest(0, date_part('epoch', moment - s.last_seen_at) * 1000),
        greatest(0, date_part('epoch', moment - s.authenticated_at) * 1000),
        s.idle_timeout, s.absolute_timeout, s.ended_at, t.retired_at, t.grace_until
    into
        end_reason, session_id, user_name, auth_method, created_at, authenticated_at, expires_at,
        idle_ms, age_ms, idle_timeout, absolute_timeout, ended_at, retired_at, grace_until
    from token t
    join session_state s on s.session_id = t.session_id
    where t.token_hash = lookup.token_hash
    and s.realm = lookup.realm;

    if not found then
        return;
    end if;
    state := 'live';
    if end_reason is null and moment >= grace_until then
        if moment < greatest(grace_until, retired_at + interval '10 seconds') then
            state := 'retired';
        else
            end_reason := 'reuse';
        end if;
    end if;

    if end_reason is not null then
        state := 'ended';
        if ended_at is null and not current_setting('transaction_read_only')::boolean then
            perform settle(session_id, nullif(end_reason, ...), lookup.client_addr);
        end if;
    end if;
    return next;
end
$$;
