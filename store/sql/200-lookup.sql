-- Looking a token up: what every request does.

-- The current epoch of a user in a realm: it changes with every revocation that concerns them.
create or replace function secsession.current_epoch(realm text, user_name text)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    select coalesce(sum(e.epoch), 0)::bigint
    from secsession.revocation_epoch e
    where e.realm in ('', $1)
      and e.user_name in ('', $2)
$$;
comment on function secsession.current_epoch(text, text) is
    'how often this user, this realm, or everybody has been revoked';

-- What lookup() and authenticate() tell the module of a session.
do $$
begin
    if to_regtype('secsession.session_state') is null then
        create type secsession.session_state as (
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
        );
    end if;
end
$$;
alter type secsession.session_state owner to secsession_owner;
comment on type secsession.session_state is
    'a session as mod_secsession sees it: state is live, retired or ended; *_at in seconds since 1970';

-- Writes the tombstone of a session and its event, unless it has ended before. Whether it ended now.
create or replace function secsession.end_session(
    p_session_id uuid, p_end_reason text, p_event text, p_reason text, p_detail jsonb)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    with ended as (
        update secsession.session s
        set ended_at = clock_timestamp(),
            end_reason = p_end_reason
        where s.session_id = p_session_id
          and s.ended_at is null
        returning s.session_id, s.realm, s.user_name, s.client_addr
    )
    insert into secsession.event_log (event, session_id, realm, user_name, client_addr, reason, detail)
    select p_event, e.session_id, e.realm, e.user_name, e.client_addr, p_reason, p_detail
    from ended e;
    return found;
end
$$;
comment on function secsession.end_session(uuid, text, text, text, jsonb) is
    'ends one session for good, with its event; false if it had ended before';

-- Notes that a session is in use, at most once in a tenth of its idle timeout and never more often
-- than once a second: checked again under the row's lock, so that of many requests one writes, and
-- none waits for a transaction that is changing the session. The commit need not wait for the disk: a
-- touch that is lost can only make the session end earlier.
create or replace function secsession.touch(p_session_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    update secsession.session s
    set last_seen_at = greatest(s.last_seen_at, clock_timestamp())
    from (
        select locked.session_id
        from secsession.session locked
        where locked.session_id = p_session_id
          and locked.ended_at is null
          and locked.last_seen_at <= clock_timestamp()
              - make_interval(secs => greatest(locked.idle_timeout / 10.0, 1.0))
        for update skip locked) due
    where s.session_id = due.session_id;
end
$$;
comment on function secsession.touch(uuid) is 'notes that a session is in use';

-- What a look-up does when the session is not simply live: ends it if it is over, and says why.
create or replace function secsession.settle(
    found_session secsession.session_state, p_epoch bigint, p_retired_at timestamptz,
    p_grace_until timestamptz, p_client_addr inet)
returns secsession.session_state
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    reuse_from constant timestamptz := greatest(p_grace_until, p_retired_at + interval '10 s');
    over text;
begin
    over := case
        when p_epoch <> secsession.current_epoch(
            (select s.realm from secsession.session s where s.session_id = found_session.session_id),
            found_session.user_name) then 'revoked'
        when found_session.age_ms >= found_session.absolute_timeout * bigint '1000' then 'absolute'
        when found_session.idle_ms >= found_session.idle_timeout * bigint '1000' then 'idle'
        when clock_timestamp() >= reuse_from then 'reuse'
    end;
    if over is not null then
        -- Whoever holds the row is ending the session, or the next look-up will.
        perform
        from secsession.session s
        where s.session_id = found_session.session_id
        for update skip locked;
        if found then
            perform secsession.end_session(
                found_session.session_id, over,
                case over
                    when 'revoked' then 'revoked'
                    when 'reuse' then 'reuse_detected'
                    else 'expired_' || over
                end,
                case over when 'revoked' then 'the revocation came while the user was logging in' end,
                case over
                    when 'reuse' then jsonb_build_object('presented_from', host(p_client_addr))
                end);
        end if;
        found_session.state := 'ended';
        found_session.end_reason := over;
    elsif p_retired_at is not null and (p_grace_until is null or clock_timestamp() >= p_grace_until) then
        found_session.state := 'retired';
    end if;
    return found_session;
end
$$;
comment on function secsession.settle(
    secsession.session_state, bigint, timestamptz, timestamptz, inet) is
    'ends a session that lookup() found to be over';

-- One row of nulls (state null): the token is unknown in this realm. A live session costs one
-- read and no write, unless its last-seen time is due. The caps are the location's own limits in
-- seconds (0: none): a request beyond them is refused by the module and is no use of the session.
create or replace function secsession.lookup(
    p_token_hash bytea, p_realm text, p_idle_cap integer, p_absolute_cap integer,
    p_client_addr inet default null)
returns secsession.session_state
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    now constant timestamptz := clock_timestamp();
    found_session secsession.session_state;
    epoch bigint;
    current bigint;
    retired timestamptz;
    grace timestamptz;
begin
    select case when s.ended_at is null then 'live' else 'ended' end, s.end_reason, s.session_id,
           s.user_name, s.auth_method, floor(extract(epoch from s.created_at)),
           floor(extract(epoch from s.authenticated_at)), floor(extract(epoch from s.expires_at)),
           floor(extract(epoch from now - s.last_seen_at) * 1000),
           floor(extract(epoch from now - s.authenticated_at) * 1000),
           s.idle_timeout, s.absolute_timeout, s.epoch, t.retired_at, t.grace_until,
           (select coalesce(sum(e.epoch), 0) -- current_epoch(): a call would cost a tenth of it all
            from secsession.revocation_epoch e
            where e.realm in ('', s.realm)
              and e.user_name in ('', s.user_name))
    into found_session.state, found_session.end_reason, found_session.session_id,
         found_session.user_name, found_session.auth_method, found_session.created_at,
         found_session.authenticated_at, found_session.expires_at,
         found_session.idle_ms, found_session.age_ms,
         found_session.idle_timeout, found_session.absolute_timeout, epoch, retired, grace, current
    from secsession.token t
    join secsession.session s using (session_id)
    where t.token_hash = p_token_hash
      and s.realm = p_realm;
    if found_session.state is distinct from 'live' then
        return found_session;
    end if;
    if epoch <> current
       or retired is not null
       or found_session.age_ms >= found_session.absolute_timeout * bigint '1000'
       or found_session.idle_ms >= found_session.idle_timeout * bigint '1000' then
        found_session := secsession.settle(found_session, epoch, retired, grace, p_client_addr);
    end if;
    if found_session.idle_ms >= greatest(found_session.idle_timeout * 100, 1000)
       and found_session.state = 'live'
       and (p_idle_cap = 0 or found_session.idle_ms < p_idle_cap * bigint '1000')
       and (p_absolute_cap = 0 or found_session.age_ms < p_absolute_cap * bigint '1000') then
        perform secsession.touch(found_session.session_id);
    end if;
    return found_session;
end
$$;
comment on function secsession.lookup(bytea, text, integer, integer, inet) is
    'the session of a token, for mod_secsession';
