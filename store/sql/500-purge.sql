-- Removing what can be of no more use.

-- A session goes when its absolute end has passed, however it ended: until then its tokens must be
-- known, so that a retired or revoked one never looks merely unknown. One that nobody has looked at
-- since it ran out gets its event first.
create or replace function secsession.purge(batch integer default 1000)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    removed integer;
begin
    with gone as (
        select s.session_id
        from secsession.session s
        where s.expires_at <= clock_timestamp()
        order by s.expires_at
        limit batch
        for update skip locked
    ), deleted as (
        delete from secsession.session s
        using gone g
        where s.session_id = g.session_id
        returning s.*
    ), silent as (
        insert into secsession.event_log (event, session_id, realm, user_name, client_addr, reason)
        select case
                   when d.last_seen_at + make_interval(secs => d.idle_timeout) < d.expires_at
                       then 'expired_idle'
                   else 'expired_absolute'
               end,
               d.session_id, d.realm, d.user_name, d.client_addr, 'purge'
        from deleted d
        where d.ended_at is null
    )
    select count(*)
    into removed
    from deleted;
    delete from secsession.event_log l
    where l.event_id in (
        select old.event_id
        from secsession.event_log old
        where old.at < clock_timestamp() - (select event_retention from secsession.setting)
        order by old.at
        limit batch);
    return removed;
end
$$;
comment on function secsession.purge(integer) is
    'removes up to batch sessions whose absolute end has passed, and old events; sessions removed';
