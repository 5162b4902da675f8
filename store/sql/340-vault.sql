-- The vault: cookies of applications, kept for a session. The web server decides what is kept and
-- sent; here each cookie is merged by itself, so that of two responses at once none is lost.
--
-- A login that goes on with a session gives its vault to whoever logs in: so a request names the
-- moment of the authentication that it was let in by, and what began before another one neither
-- writes nor reads.

create or replace function secsession.check_vault(session_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- The web server has refused more already, except from responses that came at once. What seals
    -- a value adds 29 bytes.
    if (
        select count(*) > 50 or sum(length(v.name) + length(v.value) - 29) > 16384
        from vault v
        where v.session_id = check_vault.session_id
    )
    then
        raise exception 'the vault of session % is full', session_id
            using errcode = 'program_limit_exceeded',
                hint = 'A session keeps 50 cookies and 16 KiB of names and values.';
    end if;
end
$$;
comment on function secsession.check_vault(uuid) is
    'Internal: refuses what would be more than a session may keep.';

create or replace function secsession.forget_cookies(
    session_id uuid,
    cookies jsonb,
    moment timestamptz
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    delete from vault v
    using jsonb_array_elements(cookies) as c
    where v.session_id = forget_cookies.session_id
    and (
        v.expires_at <= moment
        or (
            v.name = decode(c ->> 'name', 'hex')
            and v.domain = decode(c ->> 'domain', 'hex')
            and v.path = decode(c ->> 'path', 'hex')
            and v.host_only = (c ->> 'host_only')::boolean
            and c ->> 'value' is null
        )
    );
end
$$;
comment on function secsession.forget_cookies(uuid, jsonb, timestamptz) is
    'Internal: removes from the vault of a session the cookies that have no value any more, see '
    'keep_cookies(), and those that have expired at that moment.';

create or replace function secsession.merge_cookies(
    session_id uuid,
    authenticated_at timestamptz,
    cookies jsonb
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment timestamptz;
    version integer;
begin
    -- A session that has ended keeps nothing. Of the row itself, what has been changed while it was
    -- waited for counts.
    update session s
    set vault_version = s.vault_version + 1
    from session_state state
    where s.session_id = merge_cookies.session_id
    and s.authenticated_at = merge_cookies.authenticated_at
    and s.ended_at is null
    and state.session_id = s.session_id
    and state.ending is null
    returning s.vault_version
    into version;

    if version is null then
        return null;
    end if;
    -- Under the session's lock, so that the order of the moments is that of the changes.
    moment := clock_timestamp();
    perform forget_cookies(session_id, cookies, moment);
    insert into vault as v (
        session_id, name, domain, path, value, host_only, same_site, created_at, expires_at
    )
    select
        merge_cookies.session_id,
        decode(c ->> 'name', 'hex'),
        decode(c ->> 'domain', 'hex'),
        decode(c ->> 'path', 'hex'),
        decode(c ->> 'value', 'hex'),
        (c ->> 'host_only')::boolean,
        c ->> 'same_site',
        -- One after the other, as they were set.
        moment + n * interval '1 microsecond',
        moment + make_interval(secs => (c ->> 'left')::double precision)
    from jsonb_array_elements(cookies) with ordinality as changed (c, n)
    where c ->> 'value' is not null
    on conflict on constraint vault_pkey do update
    set value = excluded.value,
        same_site = excluded.same_site,
        expires_at = excluded.expires_at;
    perform check_vault(session_id);
    return version;
end
$$;
comment on function secsession.merge_cookies(uuid, timestamptz, jsonb) is
    'Internal: keep_cookies() in a transaction that decides itself what it waits for.';

create or replace function secsession.keep_cookies(
    session_id uuid,
    authenticated_at timestamptz,
    cookies jsonb
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
begin
    perform wait_for_disk_only();
    return merge_cookies(session_id, authenticated_at, cookies);
end
$$;
comment on function secsession.keep_cookies(uuid, timestamptz, jsonb) is
    'Merges cookies into the vault of a session: objects of name, domain, path, value '
    '(hexadecimal; a value of null removes the cookie), host_only, same_site, and left (seconds; '
    'null: with the session), no two with the same name, domain, path and host_only. Returns the '
    'vault''s new version; null: nothing was kept, since the session has ended, or its user has '
    'authenticated again since that moment.';

create or replace function secsession.vault_of(session_id uuid, authenticated_at timestamptz)
returns table (
    version integer,
    name bytea,
    domain bytea,
    path bytea,
    value bytea,
    host_only boolean,
    same_site text,
    seconds_left integer
)
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return query
    select
        (s.session).vault_version,
        v.name,
        v.domain,
        v.path,
        v.value,
        v.host_only,
        v.same_site,
        extract(epoch from v.expires_at - statement_timestamp())::integer
    from session_state s
    left join vault v
        on v.session_id = s.session_id
        and coalesce(v.expires_at > statement_timestamp(), true)
    where s.session_id = vault_of.session_id
    and s.authenticated_at = vault_of.authenticated_at
    and s.ending is null
    order by v.created_at;
end
$$;
comment on function secsession.vault_of(uuid, timestamptz) is
    'The cookies in the vault of a session, the oldest first; one row with a null name where it is '
    'empty, none where the session has ended, or its user has authenticated again since that '
    'moment.';

create or replace function secsession.begin_session(
    token_hash bytea,
    realm text,
    client_addr inet,
    user_agent text,
    idle_timeout integer,
    absolute_timeout integer,
    cookies jsonb,
    session_id uuid default null,
    mac bytea default null
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    anonymous session;
    answer session_answer;
begin
    -- See authenticate().
    perform pg_current_xact_id();
    perform wait_for_disk_only();
    anonymous.session_id := session_id;
    anonymous.mac := mac;
    anonymous.token_hash := token_hash;
    anonymous.realm := realm;
    anonymous.auth_method := 'none';
    anonymous.login_seen := pg_current_snapshot();
    anonymous.client_addr := client_addr;
    anonymous.user_agent := left(user_agent, 255);
    anonymous.idle_timeout := idle_timeout;
    anonymous.absolute_timeout := absolute_timeout;
    perform check_login(anonymous);
    answer := start_session(anonymous);
    -- The same call came before: its answer was lost, or another request of the same visitor was
    -- faster. What it made stands, and has perhaps changed since: a login has retired the token.
    if answer.session_id is null then
        return session_started_before(anonymous);
    end if;
    answer.vault_version := merge_cookies(
        answer.session_id, answer.authenticated_at, cookies
    );
    return answer;
end
$$;
comment on function secsession.begin_session(
    bytea, text, inet, text, integer, integer, jsonb, uuid, bytea
) is
    'Makes a session that nobody has authenticated in, for the cookies of an application; see '
    'keep_cookies(). May be called again with the same token. session_id: how the web server calls '
    'it, and what its mac is of.';
