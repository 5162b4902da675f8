-- What a look-up that has something to decide or to write leaves behind: that the session was used,
-- that it has ended, that its next token was accepted, that its user's record is compared.

create or replace function secsession.is_use(
    session secsession.session,
    idle_cap integer,
    absolute_cap integer
)
returns boolean
language sql
stable
return idle_cap >= 0
    and (
        idle_cap = 0
        or secsession.idle_end(session.last_seen_at, idle_cap) > statement_timestamp()
    )
    and (
        absolute_cap = 0
        or session.authenticated_at + make_interval(secs => absolute_cap) > statement_timestamp()
    );
comment on function secsession.is_use(secsession.session, integer, integer) is
    'Internal: whether a look-up with these caps, see lookup(), is a use of the session.';

create or replace function secsession.stamp_that_is_due(checked secsession.session)
returns bytea
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- Of a check that is still to come the clock has been set back.
    if coalesce(
        checked.stamp_checked_at > statement_timestamp() - interval '1 min'
            and checked.stamp_checked_at < statement_timestamp() + interval '1 min',
        true
    )
    then
        return null;
    end if;
    if current_setting('transaction_read_only')::boolean then
        return checked.credential_stamp;
    end if;
    -- If a crash takes it back it is compared once more.
    perform set_config('synchronous_commit', 'off', true);
    -- Of many requests at once one is enough, and none waits.
    update session s
    set stamp_checked_at = statement_timestamp()
    where s.session_id = (
        select due.session_id
        from session due
        where due.session_id = checked.session_id
        and due.ended_at is null
        and due.stamp_checked_at = checked.stamp_checked_at
        for no key update skip locked
    );
    return case when found then checked.credential_stamp end;
end
$$;
comment on function secsession.stamp_that_is_due(secsession.session) is
    'Internal: the session''s credential_stamp if this request is to compare it with the record: '
    'one in a minute; else null.';

create or replace function secsession.end_changed(session_id uuid)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
begin
    return end_sessions(array[session_id], 'revoked', 'the record of the user has changed');
end
$$;
comment on function secsession.end_changed(uuid) is
    'Ends a session whose user has another record, or none, than at the login. Returns how many '
    'ended: 0 or 1.';

create or replace function secsession.touch(
    session_ids uuid[],
    moments timestamptz[],
    share_of_idle double precision default 0.1
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if current_setting('transaction_read_only')::boolean then
        return;
    end if;
    -- A lost touch can only end a session earlier: no need to wait for the disk.
    perform set_config('synchronous_commit', 'off', true);
    -- Of many at once only one writes, and none waits for another or for a revocation. A use that
    -- comes when the session had ended by then does not revive it.
    with used as (
        select u.session_id, u.moment
        from unnest(touch.session_ids, touch.moments) as u (session_id, moment)
    ),
    due as (
        select s.session_id, u.moment
        from session s
        join used u on u.session_id = s.session_id
        where s.ended_at is null
        and s.last_seen_at <= u.moment - interval '1 s'
        and s.last_seen_at <= statement_timestamp()
            - make_interval(secs => s.idle_timeout * touch.share_of_idle)
        and idle_end(s.last_seen_at, s.idle_timeout) > u.moment
        for no key update of s skip locked
    )
    update session s
    set last_seen_at = greatest(s.last_seen_at, d.moment),
        expires_at = case
            when s.user_name is null
            then end_of_session(
                null, s.authenticated_at, greatest(s.last_seen_at, d.moment),
                s.idle_timeout, s.absolute_timeout
            )
            else s.expires_at
        end
    from due d
    where s.session_id = d.session_id
    and s.ended_at is null;
exception
    when disk_full or lock_not_available or serialization_failure then
        return;
end
$$;
comment on function secsession.touch(uuid[], timestamptz[], double precision) is
    'Internal: moves last_seen_at of these sessions forward, at most once in this share of the '
    'idle timeout and once a second. Where the database cannot write, running sessions go on '
    'without.';

create or replace function secsession.touch_exactly(used secsession.session, idle_cap integer)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- A cache remembers a use until it is written; here it is written or forgotten.
    perform touch(
        array[used.session_id],
        array[statement_timestamp()],
        0.01 * least(nullif(idle_cap, 0) / used.idle_timeout::double precision, 1)
    );
end
$$;
comment on function secsession.touch_exactly(secsession.session, integer) is
    'Internal: notes that a session is used at this moment, to a hundredth of the idle timeout, '
    'its own or the location''s cap in seconds (0: no cap).';

create or replace function secsession.end_noticed(
    session_id uuid,
    end_reason text,
    client_addr inet
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if end_reason <> 'reuse' then
        perform end_sessions(array[session_id], null, null);
    else
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
    end if;
    return not exists (
        select
        from session_state s
        where s.session_id = end_noticed.session_id
        and s.ended_at is null
        and s.ending is not null
    );
end
$$;
comment on function secsession.end_noticed(uuid, text, inet) is
    'Internal: ends the session that a lookup found past its end or whose retired token it was '
    'given. Whether it has its tombstone.';

create or replace function secsession.is_written_down(
    session secsession.session,
    state text,
    end_reason text,
    token secsession.token,
    client_addr inet,
    client_agent text
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if current_setting('transaction_read_only')::boolean then
        return false;
    end if;
    if state = 'ended' and session.ended_at is null then
        return end_noticed(session.session_id, end_reason, client_addr);
    end if;
    if state = 'live' and token.offered_grace is not null then
        return accept_offer(session.session_id, token.token_hash, client_addr, client_agent);
    end if;
    return false;
end
$$;
comment on function secsession.is_written_down(
    secsession.session, text, text, secsession.token, inet, text
) is
    'Internal: writes down that a session has ended, or that the next token of a live one has been '
    'presented, if a lookup has found that. Whether that is so now, and it is to be looked up '
    'again.';
