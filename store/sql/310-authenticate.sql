-- Logging in: the password has been found right, and a token that nobody has yet gets its session.

create or replace function secsession.served_session(token_hash bytea, realm text)
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
        and (
            t.retired_at is null
            or is_in_grace(t.retired_at, t.grace_until, clock_timestamp())
        )
    );
end
$$;
comment on function secsession.served_session(bytea, text) is
    'Internal: the live session that a token is served for, current or in its grace; null if none.';

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

create or replace function secsession.replaced_session(token_hash bytea, realm text)
returns secsession.session_state
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    served constant uuid := served_session(token_hash, realm);
    replaced session_state;
begin
    if served is null then
        perform end_sessions(unended_sessions(token_hash, realm), null, null);
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
    if served_session(token_hash, realm) is null
        and coalesce(replaced.ending, '') not in ('revoked', 'reuse')
    then
        return null;
    end if;
    return replaced;
end
$$;
comment on function secsession.replaced_session(bytea, text) is
    'Internal: locks the live session of the token that the browser had at its login; null if '
    'none. One that was revoked while we waited for the lock is returned with its ending.';

create or replace function secsession.check_login(login secsession.session)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    wrong constant text := case
        when length(login.token_hash) is distinct from 32
        then 'token_hash must be 32 bytes'
        when coalesce(login.realm, '') = ''
        then 'realm must not be empty'
        when (length(login.user_name) between 1 and 255) is false
        then 'user_name must have 1 to 255 characters'
        when login.user_name ~ '[\u0001-\u001f\u007f]'
        then 'user_name must not contain control characters'
        when coalesce(login.auth_method, '') = ''
        then 'auth_method must not be empty'
        when (login.idle_timeout > 0 and login.absolute_timeout > 0) is not true
        then 'idle_timeout and absolute_timeout must be above 0'
    end;
begin
    if wrong is not null then
        raise exception '%', wrong
            using errcode = 'invalid_parameter_value';
    end if;
end
$$;
comment on function secsession.check_login(secsession.session) is
    'Internal: refuses what authenticate() could not store.';

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
            token_hash, realm, user_name, auth_method, login_seen, client_addr, user_agent,
            created_at, authenticated_at, last_seen_at, rotated_at,
            idle_timeout, absolute_timeout, expires_at, persistent,
            credential_stamp, stamp_checked_at
        )
        select
            login.token_hash, login.realm, login.user_name, login.auth_method, login.login_seen,
            login.client_addr, login.user_agent,
            moment, moment, moment, moment,
            login.idle_timeout, login.absolute_timeout,
            moment + make_interval(secs => login.absolute_timeout),
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
            case when (s.session).user_name is null then 'created' else 'login' end,
            (s.session).session_id, (s.session).realm, (s.session).user_name,
            (s.session).client_addr,
            case
                when (s.session).user_name is null then '{}'
                else jsonb_build_object('method', (s.session).auth_method)
            end
        from started s
    )
    select (answer_of(s.session, 'live', null, true, null)).*
    into answer
    from started s;
    return answer;
end
$$;
comment on function secsession.start_session(secsession.session) is
    'Internal: makes a session with its token, and answers as lookup() would; null where the token '
    'has one already.';

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
begin
    if exists (select from token t where t.token_hash = login.token_hash) then
        raise exception 'token_hash is in use already'
            using errcode = 'unique_violation';
    end if;
    delete from other_token t
    where t.session_id = continue_session.session_id
    and t.offered_at is not null;

    -- At once and without grace, tokens in their grace too: none may outlive an authentication.
    update other_token t
    set retired_at = least(t.retired_at, moment),
        grace_until = moment
    where t.session_id = continue_session.session_id
    and t.grace_until > moment;

    insert into other_token (token_hash, session_id, retired_at, grace_until)
    select s.token_hash, s.session_id, moment, moment
    from session s
    where s.session_id = continue_session.session_id
    and s.token_hash is not null;

    update session s
    set token_hash = login.token_hash,
        user_name = login.user_name,
        auth_method = login.auth_method,
        login_seen = login.login_seen,
        client_addr = login.client_addr,
        user_agent = login.user_agent,
        authenticated_at = moment,
        last_seen_at = greatest(s.last_seen_at, moment),
        rotated_at = moment,
        persistent = login.persistent,
        bound_addr = null,
        moved_to = null,
        credential_stamp = login.credential_stamp,
        stamp_checked_at = case when login.credential_stamp is not null then moment end,
        idle_timeout = login.idle_timeout,
        absolute_timeout = login.absolute_timeout,
        expires_at = moment + make_interval(secs => login.absolute_timeout)
    where s.session_id = continue_session.session_id
    and s.ended_at is null;

    perform log_event(
        'rotated', session_id, login.realm, login.user_name, login.client_addr, null
    );
    perform log_event(
        'authenticated', session_id, login.realm, login.user_name, login.client_addr, null,
        jsonb_build_object('method', login.auth_method)
    );
end
$$;
comment on function secsession.continue_session(uuid, secsession.session) is
    'Internal: the user of a session, locked by the caller, has authenticated again, and has a new '
    'token.';

create or replace function secsession.session_of(login secsession.login)
returns secsession.session
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    session session;
begin
    session.token_hash := login.token_hash;
    session.realm := login.realm;
    session.user_name := login.user_name;
    session.auth_method := login.auth_method;
    session.login_seen := coalesce(login.seen, pg_current_snapshot());
    session.client_addr := login.client_addr;
    session.user_agent := left(login.user_agent, 255);
    session.idle_timeout := login.idle_timeout;
    session.absolute_timeout := login.absolute_timeout;
    perform check_login(session);
    if session.user_name is null then
        raise exception 'user_name must have 1 to 255 characters'
            using errcode = 'invalid_parameter_value';
    end if;
    return session;
end
$$;
comment on function secsession.session_of(secsession.login) is
    'Internal: the columns that a login sets in the row of its session. Refuses what could not be '
    'stored.';

create or replace function secsession.refuse_login(
    login secsession.session,
    answer secsession.session_answer,
    reason text,
    detail jsonb default '{}'
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform log_event(
        'login_failed', null, login.realm, login.user_name, login.client_addr, reason,
        jsonb_build_object('method', login.auth_method) || detail
    );
    return answer;
end
$$;
comment on function secsession.refuse_login(
    secsession.session, secsession.session_answer, text, jsonb
) is
    'Internal: leaves the event of a login whose password was right and which is refused all the '
    'same, and returns answer.';

create or replace function secsession.replace_session(
    replaced_id uuid,
    login secsession.session,
    most_sessions integer,
    is_newest_refused boolean
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    answer session_answer;
begin
    -- When the same call came before, and its answer was lost, the room has been made.
    if most_sessions > 0
        and not exists (select from token t where t.token_hash = login.token_hash)
        and not has_room(login.realm, login.user_name, most_sessions, is_newest_refused)
    then
        answer.state := 'full';
        return refuse_login(
            login, answer, 'too many sessions', jsonb_build_object('most', most_sessions)
        );
    end if;
    if replaced_id is not null then
        perform end_sessions(array[replaced_id], 'logout', 'another user logged in');
    end if;
    return start_session(login);
end
$$;
comment on function secsession.replace_session(uuid, secsession.session, integer, boolean) is
    'Internal: makes the session of a login, where there is room for one more, and ends the '
    'session that another user left in this browser, if there is one. Answers as start_session(), '
    'or full.';

create or replace function secsession.authenticate(
    login secsession.login,
    cookies jsonb default null,
    persistent boolean default false,
    most_sessions integer default 0,
    is_newest_refused boolean default false,
    credential_stamp bytea default null
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    wanted session := session_of(login);
    replaced session_state;
    goes_on boolean;
    answer session_answer;
begin
    -- Before anything is read: whoever sweeps a revocation that is not seen here then waits for
    -- this transaction, see sweep().
    perform pg_current_xact_id();
    perform make_durable();
    wanted.persistent := persistent;
    wanted.credential_stamp := credential_stamp;
    if most_sessions > 0 then
        perform take_turn(wanted.realm, wanted.user_name);
    end if;
    if login.old_token_hash is not null then
        replaced := replaced_session(login.old_token_hash, wanted.realm);
    end if;
    -- Who had no user yet keeps the vault.
    goes_on := replaced.session_id is not null
        and coalesce(replaced.user_name, wanted.user_name) = wanted.user_name;
    -- A session that a revocation spares is spared when its user logs in again, too.
    wanted.session_id := case when goes_on then replaced.session_id end;
    if replaced.ending is not null or is_revoked_meanwhile(wanted) then
        answer.state := 'ended';
        answer.end_reason := 'revoked';
        return refuse_login(wanted, answer, 'revoked meanwhile');
    end if;

    if goes_on then
        perform continue_session(replaced.session_id, wanted);
    else
        answer := replace_session(
            replaced.session_id, wanted, most_sessions, is_newest_refused
        );
    end if;
    perform take_attempt_back(wanted.realm, wanted.user_name, wanted.client_addr);
    if answer.state = 'full' then
        return answer;
    end if;

    -- Of a new session everything is known; of another, what the next request will meet.
    if answer.session_id is null then
        answer := lookup(wanted.token_hash, wanted.realm, 0, 0);
        if answer.user_name is distinct from wanted.user_name then
            raise exception 'token_hash is in use already'
                using errcode = 'unique_violation';
        end if;
    end if;
    if cookies is not null then
        answer.vault_version := keep_cookies(answer.session_id, cookies);
    end if;
    return answer;
end
$$;
comment on function secsession.authenticate(
    secsession.login, jsonb, boolean, integer, boolean, bytea
) is
    'Logs a user in under a new token. If the old token is served for a live session of this '
    'user, that session goes on and the old token is worth nothing any more; if of another user, '
    'that session ends. If nobody had authenticated in it yet, it goes on, with its vault. The '
    'cookies go into the vault with it, see keep_cookies(). state ended, end_reason revoked: the '
    'user was revoked since login.seen, which login_begin() or login_moment() told; nobody is '
    'logged in. Where most_sessions is above 0 and the user has as many in this realm, the '
    'oldest ends, or the answer''s state is full and nobody is logged in. May be called again '
    'with the same new token.';
