-- Events are told to the web server whose statement has written them, if it asks for that on its
-- connection: as notices with a SQLSTATE of their own, which it believes once the statement has
-- succeeded.

create or replace function secsession.tell_event()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set client_min_messages = notice
as $$
declare
    shown text;
begin
    -- As the view event shows them.
    foreach shown in array case
        when new.event = 'login' then array['created', 'authenticated']
        else array[new.event]
    end
    loop
        raise notice using
            errcode = 'SSEVT',
            message = json_strip_nulls(json_build_object(
                'at', to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                'event', shown,
                'session_id', new.session_id,
                'realm', new.realm,
                'user_name', new.user_name,
                'client_addr', new.client_addr,
                'actor', new.actor,
                'reason', new.reason,
                'detail', case when shown <> 'created' then nullif(new.detail, '{}') end
            ));
    end loop;
    return null;
end
$$;
comment on function secsession.tell_event() is
    'Internal: tells the client of an event, as one line of JSON.';

-- At the end of the transaction: what a part of it has undone has not happened.
call secsession.install_trigger('event_log', 'tell_event', 'after insert', $rest$
    deferrable initially deferred
    for each row
    when (current_setting('secsession.tell_events', true) = 'on')
    execute function secsession.tell_event()
$rest$, kind => 'constraint', enable => 'enable');
