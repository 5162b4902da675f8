-- Logging in: the password has been found right, and a token that nobody has yet gets its session.

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
        when login.user_name <> plain_name(login.user_name)
        then 'user_name must not begin or end with a blank'
        when login.is_lowercase and login.user_name <> lowercase_name(login.user_name)
        then 'user_name must be in lower case'
        when login.user_name ~ E'[\\u0001-\\u001f\\u007f]'
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

create or replace function secsession.session_of(
    login secsession.login,
    persistent boolean,
    credential_stamp bytea,
    is_lowercase boolean
)
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
    session.is_lowercase := session_of.is_lowercase;
    session.auth_method := login.auth_method;
    session.login_seen := coalesce(login.seen, pg_current_snapshot());
    session.client_addr := login.client_addr;
    session.user_agent := left(login.user_agent, 255);
    session.idle_timeout := login.idle_timeout;
    session.absolute_timeout := login.absolute_timeout;
    session.persistent := session_of.persistent;
    session.credential_stamp := session_of.credential_stamp;
    perform check_login(session);
    if session.user_name is null then
        raise exception 'user_name must have 1 to 255 characters'
            using errcode = 'invalid_parameter_value';
    end if;
    return session;
end
$$;
comment on function secsession.session_of(secsession.login, boolean, bytea, boolean) is
    'Internal: the columns that a login sets in the row of its session. Refuses what could not be '
    'stored.';

create or replace function secsession.refuse_login(
    login secsession.session,
    state text,
    end_reason text,
    reason text,
    detail jsonb default '{}'
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    answer session_answer;
begin
    answer.state := state;
    answer.end_reason := end_reason;
    perform log_event(
        'login_failed', null, login.realm, login.user_name, login.client_addr, reason,
        jsonb_build_object('method', login.auth_method) || detail
    );
    return answer;
end
$$;
comment on function secsession.refuse_login(
    secsession.session, text, text, text, jsonb
) is
    'Internal: leaves the event of a login whose password was right and which is refused all the '
    'same, and returns the answer that says this state and end_reason.';

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
begin
    -- When the same call came before, and its answer was lost, the room has been made.
    if most_sessions > 0
        and not exists (select from token t where t.token_hash = login.token_hash)
        and not has_room(login, most_sessions, is_newest_refused)
    then
        return refuse_login(
            login, 'full', null, 'too many sessions', jsonb_build_object('most', most_sessions)
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

create or replace function secsession.goes_on_with(
    replaced secsession.session_state,
    user_name text,
    ids uuid[]
)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- Who had no user yet keeps the vault.
    return replaced.session_id is not null
        and coalesce(replaced.user_name, goes_on_with.user_name) = goes_on_with.user_name
        and (ids is null or replaced.session_id is not distinct from ids[2]);
end
$$;
comment on function secsession.goes_on_with(secsession.session_state, text, uuid[]) is
    'Internal: whether the session that was in this browser goes on when this user logs in.';

create or replace function secsession.complete_answer(
    answer secsession.session_answer,
    login secsession.session,
    cookies jsonb
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- Of a new session everything is known; of another, what the next request will meet.
    if answer.session_id is null then
        answer := session_started_before(login);
    end if;
    -- Of a login that was followed by another one before it was answered nothing is kept.
    if cookies is not null and answer.state = 'live' then
        answer.vault_version := merge_cookies(
            answer.session_id, answer.authenticated_at, cookies
        );
    end if;
    return answer;
end
$$;
comment on function secsession.complete_answer(
    secsession.session_answer, secsession.session, jsonb
) is
    'Internal: what is answered to a login that has its session, whose vault takes the cookies '
    '(null: there are none).';

create or replace function secsession.begin_login(
    login secsession.session,
    attempt text,
    most_sessions integer
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- Before anything is read: whoever sweeps a revocation that is not seen here then waits for
    -- this transaction, see sweep().
    perform pg_current_xact_id();
    perform make_durable();
    if attempt is not null then
        perform take_attempt_back(login.realm, attempt, login.client_addr);
    end if;
    if most_sessions > 0 then
        perform take_turn(login.realm, login.user_name);
    end if;
end
$$;
comment on function secsession.begin_login(secsession.session, text, integer) is
    'Internal: what authenticate() does before all else. The attempt is no failure; where sessions '
    'of the user are counted, other logins wait.';

create or replace function secsession.authenticate(
    login secsession.login,
    cookies jsonb default null,
    persistent boolean default false,
    most_sessions integer default 0,
    is_newest_refused boolean default false,
    credential_stamp bytea default null,
    is_lowercase boolean default false,
    attempt text default null,
    ids uuid[] default null,
    client_hash bytea default null,
    credential_hashes bytea[] default null
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    wanted session := session_of(login, persistent, credential_stamp, is_lowercase);
    replaced session_state;
    goes_on boolean;
    answer session_answer;
begin
    perform begin_login(wanted, attempt, most_sessions);
    replaced := replaced_session(
        login.old_token_hash, wanted.realm, wanted.client_addr, wanted.user_agent
    );
    goes_on := goes_on_with(replaced, wanted.user_name, ids);
    -- A session that a revocation spares is spared when its user logs in again, too.
    wanted.session_id := case when goes_on then replaced.session_id end;
    if replaced.ending is not null or is_revoked_meanwhile(wanted) then
        return refuse_login(wanted, 'ended', 'revoked', 'revoked meanwhile');
    end if;
    answer := refuse_client(wanted, client_hash, credential_hashes, goes_on);
    if answer.state is not null then
        return answer;
    end if;

    if goes_on then
        perform continue_session(replaced.session_id, wanted);
    else
        wanted.session_id := ids[1];
        answer := replace_session(
            replaced.session_id, wanted, most_sessions, is_newest_refused
        );
    end if;
    if answer.state = 'full' then
        return answer;
    end if;
    answer := complete_answer(answer, wanted, cookies);
    if client_hash is not null then
        perform find_by_client(answer.session_id, client_hash, credential_hashes[1]);
    end if;
    return answer;
end
$$;
comment on function secsession.authenticate(
    secsession.login, jsonb, boolean, integer, boolean, bytea, boolean, text, uuid[], bytea,
    bytea[]
) is
    'Logs a user in under a new token. If the old token is served for a live session of this '
    'user, that session goes on and the old token is worth nothing any more; if of another user, '
    'that session ends. If nobody had authenticated in it yet, it goes on, with its vault. The '
    'cookies go into the vault with it, see keep_cookies(). state ended, end_reason revoked: the '
    'user was revoked since login.seen, which login_begin() or login_moment() told; nobody is '
    'logged in. Where most_sessions is above 0 and the user has as many in this realm, the '
    'oldest ends, or the answer''s state is full and nobody is logged in. is_lowercase: see '
    'session. attempt: the name by which login_begin() counted. ids, where '
    'the web server has keys: how it calls a new session, and the only session that may go on, '
    'whose MAC it has checked; null: none. client_hash and credential_hashes: see other_token and '
    'credential, the latter by each key; null: the client needs a token. With them, state retired '
    'says that another request of this client has begun a session, which is to be looked up, and '
    'state ended, end_reason revoked, that the credentials are refused. May be called again with '
    'the same new token.';

create or replace function secsession.sign_session(
    token_hash bytea,
    mac bytea,
    cookies jsonb default null,
    client_mac bytea default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    signed session;
begin
    -- Nobody has the token before this is durable.
    perform make_durable();
    update session s
    set mac = sign_session.mac
    where s.token_hash = sign_session.token_hash
    and s.ended_at is null
    -- The same call came before, and its answer was lost: what it made stands.
    and coalesce(s.mac = sign_session.mac, s.mac is null)
    returning s.*
    into signed;

    if client_mac is not null then
        update other_token t
        set mac = client_mac
        where t.session_id = signed.session_id
        and t.credential_hash is not null;
    end if;
    if signed.session_id is not null and cookies is not null then
        return keep_cookies(signed.session_id, signed.authenticated_at, cookies);
    end if;
    return signed.vault_version;
end
$$;
comment on function secsession.sign_session(bytea, bytea, jsonb, bytea) is
    'Completes a login: stores the web server''s MAC of what authenticate() answered, with the '
    'token and with client_hash, and cookies in the vault, see keep_cookies(). Returns the '
    'vault''s version; null: the session has ended, or has another MAC. May be called again.';
