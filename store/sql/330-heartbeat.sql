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
    'Takes over when a web server last saw these sessions, as their ages in milliseconds; at most once in this share of the idle timeout each. Returns schema_version(), or null where this connection does not hear of revocations (listen secsession).';
