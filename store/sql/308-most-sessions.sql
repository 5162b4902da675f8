-- How many sessions a user may have at once.

create or replace function secsession.take_turn(realm text, user_name text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    insert into login_turn (realm, user_name)
    values (take_turn.realm, take_turn.user_name)
    on conflict do nothing;

    perform
    from login_turn t
    where t.realm = take_turn.realm
    and t.user_name = take_turn.user_name
    for update;
end
$$;
comment on function secsession.take_turn(text, text) is
    'Internal: waits until no other login of this user is under way, and keeps them waiting.';

drop function if exists secsession.has_room(text, text, integer, boolean);
create or replace function secsession.counted_sessions(login secsession.session)
returns uuid[]
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return array(
        select counted.session_id
        from (
            select
                s.session_id,
                s.authenticated_at,
                b.is_by_this_browser,
                row_number() over (
                    partition by b.is_by_this_browser
                    order by s.authenticated_at desc, s.session_id
                ) as n
            from session_state s
            cross join lateral (
                select
                    coalesce(
                        s.client_addr = login.client_addr
                        and s.user_agent = login.user_agent
                        and s.authenticated_at > clock_timestamp() - interval '10 s',
                        false
                    )
            ) b (is_by_this_browser)
            where s.user_name = login.user_name
            and s.realm = login.realm
            and s.ending is null
            -- Follows from the line before; it lets the planner use the index.
            and s.ended_at is null
        ) counted
        where not (counted.is_by_this_browser and counted.n <= 2)
        order by counted.authenticated_at desc, counted.session_id
    );
end
$$;
comment on function secsession.counted_sessions(secsession.session) is
    'Internal: the open sessions of a user that take up a place when this login comes, the newest '
    'first. The two newest that the same browser began seconds ago do not: when the button of the '
    'login form is pressed several times, the browser has the session of one of these logins, and '
    'nobody knows of which, since they may end in any order.';

create or replace function secsession.has_room(
    login secsession.session,
    most integer,
    is_newest_refused boolean
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    surplus constant uuid[] := (counted_sessions(login))[most:];
begin
    if cardinality(surplus) > 0 and is_newest_refused then
        return false;
    end if;
    perform end_sessions(
        surplus, 'evicted', 'the user has logged in on another device',
        jsonb_build_object('most', most)
    );
    return true;
end
$$;
comment on function secsession.has_room(secsession.session, integer, boolean) is
    'Internal: whether a user may have one more session; makes room for it by ending the oldest, '
    'unless the newest is to be refused. After take_turn().';
