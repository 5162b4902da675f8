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

create or replace function secsession.has_room(
    realm text,
    user_name text,
    most integer,
    is_newest_refused boolean
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    surplus uuid[];
begin
    surplus := array(
        select s.session_id
        from session_state s
        where s.user_name = has_room.user_name
        and s.realm = has_room.realm
        and s.ending is null
        -- Follows from the line before; it lets the planner use the index.
        and s.ended_at is null
        order by s.authenticated_at desc, s.session_id
        offset most - 1
    );
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
comment on function secsession.has_room(text, text, integer, boolean) is
    'Internal: whether a user may have one more session; makes room for it by ending the oldest, '
    'unless the newest is to be refused. After take_turn().';
