-- Logging in. The module reads the epoch, checks the password, then authenticates with that epoch:
-- a revocation that commits in between refuses the login, and one that commits later, while the
-- login has not committed yet, has changed the epoch that lookup() compares.

create or replace function secsession.login_epoch(realm text, user_name text)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    select secsession.current_epoch($1, $2)
$$;
comment on function secsession.login_epoch(text, text) is
    'to be read before the password is checked, and given to authenticate()';

-- Records a failed login.
create or replace function secsession.login_failed(
    realm text, user_name text, client_addr inet, reason text)
returns void
language sql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    insert into secsession.event_log (event, realm, user_name, client_addr, reason)
    values ('login_failed', $1, left($2, 255), $3, $4)
$$;
comment on function secsession.login_failed(text, text, inet, text) is 'records a failed login';

-- Refuses what the module never sends.
create or replace function secsession.check_login(
    p_token_hash bytea, p_user_name text, p_idle_timeout integer, p_absolute_timeout integer)
returns void
language plpgsql
immutable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if octet_length(p_token_hash) is distinct from 32 then
        raise exception 'a token hash has 32 bytes' using errcode = '22023';
    end if;
    if p_user_name is null or length(p_user_name) not between 1 and 255
       or p_user_name ~ '[\u0001-\u001f\u007f-\u009f]' then
        raise exception 'a user name has 1 to 255 characters, none of them a control character'
            using errcode = '22023';
    end if;
    if p_idle_timeout is null or p_idle_timeout <= 0
       or p_absolute_timeout is null or p_absolute_timeout <= 0 then
        raise exception 'a session always ends: its timeouts are above zero'
            using errcode = '22023';
    end if;
end
$$;
comment on function secsession.check_login(bytea, text, integer, integer) is
    'raises an error for a login that cannot be';

-- The session that the browser's token belongs to, locked, if it is live and the token is current.
create or replace function secsession.lock_session(p_token_hash bytea, p_realm text)
returns secsession.session
language sql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    select s
    from secsession.session s
    where s.session_id = (
        select t.session_id
        from secsession.token t
        where t.token_hash = $1
          and t.retired_at is null)
      and s.realm = $2
      and s.ended_at is null
      and s.expires_at > clock_timestamp()
      and s.last_seen_at + make_interval(secs => s.idle_timeout) > clock_timestamp()
      and s.epoch = secsession.current_epoch(s.realm, s.user_name)
    for update
$$;
comment on function secsession.lock_session(bytea, text) is
    'the live session of a current token, locked until the end of the transaction';

-- Gives a user a session under a token that did not exist before. Where the browser had a live session
-- of the same user, that session goes on (and its token is retired without grace); one of another user
-- ends: a session never changes hands. The locks are shared among logins; revoke_address() and
-- revoke_before() take it alone, and so see every login that began before them.
create or replace function secsession.authenticate(
    p_token_hash bytea, p_old_token_hash bytea, p_realm text, p_user_name text, p_auth_method text,
    p_epoch bigint, p_client_addr inet, p_user_agent text, p_idle_timeout integer,
    p_absolute_timeout integer)
returns secsession.session_state
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    old secsession.session;
    id uuid;
    result secsession.session_state;
begin
    perform secsession.check_login(p_token_hash, p_user_name, p_idle_timeout, p_absolute_timeout);
    perform pg_advisory_xact_lock_shared(hashtext('secsession.login'));
    if p_epoch is distinct from secsession.current_epoch(p_realm, p_user_name) then
        perform secsession.login_failed(p_realm, p_user_name, p_client_addr, 'revoked meanwhile');
        result.state := 'ended';
        result.end_reason := 'revoked';
        return result;
    end if;
    if exists (select from secsession.token t where t.token_hash = p_token_hash) then
        -- The module asks again when the connection is lost before the answer.
        return secsession.lookup(p_token_hash, p_realm, 0, 0, p_client_addr);
    end if;
    old := secsession.lock_session(p_old_token_hash, p_realm);
    if old.user_name = p_user_name then
        id := old.session_id;
        update secsession.session s
        set auth_method = p_auth_method,
            epoch = p_epoch,
            client_addr = p_client_addr,
            user_agent = left(p_user_agent, 255),
            authenticated_at = clock_timestamp(),
            last_seen_at = greatest(s.last_seen_at, clock_timestamp()),
            idle_timeout = p_idle_timeout,
            absolute_timeout = p_absolute_timeout,
            expires_at = clock_timestamp() + make_interval(secs => p_absolute_timeout)
        where s.session_id = id
          and s.ended_at is null;
        update secsession.token t
        set retired_at = clock_timestamp()
        where t.session_id = id
          and t.retired_at is null;
    else
        if old.session_id is not null then
            perform secsession.end_session(
                old.session_id, 'logout', 'logout', 'another user logged in', null);
        end if;
        insert into secsession.session (
            realm, user_name, auth_method, epoch, client_addr, user_agent, created_at,
            authenticated_at, last_seen_at, idle_timeout, absolute_timeout, expires_at)
        values (
            p_realm, p_user_name, p_auth_method, p_epoch, p_client_addr, left(p_user_agent, 255),
            clock_timestamp(), clock_timestamp(), clock_timestamp(), p_idle_timeout,
            p_absolute_timeout, clock_timestamp() + make_interval(secs => p_absolute_timeout))
        returning session_id into id;
    end if;
    insert into secsession.token (token_hash, session_id, issued_at)
    values (p_token_hash, id, clock_timestamp());
    insert into secsession.event_log (event, session_id, realm, user_name, client_addr, reason, detail)
    select e.event, id, p_realm, p_user_name, p_client_addr, e.reason,
           jsonb_build_object('auth_method', p_auth_method)
    from (values (case when id = old.session_id then 'rotated' else 'created' end, 'login'),
                 ('authenticated', null)) e (event, reason);
    return secsession.lookup(p_token_hash, p_realm, 0, 0, p_client_addr);
end
$$;
comment on function secsession.authenticate(
    bytea, bytea, text, text, text, bigint, inet, text, integer, integer) is
    'binds a user to a new token, for mod_secsession';
