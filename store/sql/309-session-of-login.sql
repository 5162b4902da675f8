-- The session of a login: the one that was in this browser is found, and locked; it goes on, or
-- another one starts. What is to happen is decided by authenticate().

create or replace function secsession.served_session(
    token_hash bytea,
    realm text,
    client_addr inet,
    client_agent text
)
returns uuid
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return (
        select s.session_id
        from token t
        join session_state s on s.session_id = t.session_id
        where t.token_hash = served_session.token_hash
        and s.realm = served_session.realm
        and s.ending is null
        and state_of_token(
            t, served_session.client_addr, served_session.client_agent, clock_timestamp()
        ) = 'live'
    );
end
$$;
comment on function secsession.served_session(bytea, text, inet, text) is
    'Internal: the live session that a token is served for, current or just retired, to this '
    'client; null if none.';

create or replace function secsession.lock_session(session_id uuid)
returns secsession.session
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '500ms'
as $$
declare
    locked session;
begin
    select s.*
    into locked
    from session s
    where s.session_id = lock_session.session_id
    for no key update;
    return locked;
exception
    when lock_not_available then
        return null;
end
$$;
comment on function secsession.lock_session(uuid) is
    'Internal: locks a session for a login that is to go on with it; null if somebody else holds '
    'it for longer than another login does.';

create or replace function secsession.replaced_session(
    token_hash bytea,
    realm text,
    client_addr inet,
    client_agent text
)
returns secsession.session_state
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    served constant uuid := served_session(token_hash, realm, client_addr, client_agent);
    replaced session_state;
begin
    if token_hash is null then
        return null;
    end if;
    if served is null then
        perform end_sessions(
            unended_sessions(token_hash, realm, client_addr, client_agent), null, null
        );
        return null;
    end if;
    if (lock_session(served)).session_id is null then
        perform end_sessions(
            array[served], 'logout', 'its user logged in again while it was held by somebody else'
        );
        return null;
    end if;
    select s.*
    into replaced
    from session_state s
    where s.session_id = served;

    -- Whatever came before us in the queue for the lock may have ended it or retired the token.
    if served_session(token_hash, realm, client_addr, client_agent) is null
        and coalesce(replaced.ending, '') not in ('revoked', 'reuse')
    then
        return null;
    end if;
    return replaced;
end
$$;
comment on function secsession.replaced_session(bytea, text, inet, text) is
    'Internal: locks the live session of the token that the browser had at its login; null if '
    'none. One that was revoked while we waited for the lock is returned with its ending.';

create or replace function secsession.start_session(login secsession.session)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment constant timestamptz := clock_timestamp();
    answer session_answer;
begin
    -- One statement, since each costs as much as the rows that it writes.
    with started as (
        insert into session (
            session_id, mac, token_hash, realm, user_name, is_lowercase, auth_method, login_seen,
            client_addr, user_agent,
            created_at, authenticated_at, last_seen_at, rotated_at,
            idle_timeout, absolute_timeout, expires_at, persistent,
            credential_stamp, stamp_checked_at
        )
        select
            coalesce(login.session_id, gen_random_uuid()), login.mac,
            login.token_hash, login.realm, login.user_name, coalesce(login.is_lowercase, false),
            login.auth_method, login.login_seen, login.client_addr, login.user_agent,
            moment, moment, moment, moment,
            login.idle_timeout, login.absolute_timeout,
            end_of_session(
                login.user_name, moment, moment, login.idle_timeout, login.absolute_timeout
            ),
            coalesce(login.persistent, false),
            login.credential_stamp,
            case when login.credential_stamp is not null then moment end
        where not exists (select from other_token t where t.token_hash = login.token_hash)
        -- The same call came before, and its answer was lost: what it made stands.
        on conflict on constraint session_token_hash_key do nothing
        returning session
    ),
    logged as (
        insert into event_log (event, session_id, realm, user_name, client_addr, detail)
        select
            'login', (s.session).session_id, (s.session).realm, (s.session).user_name,
            (s.session).client_addr, jsonb_build_object('method', (s.session).auth_method)
        from started s
        -- Strangers can make sessions of nobody, as many as they like.
        where (s.session).user_name is not null
    )
    select (answer_of(s.session, 'live', null, true, null, (s.session).mac)).*
    into answer
    from started s;
    return answer;
end
$$;
comment on function secsession.start_session(secsession.session) is
    'Internal: makes a session with its token, and answers as lookup() would; null where the token '
    'has one already.';

create or replace function secsession.session_started_before(login secsession.session)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    answer constant session_answer := lookup(
        login.token_hash, login.realm, 0, 0, login.client_addr, login.user_agent
    );
    -- A visitor may have logged in since, which has retired the token.
    is_over constant boolean := login.user_name is null and answer.state in ('retired', 'ended');
begin
    if answer.state is null
        or (not is_over and answer.user_name is distinct from login.user_name)
    then
        raise exception 'token_hash is in use already'
            using errcode = 'unique_violation';
    end if;
    return answer;
end
$$;
comment on function secsession.session_started_before(secsession.session) is
    'Internal: what the next request with this token will meet. Refuses a token of somebody else.';

create or replace function secsession.retire_tokens(
    session_id uuid,
    moment timestamptz,
    client_addr inet,
    client_agent text
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- By what a client finds it was signed for the login before.
    delete from other_token t
    where t.session_id = retire_tokens.session_id
    and t.retired_at is null;

    -- Those past their grace too, which are still served to the browser that has the next one.
    update other_token t
    set retired_at = least(t.retired_at, moment),
        grace_until = least(t.retired_at, moment)
    where t.session_id = retire_tokens.session_id
    and t.grace_until > t.retired_at
    and greatest(t.grace_until, t.retired_at + queue_time()) > moment;

    insert into other_token (
        token_hash, session_id, retired_at, grace_until, next_addr, next_agent
    )
    select
        s.token_hash, s.session_id, moment, moment,
        retire_tokens.client_addr, mark_of_agent(retire_tokens.client_agent)
    from session s
    where s.session_id = retire_tokens.session_id
    and s.token_hash is not null;
end
$$;
comment on function secsession.retire_tokens(uuid, timestamptz, inet, text) is
    'Internal: retires each token of a session at that moment and without grace, those that are '
    'retired and still served, too: none may outlive an authentication, of this client.';

create or replace function secsession.continue_session(
    session_id uuid,
    login secsession.session
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment constant timestamptz := clock_timestamp();
    was_nobody constant boolean := exists (
        select
        from session s
        where s.session_id = continue_session.session_id
        and s.user_name is null
    );
begin
    if exists (select from token t where t.token_hash = login.token_hash) then
        raise exception 'token_hash is in use already'
            using errcode = 'unique_violation';
    end if;
    perform retire_tokens(session_id, moment, login.client_addr, login.user_agent);
    update session s
    set token_hash = login.token_hash,
        mac = null,
        user_name = login.user_name,
        is_lowercase = login.is_lowercase,
        auth_method = login.auth_method,
        login_seen = login.login_seen,
        client_addr = login.client_addr,
        user_agent = login.user_agent,
        authenticated_at = moment,
        last_seen_at = greatest(s.last_seen_at, moment),
        rotated_at = moment,
        persistent = login.persistent,
        bound_addr = null,
        moved_addrs = null,
        credential_stamp = login.credential_stamp,
        stamp_checked_at = case when login.credential_stamp is not null then moment end,
        idle_timeout = login.idle_timeout,
        absolute_timeout = login.absolute_timeout,
        expires_at = moment + make_interval(secs => login.absolute_timeout)
    where s.session_id = continue_session.session_id
    and s.ended_at is null;

    -- Of a session of nobody nothing has been recorded: for the trail it begins here.
    if not was_nobody then
        perform log_event(
            'rotated', session_id, login.realm, login.user_name, login.client_addr, null
        );
    end if;
    perform log_event(
        case when was_nobody then 'login' else 'authenticated' end,
        session_id, login.realm, login.user_name, login.client_addr, null,
        jsonb_build_object('method', login.auth_method)
    );
end
$$;
comment on function secsession.continue_session(uuid, secsession.session) is
    'Internal: the user of a session, locked by the caller, has authenticated again, and has a new '
    'token.';
