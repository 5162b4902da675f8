-- What is left to do after a revocation, in small pieces: tombstones and events for its sessions.
-- Web servers call it; nothing waits for it.

create or replace function secsession.sweep_named(batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
as $$
declare
    ids uuid[];
begin
    -- Those that somebody else holds are left for later, and keep none of the others waiting.
    ids := array(
        select s.session_id
        from (
            select v
            from revocation v
            where v.swept_at is null
            and v.kind not in ('before', 'all')
            order by v.revocation_id
            limit 1000
        ) open
        cross join lateral unended_of(open.v, 1000) unended
        join session s on s.session_id = unended.session_id
        limit batch
        for no key update of s skip locked
    );
    perform end_sessions(ids, null, null);

    -- Closed is what no transaction can have missed any more, and has nothing left to end.
    update revocation v
    set swept_at = clock_timestamp()
    where v.revocation_id in (
        select old.revocation_id
        from revocation old
        where old.swept_at is null
        and old.kind not in ('before', 'all')
        and old.horizon <= pg_snapshot_xmin(pg_current_snapshot())
        and not exists (select from unended_of(old, 1))
        order by old.revocation_id
        limit batch
        for update skip locked
    );
    return cardinality(ids);
end
$$;
comment on function secsession.sweep_named(integer) is
    'Internal: sweeps revocations of sessions, users and addresses. Returns how many sessions it '
    'found that nobody else holds.';

create or replace function secsession.finish_sweep(open secsession.revocation)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = on
as $$
declare
    most constant integer := 1000;
    missed constant uuid[] := array(
        select s.session_id
        from session s
        where s.ended_at is null
        and ends(open, s)
        limit most
    );
begin
    perform end_sessions(missed, null, null);
    if cardinality(missed) < most then
        -- What somebody else holds gets a revocation of its own, lest all others be looked at again
        -- and again for as long as that lasts.
        insert into revocation (
            kind, realm, user_name, session_id, end_reason, revoked_at, actor, reason, detail
        )
        select
            'session', s.realm, coalesce(s.user_name, ''), s.session_id, open.end_reason,
            open.revoked_at, open.actor, open.reason, open.detail
        from session s
        where s.session_id = any (missed)
        and s.ended_at is null;
    end if;
    update revocation v
    set swept_to = case when cardinality(missed) < most then v.swept_to end,
        swept_at = case when cardinality(missed) < most then clock_timestamp() end
    where v.revocation_id = open.revocation_id;
end
$$;
comment on function secsession.finish_sweep(secsession.revocation) is
    'Internal: closes a revocation that no transaction can have missed any more, when what it has '
    'still to end has ended; if that is a lot, all sessions are looked at once more.';

create or replace function secsession.sweep_wide(batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
as $$
declare
    open revocation;
    first_id constant uuid := '00000000-0000-0000-0000-000000000000';
    last_id constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    ids uuid[];
begin
    select v.*
    into open
    from revocation v
    where v.swept_at is null
    and v.kind in ('before', 'all')
    order by v.revocation_id
    limit 1
    for no key update skip locked;

    if not found then
        return 0;
    end if;
    -- All sessions by their ids, once. Who was held by somebody else, or has committed since behind
    -- the place where this is, is missed.
    if open.swept_to = last_id then
        if open.horizon <= pg_snapshot_xmin(pg_current_snapshot()) then
            perform finish_sweep(open);
        end if;
        return 0;
    end if;
    ids := array(
        select s.session_id
        from session s
        where s.session_id > coalesce(open.swept_to, first_id)
        order by s.session_id
        limit batch
    );
    perform end_sessions(ids, null, null);
    update revocation v
    set swept_to = case when cardinality(ids) = batch then ids[batch] else last_id end
    where v.revocation_id = open.revocation_id;
    return cardinality(ids);
end
$$;
comment on function secsession.sweep_wide(integer) is
    'Internal: sweeps the oldest revocation of all sessions or of those before a moment. Returns '
    'how many sessions it looked at.';

create or replace function secsession.forget_changes()
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
as $$
declare
    enough change_mark;
begin
    if not exists (
        select
        from change_mark m
        where m.at between clock_timestamp() - interval '10 s' and clock_timestamp()
    )
        and exists (select from change)
    then
        insert into change_mark default values;
    end if;
    -- Not by the clock, which may be set.
    select m.*
    into enough
    from change_mark m
    order by m.mark_id desc
    offset 4
    limit 1;

    delete from change c
    where c.changed_by < pg_snapshot_xmax(enough.seen)
    and pg_visible_in_snapshot(c.changed_by, enough.seen);
    delete from change_mark m
    where m.mark_id < enough.mark_id;
end
$$;
comment on function secsession.forget_changes() is
    'Internal: removes the changes that had been committed half a minute ago: all web servers have '
    'heard of them, or will empty their caches (NEWS_LAST in store/listener.c).';

create or replace function secsession.sweep(batch integer default 1000)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
as $$
declare
    found_named integer;
    found_wide integer;
begin
    if (batch > 0) is not true then
        raise exception 'batch must be above 0'
            using errcode = 'invalid_parameter_value';
    end if;
    -- What is lost in a crash is done again; a standby that is away must not hold it up.
    perform set_config('synchronous_commit', 'local', true);
    -- A login takes the number of its transaction before it looks for revocations: one that has
    -- missed a revocation which is seen here has a smaller number than the next, and is still
    -- running.
    update revocation v
    set horizon = pg_snapshot_xmax(pg_current_snapshot())
    where v.revocation_id in (
        select fresh.revocation_id
        from revocation fresh
        where fresh.swept_at is null
        and fresh.horizon is null
        limit batch
        for update skip locked
    );
    found_named := sweep_named(batch);
    found_wide := sweep_wide(batch);

    delete from revocation v
    where v.swept_at < clock_timestamp() - interval '1 day';
    perform forget_changes();
    return greatest(found_named, found_wide);
end
$$;
comment on function secsession.sweep(integer) is
    'Writes the tombstones and events of up to so many sessions that a revocation has ended, and '
    'closes revocations that have none left. Returns how many sessions it looked at: if it is '
    'above 0 there may be more.';
