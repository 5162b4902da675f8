-- Logging out.

create or replace function secsession.unended_sessions(
    token_hash bytea,
    realm text,
    client_addr inet default null,
    client_agent text default null
)
returns uuid[]
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return array(
        select s.session_id
        from token t
        join session s on s.session_id = t.session_id
        where t.token_hash = unended_sessions.token_hash
        and s.realm = unended_sessions.realm
        and s.ended_at is null
        and state_of_token(
            t, unended_sessions.client_addr, unended_sessions.client_agent, clock_timestamp()
        ) = 'live'
    );
end
$$;
comment on function secsession.unended_sessions(bytea, text, inet, text) is
    'Internal: the session that a token is served for to this client, even if it is past its end: '
    'as long as that is not written down, a web server may know of a later use.';

create or replace function secsession.session_left_by(token_hash bytea, realm text)
returns uuid[]
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return array(
        select s.session_id
        from token t
        join session s on s.session_id = t.session_id
        where t.token_hash = session_left_by.token_hash
        and s.realm = session_left_by.realm
        and s.ended_at is null
        -- At a login all tokens before it are retired: they may be somebody else's.
        and t.retired_at > s.authenticated_at
        -- One that is still to be retired: the clock has been set back, so its age is not known.
        and t.retired_at < clock_timestamp() + interval '10 s'
        and state_of_token(t, null, null, clock_timestamp()) = 'retired'
    );
end
$$;
comment on function secsession.session_left_by(bytea, text) is
    'Internal: the session of a token that the next one of the same login has replaced so recently '
    'that a request with it may have been on its way.';

create or replace function secsession.logout(
    token_hash bytea,
    realm text,
    session_id uuid default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
begin
    return end_sessions(
        array(
            select unnest(unended_sessions(token_hash, realm))
            union
            select unnest(session_left_by(token_hash, realm))
            union
            select session_id
            where session_id is not null
        ),
        'logout',
        null
    );
end
$$;
comment on function secsession.logout(bytea, text, uuid) is
    'Ends the session that a token, current, in its grace or just retired, is for; and session_id, '
    'the session that it was served for when the request began, which may have another token by '
    'now. Returns how many ended.';
