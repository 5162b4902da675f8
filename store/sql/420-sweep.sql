-- What is left to do after a revocation, in small pieces: tombstones and events for its sessions.
-- Web servers call it; nothing waits for it.

create or replace function secsession.is_over(horizon xid8)
returns boolean
language sql
stable
return horizon <= pg_snapshot_xmin(pg_current_snapshot());
comment on function secsession.is_over(xid8) is
    'Internal: whether every transaction before this one has ended.';

create or replace function secsession.set_horizon(revocation_ids bigint[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- A login takes the number of its transaction before it looks for revocations: one that has
    -- missed a revocation which is seen here has a smaller number than the next, and is still
    -- running.
    update revocation v
    set horizon = pg_snapshot_xmax(pg_current_snapshot())
    where v.revocation_id = any (revocation_ids)
    and v.horizon is null;
end
$$;
comment on function secsession.set_horizon(bigint[]) is
    'Internal: notes for revocations, which are seen here, which transactions may have missed '
    'them.';

create or replace function secsession.sweep_named(batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    picked constant bigint[] := array(
        select v.revocation_id
        from revocation v
        where v.waits_since is not null
        and v.kind not in ('before', 'all')
        order by v.waits_since
        limit batch
        for no key update skip locked
    );
    ids uuid[];
    closing bigint[];
begin
    perform set_horizon(picked);
    ids := array(
        select s.session_id
        from revocation v
        cross join lateral unended_of(v, batch) s
        where v.revocation_id = any (picked)
        limit batch
    );
    perform end_sessions(ids, null, null);

    -- Closed is what no transaction can have missed any more, and has nothing left to end.
    closing := array(
        select v.revocation_id
        from revocation v
        where v.revocation_id = any (picked)
        and is_over(v.horizon)
        and not exists (select from unended_of(v, 1))
    );
    perform refuse_credentials(closing);
    update revocation v
    set swept_at = clock_timestamp(),
        waits_since = null
    where v.revocation_id = any (closing);

    -- What somebody holds up waits behind all others.
    if cardinality(picked) = batch then
        update revocation v
        set waits_since = clock_timestamp()
        where v.revocation_id = any (picked)
        and v.swept_at is null;
    end if;
    return greatest(cardinality(ids), cardinality(closing));
end
$$;
comment on function secsession.sweep_named(integer) is
    'Internal: sweeps revocations of sessions, users and addresses. Returns how many sessions it '
    'found or, if these are more, revocations it closed.';

create or replace function secsession.leave_held(ids uuid[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
begin
    insert into revocation (
        kind, realm, user_name, session_id, end_reason, revoked_at, raised_by, actor, reason, detail
    )
    select
        'session', s.realm, coalesce(s.user_name, ''), s.session_id, v.end_reason, v.revoked_at,
        v.raised_by, v.actor, v.reason, v.detail
    from session s
    cross join lateral (
        select v.*
        from revocation v
        where v.swept_at is null
        and v.user_name in (s.user_name, '')
        and ends(v, s)
        order by v.revoked_at, v.revocation_id
        limit 1
    ) v
    where s.session_id = any (ids)
    and s.ended_at is null
    and v.kind in ('before', 'all')
    and not exists (
        select
        from revocation own
        where own.swept_at is null
        and own.user_name = coalesce(s.user_name, '')
        and own.session_id = s.session_id
    );
end
$$;
comment on function secsession.leave_held(uuid[]) is
    'Internal: those of these sessions that somebody else holds get a revocation of their own in '
    'place of the one of all sessions that ends them, which then need not wait for them.';

create or replace function secsession.next_wide()
returns bigint[]
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    last_id constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    picked bigint[] := array(
        select v.revocation_id
        from revocation v
        where v.swept_at is null
        and v.user_name = ''
        and v.kind in ('before', 'all')
        for no key update skip locked
    );
begin
    perform set_horizon(picked);
    -- What ended before every transaction that could have missed it had ended is done once more.
    update revocation v
    set swept_to = null
    where v.revocation_id = any (picked)
    and v.swept_to = last_id
    and is_over(v.horizon);

    update revocation v
    set is_last_pass = is_over(v.horizon)
    where v.revocation_id = any (picked)
    and v.swept_to is null;

    -- All that are at the same place go on together: those that have come farthest.
    return array(
        select v.revocation_id
        from revocation v
        where v.revocation_id = any (picked)
        and v.swept_to is not distinct from (
            select first.swept_to
            from revocation first
            where first.revocation_id = any (picked)
            and first.swept_to is distinct from last_id
            order by first.swept_to desc nulls last
            limit 1
        )
        and v.swept_to is distinct from last_id
    );
end
$$;
comment on function secsession.next_wide() is
    'Internal: the revocations of all sessions, or of those before a moment, that are to be swept '
    'next.';

create or replace function secsession.sweep_wide(batch integer)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    first_id constant uuid := '00000000-0000-0000-0000-000000000000';
    last_id constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    picked constant bigint[] := next_wide();
    ids uuid[];
begin
    if cardinality(picked) = 0 then
        return 0;
    end if;
    -- All sessions by their ids, which do not change, so that no session is missed.
    ids := array(
        select s.session_id
        from session s
        where s.session_id > coalesce(
            (
                select v.swept_to
                from revocation v
                where v.revocation_id = picked[1]
            ),
            first_id
        )
        order by s.session_id
        limit batch
    );
    perform end_sessions(ids, null, null);
    perform leave_held(ids);

    update revocation v
    set swept_to = case when cardinality(ids) = batch then ids[batch] else last_id end
    where v.revocation_id = any (picked);
    if cardinality(ids) < batch then
        update revocation v
        set swept_at = clock_timestamp(),
            waits_since = null
        where v.revocation_id = any (picked)
        and v.is_last_pass;
    end if;
    return cardinality(ids);
end
$$;
comment on function secsession.sweep_wide(integer) is
    'Internal: sweeps revocations of all sessions or of those before a moment. Returns how many '
    'sessions it looked at.';

create or replace function secsession.forget_changes(batch integer)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    enough change_mark;
    removed integer;
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
    -- Not by the clock, which may be set. What several servers mark at once counts once.
    select m.*
    into enough
    from change_mark m
    where m.mark_id = (
        select max(k.mark_id)
        from change_mark k
        group by date_bin('10 s', k.at, timestamptz 'epoch')
        order by max(k.mark_id) desc
        offset 4
        limit 1
    );

    if not found then
        return;
    end if;
    delete from change c
    where c.ctid = any (array(
        select o.ctid
        from change o
        where o.changed_by < pg_snapshot_xmax(enough.seen)
        and pg_visible_in_snapshot(o.changed_by, enough.seen)
        limit batch
        for update skip locked
    ));
    get diagnostics removed = row_count;
    if removed < batch then
        delete from change_mark m
        where m.ctid = any (array(
            select o.ctid
            from change_mark o
            where o.mark_id < enough.mark_id
            for update skip locked
        ));
    end if;
end
$$;
comment on function secsession.forget_changes(integer) is
    'Internal: removes up to so many changes that had been committed half a minute ago: all web '
    'servers have heard of them, or will empty their caches (NEWS_LAST in store/listener.c).';

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
    perform wait_for_disk_only();
    batch := least(batch, 100000000);    -- of which ten times as many can be counted
    found_named := sweep_named(batch);
    found_wide := sweep_wide(batch);

    delete from revocation v
    where v.revocation_id in (
        select old.revocation_id
        from revocation old
        where old.swept_at < clock_timestamp() - interval '1 day'
        order by old.swept_at
        limit batch * 10
        for update skip locked
    );
    perform forget_changes(batch * 10);
    return greatest(found_named, found_wide);
end
$$;
comment on function secsession.sweep(integer) is
    'Writes the tombstones and events of up to so many sessions that a revocation has ended, and '
    'closes revocations that have none left. Returns how many sessions it looked at or, if these '
    'are more, revocations it closed: if it is above 0 there may be more.';
