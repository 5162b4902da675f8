-- Removing what nobody needs any more. Nothing here waits for a lock, and no plan depends on what
-- was in a table when it was last analysed: rows are found by an index or not at all.

create or replace function secsession.remove_sessions(
    batch integer,
    out sessions integer,
    out tokens integer
)
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    past uuid[];
begin
    -- Not before the absolute end: until then an old token must be known as retired or ended.
    past := array(
        select s.session_id
        from session s
        where s.expires_at <= statement_timestamp()
        order by s.expires_at
        limit batch
        for update skip locked
    );
    perform end_sessions(past, null, null);
    -- A session may have had any number of them.
    delete from other_token t
    where t.token_hash = any (array(
        select old.token_hash
        from other_token old
        where old.session_id = any (past)
        limit batch * 10
        for update skip locked
    ));
    get diagnostics tokens = row_count;
    sessions := 0;
    if tokens = batch * 10 then
        return;
    end if;
    delete from session s
    where s.session_id = any (past)
    and not exists (
        select
        from other_token t
        where t.session_id = s.session_id
    );
    get diagnostics sessions = row_count;
end
$$;
comment on function secsession.remove_sessions(integer) is
    'Internal: removes up to so many sessions whose absolute end has passed, and up to ten times '
    'as many of their tokens beside the current one. Returns how many of each.';

create or replace function secsession.remove_attempts(batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
as $$
declare
    removed integer;
begin
    delete from login_attempt a
    where a.ctid = any (array(
        select old.ctid
        from login_attempt old
        where old.last_at < statement_timestamp() - interval '1 day'
        order by old.last_at
        limit batch
        for update skip locked
    ));
    get diagnostics removed = row_count;
    return removed;
end
$$;
comment on function secsession.remove_attempts(integer) is
    'Internal: removes up to so many attempts to log in that are a day old. Returns how many.';

create or replace function secsession.remove_credentials(batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
as $$
declare
    removed integer;
begin
    -- Those that are refused stay until they are allowed again.
    delete from credential c
    where c.credential_hash = any (array(
        select old.credential_hash
        from credential old
        where old.last_at < statement_timestamp() - interval '400 days'
        and not is_refused(array[old.credential_hash])
        order by old.last_at
        limit batch
        for update skip locked
    ));
    get diagnostics removed = row_count;
    return removed;
end
$$;
comment on function secsession.remove_credentials(integer) is
    'Internal: removes up to so many credentials with which no session has begun for more than a '
    'year. Returns how many.';

create or replace function secsession.empty_past_month(oldest timestamptz)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    past regclass;
begin
    select p.partition_id
    into past
    from event_partitions() p
    where p.end_at <= oldest
    and pg_relation_size(p.partition_id) > 0
    limit 1;

    if not found then
        return false;
    end if;
    -- Not while somebody reads it, such as pg_dump.
    execute format('lock table %s in access exclusive mode nowait', past);
    execute format('truncate %s', past);
    return true;
exception
    when lock_not_available then
        return false;
end
$$;
comment on function secsession.empty_past_month(timestamptz) is
    'Internal: empties the first partition of event_log that has events only from before that '
    'moment, whatever their number, at once. Whether there was one, and nobody was reading it.';

create or replace function secsession.remove_single_events(oldest timestamptz, batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
as $$
declare
    part record;
    removed integer := 0;
    removed_here integer;
begin
    for part in
        select p.partition_id
        from event_partitions() p
        where p.is_default
        -- To keep events for less than a month is to want them gone by then.
        or (p.first_at < oldest and oldest > statement_timestamp() - interval '1 month')
    loop
        execute format(
            'delete from %1$s l
            where l.ctid = any (array(
                select old.ctid
                from %1$s old
                where old.at < $1
                order by old.at
                limit $2
                for update skip locked
            ))',
            part.partition_id
        )
        using oldest, batch - removed;
        get diagnostics removed_here = row_count;
        removed := removed + removed_here;
    end loop;
    return removed;
end
$$;
comment on function secsession.remove_single_events(timestamptz, integer) is
    'Internal: removes up to so many events from before that moment, one by one, where they are '
    'not to wait for the end of their month or belong to none. Returns how many.';

create or replace function secsession.remove_events(batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    oldest constant timestamptz := statement_timestamp() - coalesce(
        (select s.event_retention from setting s), interval '180 days'
    );
begin
    perform make_event_months();
    return empty_past_month(oldest)::integer + remove_single_events(oldest, batch);
end
$$;
comment on function secsession.remove_events(integer) is
    'Internal: removes events past their retention: a whole month of them, and up to so many that '
    'go one by one. Returns how many, a month counted as one.';

create or replace function secsession.purge(batch integer default 1000)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
-- What is switched off here counts as so dear that PostgreSQL would compile the plans.
set jit = off
as $$
declare
    stop_at constant timestamptz := clock_timestamp() + interval '250 ms';
    step record;
    sessions integer := 0;
    others integer := 0;
begin
    if (batch > 0) is not true then
        raise exception 'batch must be above 0'
            using errcode = 'invalid_parameter_value';
    end if;
    -- What a crash takes back is done again.
    perform wait_for_disk_only();
    batch := least(batch, 100000000);    -- of which ten times as many can be counted
    others := remove_events(batch * 10) + remove_attempts(batch * 10)
        + remove_credentials(batch * 10);
    -- In small steps, of which there is one at least: how long one takes, nobody knows before.
    loop
        select r.*
        into step
        from remove_sessions(least(batch - sessions, 50)) r;
        sessions := sessions + step.sessions;
        others := others + step.tokens;
        exit when step.sessions + step.tokens = 0
            or sessions = batch
            or clock_timestamp() >= stop_at;
    end loop;
    -- Where nobody logs in, and many try to, there are events alone.
    return greatest(sessions, ceil(others / 10.0));
end
$$;
comment on function secsession.purge(integer) is
    'Removes up to so many sessions whose absolute end has passed, with their tokens, as many as a '
    'quarter of a second is enough for; events past their retention, and attempts to log in that '
    'are a day old; and makes the next partition of the events. Returns how many sessions it '
    'removed, or tens of tokens, events, attempts and credentials where these are more: if it is '
    'above 0 there may be more of them.';
