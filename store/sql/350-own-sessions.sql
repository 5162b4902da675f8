-- What users may do with sessions of their own: see them, end one, end all others.

create or replace function secsession.own_sessions(session_id uuid)
returns table (
    id text,
    client_addr text,
    user_agent text,
    authenticated_s bigint,
    seen_s bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return query
    select
        s.session_id::text,
        coalesce(host(s.client_addr), ''),
        coalesce(s.user_agent, ''),
        extract(epoch from statement_timestamp() - s.authenticated_at)::bigint,
        extract(epoch from statement_timestamp() - s.last_seen_at)::bigint
    from session_state s
    join session own on own.user_name = s.user_name and own.realm = s.realm
    where own.session_id = own_sessions.session_id
    and s.ending is null
    -- Follows from the line before; it lets the planner use the index.
    and s.ended_at is null
    order by s.last_seen_at desc, s.session_id
    limit 1000;
end
$$;
comment on function secsession.own_sessions(uuid) is
    'The live sessions of a session''s user in its realm, the one used last first; ages in '
    'seconds.';

create or replace function secsession.end_own(session_id uuid, other uuid)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
begin
    return end_sessions(
        array(
            select s.session_id
            from session s
            join session_state own on own.user_name = s.user_name and own.realm = s.realm
            where own.session_id = end_own.session_id
            and own.ending is null
            and s.session_id = end_own.other
            and s.ended_at is null
        ),
        'logout',
        'its user ended it from another session'
    );
end
$$;
comment on function secsession.end_own(uuid, uuid) is
    'Ends another session of a session''s user in its realm. Returns how many ended: 0 or 1.';

create or replace function secsession.revoke_own(
    session_id uuid,
    but_this boolean,
    reason text
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    own session_state;
    wanted revocation;
begin
    select s.*
    into own
    from session_state s
    where s.session_id = revoke_own.session_id
    and s.user_name is not null
    and s.ending is null;

    if not found then
        return 0;
    end if;
    wanted.kind := 'own';
    wanted.realm := own.realm;
    wanted.user_name := own.user_name;
    wanted.spared_id := case when but_this then own.session_id end;
    wanted.reason := reason;
    wanted.detail := jsonb_build_object('revoked', 'own');
    return revoke(wanted);
end
$$;
comment on function secsession.revoke_own(uuid, boolean, text) is
    'Ends the sessions of a session''s user in its realm, also of logins under way; but_this: '
    'except for that session. Returns how many ended.';
