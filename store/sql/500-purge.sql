-- Removing what nobody needs any more.

create or replace function secsession.purge(batch integer default 1000)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
as $$
declare
    moment constant timestamptz := clock_timestamp();
    past uuid[];
    events integer;
begin
    if (batch > 0) is not true then
        raise exception 'batch must be above 0'
            using errcode = 'invalid_parameter_value';
    end if;
    -- What a crash takes back is done again.
    perform wait_for_disk_only();
    -- Not before the absolute end: until then an old token must be known as retired or ended.
    past := array(
        select s.session_id
        from session s
        where s.expires_at <= moment
        order by s.expires_at
        limit batch
        for update skip locked
    );
    perform end_sessions(past, null, null);
    delete from session s
    where s.session_id = any (past);

    delete from login_attempt a
    where (a.realm, a.user_key, a.address) in (
        select old.realm, old.user_key, old.address
        from login_attempt old
        where old.last_at < moment - interval '1 day'
        order by old.last_at
        limit batch * 10
        for update skip locked
    );

    delete from event_log l
    where l.event_id in (
        select old.event_id
        from event_log old
        where old.at < moment - (select event_retention from setting)
        order by old.at
        -- A session leaves several.
        limit batch * 10
        for update skip locked
    );
    get diagnostics events = row_count;
    -- Where nobody logs in, and many try to, there are events alone.
    return greatest(cardinality(past), ceil(events / 10.0));
end
$$;
comment on function secsession.purge(integer) is
    'Removes up to so many sessions whose absolute end has passed, with their tokens, and ten '
    'times as many events past their retention and attempts to log in that are a day old. Returns '
    'how many sessions it removed, or tens of events where these are more: if it is above 0 there '
    'may be more of them.';
