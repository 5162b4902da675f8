-- Session ids of applications in URLs, which the web server takes out or refuses.

create or replace function secsession.knows_of_session_id_in_url(
    session_id uuid,
    user_name text
)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
-- See has_logged_in_from().
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
declare
    until constant timestamptz := clock_timestamp();
    since constant timestamptz := statement_timestamp() - interval '1 minute';
begin
    return exists (
        select
        from event_log l
        where l.user_name = knows_of_session_id_in_url.user_name
        and l.at between since and until
        and l.session_id = knows_of_session_id_in_url.session_id
        and l.event = 'session_id_in_url'
    );
end
$$;
comment on function secsession.knows_of_session_id_in_url(uuid, text) is
    'Internal: whether the trail has had such an event of this session within a minute.';

create or replace function secsession.session_id_in_url(
    session_id uuid,
    client_addr inet,
    name text,
    place text
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    own record;
begin
    select s.realm, s.user_name, s.client_addr
    into own
    from session_state s
    where s.session_id = session_id_in_url.session_id
    and s.user_name is not null
    and s.ending is null;

    if not found or knows_of_session_id_in_url(session_id, own.user_name) then
        return false;
    end if;
    -- Of two requests at once the second waits here, and then finds the event of the first.
    perform
    from session s
    where s.session_id = session_id_in_url.session_id
    for no key update;

    if knows_of_session_id_in_url(session_id, own.user_name) then
        return false;
    end if;
    perform log_event(
        'session_id_in_url', session_id, own.realm, own.user_name, own.client_addr, null,
        jsonb_strip_nulls(jsonb_build_object(
            'name', left(session_id_in_url.name, 64),
            'found_in', left(session_id_in_url.place, 64),
            'presented_from', session_id_in_url.client_addr
        ))
    );
    return true;
end
$$;
comment on function secsession.session_id_in_url(uuid, inet, text, text) is
    'Records that a request or a response of a live session had an application''s session id in a '
    'URL: its name, never its value; at most once a minute for each session. Returns whether it '
    'did.';
