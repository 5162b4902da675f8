-- What web servers ask of sessions of which something is under way: a response, an upload, a
-- WebSocket. Written for many sessions at once.

create or replace function secsession.under_way(session_ids uuid[])
returns table (left_ms bigint, age_ms bigint)
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
-- As for lookup_many().
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select
        (extract(epoch from s.expires_at - statement_timestamp()) * 1000)::bigint,
        (extract(epoch from statement_timestamp() - s.authenticated_at) * 1000)::bigint
    from unnest(session_ids) with ordinality as u (session_id, n)
    left join lateral (
        select
            known.expires_at,
            known.authenticated_at
        from session_state known
        where known.session_id = u.session_id
        -- What is under way is use: a session is not idle meanwhile.
        and (known.ending is null or (known.ending = 'idle' and known.ended_at is null))
        limit 1
    ) s on true
    order by u.n;
end
$$;
comment on function secsession.under_way(uuid[]) is
    'For each of these sessions, in their order: the milliseconds until its absolute end and since '
    'its authentication; null where it has ended. Changes nothing and waits for nobody.';
