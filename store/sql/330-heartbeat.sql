-- What the one listening connection of each web server says, several times a second.

create or replace function secsession.news_since(since pg_snapshot)
returns table (seen pg_snapshot, keys text)
language sql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
    -- In one statement: what is told is just what this snapshot sees and the one before did not.
    select
        pg_current_snapshot(),
        case
            when since is null or count(distinct n.key) > 4000 then 'all'
            else string_agg(distinct n.key, ' ')
        end
    from (
        -- What was not visible then: its number was to come, or among those under way. So no
        -- transaction that somebody leaves open makes anybody read what was told long ago.
        select c.key
        from change c
        where c.changed_by >= pg_snapshot_xmax(since)
        union all
        select c.key
        from change c
        where c.changed_by = any (array(select pg_snapshot_xip(since)))
        union all
        select k.key
        from revocation v
        cross join lateral unnest(keys_of(v)) as k (key)
        where v.raised_by >= pg_snapshot_xmax(since)
        union all
        select k.key
        from revocation v
        cross join lateral unnest(keys_of(v)) as k (key)
        where v.raised_by = any (array(select pg_snapshot_xip(since)))
    ) n;
$$;
comment on function secsession.news_since(pg_snapshot) is
    'Internal: what web servers must ask again because of what has committed since then (null: '
    'all), and what is seen now.';

create or replace function secsession.note_uses(
    session_ids uuid[],
    ages_ms bigint[],
    share_of_idle double precision
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
as $$
begin
    perform touch(
        session_ids,
        array(
            select statement_timestamp() - make_interval(secs => u.age_ms / 1000.0)
            from unnest(ages_ms) with ordinality as u (age_ms, n)
            order by u.n
        ),
        share_of_idle
    );
end
$$;
comment on function secsession.note_uses(uuid[], bigint[], double precision) is
    'Takes over when sessions were used, as their ages in milliseconds; at most once in this share '
    'of the idle timeout each.';

create or replace function secsession.heartbeat(
    session_ids uuid[],
    ages_ms bigint[],
    since pg_snapshot,
    share_of_idle double precision default 0.1,
    out version integer,
    out seen pg_snapshot,
    out news text
)
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
as $$
begin
    if cardinality(session_ids) > 0 then
        perform note_uses(session_ids, ages_ms, share_of_idle);
    end if;
    if 'secsession' in (select pg_listening_channels()) then
        version := schema_version();
    end if;
    select n.seen, n.keys
    into seen, news
    from news_since(since) n;
end
$$;
comment on function secsession.heartbeat(uuid[], bigint[], pg_snapshot, double precision) is
    'Takes over when a web server last saw these sessions, as their ages in milliseconds; at '
    'most once in this share of the idle timeout each. version is schema_version(), or null '
    'where this connection does not hear of revocations (listen secsession); news: the keys of '
    'what was changed or revoked since the snapshot that the last heartbeat returned as seen, '
    'separated by blanks (null: nothing).';

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
    perform note_change(array[key]);
end
$$;
comment on function secsession.announce(text) is
    'Said on a connection that looks sessions up, to be among the news of the one that listens: '
    'so a web '
    'server knows that both lead to the same database.';
