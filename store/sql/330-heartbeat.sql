-- What the one listening connection of each web server says, several times a second.

create or replace function secsession.heartbeat(
    session_ids uuid[],
    ages_ms bigint[],
    share_of_idle double precision default 0.1
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
as $$
begin
    if cardinality(session_ids) > 0 then
        perform touch(
            session_ids,
            array(
                select statement_timestamp() - make_interval(secs => u.age_ms / 1000.0)
                from unnest(ages_ms) with ordinality as u (age_ms, n)
                order by u.n
            ),
            share_of_idle
        );
    end if;
    return case
        when 'secsession' in (select pg_listening_channels())
        then schema_version()
    end;
end
$$;
comment on function secsession.heartbeat(uuid[], bigint[], double precision) is
    'Takes over when a web server last saw these sessions, as their ages in milliseconds; at most '
    'once in this share of the idle timeout each. Returns schema_version(), or null where this '
    'connection does not hear of revocations (listen secsession).';

create or replace function secsession.announce(key text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if (key ~ '^[0-9a-f]{16}$') is not true then
        raise exception 'key must have 16 hexadecimal digits'
            using errcode = 'invalid_parameter_value';
    end if;
    perform tell_servers(array[key]);
end
$$;
comment on function secsession.announce(text) is
    'Said on a connection that looks sessions up, to be heard on the one that listens: so a web '
    'server knows that both lead to the same database.';
