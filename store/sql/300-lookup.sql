-- What every request of a browser asks: does this token stand for a live session?

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
begin
    -- Written for speed: each expression more costs what shows in bench/all. A session about
    -- which there is nothing to decide or to write is answered here, any other by careful_lookup().
    select
        s.session_id, s.user_name, s.auth_method, s.idle_timeout, s.absolute_timeout,
        s.created_at, s.authenticated_at, s.expires_at, s.last_seen_at, s.vault_version,
        s.persistent, s.rotated_at, coalesce(s.bound_addr, s.client_addr) as bound_addr,
        s.credential_stamp is not null as is_stamped,
        s.ended_at is null
            and s.expires_at > statement_timestamp()
            and s.last_seen_at > statement_timestamp() - s.idle_timeout * interval '0.1 s'
            and coalesce(
                s.stamp_checked_at > statement_timestamp() - interval '1 min', true
            )
            and s.epoch = (
                select coalesce(sum(e.epoch), 0)
                from revocation_epoch e
                where e.realm in (s.realm, '')
                and e.user_name in (s.user_name, '')
            ) as is_plain
    into known
    from session s
    where s.token_hash = lookup.token_hash
    and s.realm = lookup.realm;

    if known.is_plain then
        return row(
            case when known.user_name is null then 'anonymous' else 'live' end,
            null::text, known.session_id, known.user_name, known.auth_method,
            known.created_at, known.authenticated_at, known.expires_at, known.last_seen_at,
            statement_timestamp(), known.idle_timeout, known.absolute_timeout,
            not pg_is_in_recovery(), known.vault_version, known.persistent, known.rotated_at,
            known.bound_addr, known.is_stamped, null::bytea
        );
    end if;
    return careful_lookup(token_hash, realm, idle_cap, absolute_cap, client_addr);
end
$$;
comment on function secsession.lookup(bytea, text, integer, integer, inet) is
    'Looks a token up by its hash: null where it is unknown in this realm, else state live, retired (an old token: refused, without harm) or ended (see end_reason); anonymous: live, but nobody has authenticated. A live session counts as used if it is within the location''s caps in seconds (0: no cap; idle_cap -1: it is not used).';

create or replace function secsession.careful_lookup(
    token_hash bytea,
    realm text,
    idle_cap integer,
    absolute_cap integer,
    client_addr inet
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
    select s.*, t.retired_at, t.grace_until, t.offered_grace
    into known
    from token t
    join session_state s on s.session_id = t.session_id
    where t.token_hash = careful_lookup.token_hash
    and s.realm = careful_lookup.realm;

    if not found then
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
            return careful_lookup(token_hash, realm, idle_cap, absolute_cap, client_addr);
        end if;
        state := 'ended';
    end if;
    if state = 'live'
        and known.offered_grace is not null
        and not current_setting('transaction_read_only')::boolean
    then
        perform accept_offer(known.session_id, token_hash);
        return careful_lookup(token_hash, realm, idle_cap, absolute_cap, client_addr);
    end if;

    if state = 'live'
        and idle_cap >= 0
        and (idle_cap = 0
            or known.last_seen_at + make_interval(secs => idle_cap) > statement_timestamp())
        and (absolute_cap = 0
            or known.authenticated_at + make_interval(secs => absolute_cap) > statement_timestamp())
    then
        perform touch(array[known.session_id], array[statement_timestamp()]);
    end if;
    return row(
        case when state = 'live' and known.user_name is null then 'anonymous' else state end,
        end_reason, known.session_id, known.user_name, known.auth_method,
        known.created_at, known.authenticated_at, known.expires_at, known.last_seen_at,
        statement_timestamp(), known.idle_timeout, known.absolute_timeout,
        known.retired_at is null and known.offered_grace is null and not pg_is_in_recovery(),
        known.vault_version, known.persistent, known.rotated_at, known.bound_addr,
        known.credential_stamp is not null,
        case
            when state = 'live' and stamp_is_due(known.session_id, known.stamp_checked_at)
            then known.credential_stamp
        end
    );
end
$$;
comment on function secsession.careful_lookup(bytea, text, integer, integer, inet) is
    'Internal: lookup() of a token that is old or unknown, or whose session may have ended or is due to be touched.';

create or replace function secsession.stamp_is_due(session_id uuid, checked_at timestamptz)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if (checked_at <= statement_timestamp() - interval '1 min') is not true then
        return false;
    end if;
    if current_setting('transaction_read_only')::boolean then
        return true;
    end if;
    -- If a crash takes it back it is compared once more.
    perform set_config('synchronous_commit', 'off', true);
    -- Of many requests at once one is enough, and none waits.
    update session s
    set stamp_checked_at = statement_timestamp()
    where s.session_id = (
        select due.session_id
        from session due
        where due.session_id = stamp_is_due.session_id
        and due.ended_at is null
        and due.stamp_checked_at = stamp_is_due.checked_at
        for no key update skip locked
    );
    return found;
end
$$;
comment on function secsession.stamp_is_due(uuid, timestamptz) is
    'Internal: whether this request is to compare the session''s credential_stamp with the record: one in a minute.';

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
    'Ends a session whose user has another record, or none, than at the login. Returns how many ended: 0 or 1.';

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
        and s.last_seen_at + make_interval(secs => s.idle_timeout) > u.moment
        for no key update of s skip locked
    )
    update session s
    set last_seen_at = greatest(s.last_seen_at, d.moment)
    from due d
    where s.session_id = d.session_id
    and s.ended_at is null;
exception
    when disk_full or lock_not_available or serialization_failure then
        return;
end
$$;
comment on function secsession.touch(uuid[], timestamptz[], double precision) is
    'Internal: moves last_seen_at of these sessions forward, at most once in this share of the idle timeout and once a second. Where the database cannot write, running sessions go on without.';

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

create or replace function secsession.forget_current_token()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    update session s
    set token_hash = null
    where s.session_id = old.session_id
    and s.token_hash = old.token_hash;
    return null;
end
$$;
comment on function secsession.forget_current_token() is
    'Internal: a token that was retired or deleted, by hand too, is its session''s current token no more.';

create or replace function secsession.forget_current_tokens()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    update session s
    set token_hash = null
    where s.token_hash is not null;
    return null;
end
$$;
comment on function secsession.forget_current_tokens() is
    'Internal: where no token is left, none is current.';

create or replace trigger token_retired
    after update of retired_at, token_hash or delete on secsession.token
    for each row execute function secsession.forget_current_token();
create or replace trigger token_truncated
    after truncate on secsession.token
    for each statement execute function secsession.forget_current_tokens();

-- Even for who restores or replicates: otherwise what is done so would not be heard.
alter table secsession.token enable always trigger token_retired;
alter table secsession.token enable always trigger token_truncated;
