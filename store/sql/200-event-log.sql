-- Writing the audit trail, and the months that it is kept in.

create or replace function secsession.log_event(
    event text,
    session_id uuid,
    realm text,
    user_name text,
    client_addr inet,
    reason text,
    detail jsonb default '{}'
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    insert into event_log (event, session_id, realm, user_name, client_addr, reason, detail)
    values (
        log_event.event, log_event.session_id, log_event.realm, log_event.user_name,
        log_event.client_addr, log_event.reason, log_event.detail
    );
end
$$;
comment on function secsession.log_event(text, uuid, text, text, inet, text, jsonb) is
    'Internal: adds one event, by the role that is logged in.';

create or replace function secsession.event_partitions()
returns table (partition_id regclass, is_default boolean, first_at timestamptz, end_at timestamptz)
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
-- In which the catalogue says what the bounds are.
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
begin
    return query
    select
        c.oid::regclass,
        b.bound = 'DEFAULT',
        case
            when b.bound ~ 'FROM [(]MINVALUE[)]' then '-infinity'
            else substring(b.bound from $r$FROM [(]'([^']*)'[)]$r$)
        end::timestamptz,
        substring(b.bound from $r$TO [(]'([^']*)'[)]$r$)::timestamptz
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    cross join lateral pg_get_expr(c.relpartbound, c.oid) as b (bound)
    where i.inhparent = 'secsession.event_log'::regclass
    order by 3;
end
$$;
comment on function secsession.event_partitions() is
    'Internal: the partitions of event_log, each with the moment at which it begins and the one '
    'before which it ends; null for the default one.';

create or replace function secsession.make_event_partition(name text, comment text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    execute format(
        'create table secsession.%I (
            like secsession.event_log including comments including constraints including defaults
        )',
        name
    );
    execute format('create index %I on secsession.%I (at)', name || '_at', name);
    -- Without the time, since names that are the same share their place in an index.
    execute format(
        'create index %I on secsession.%I (user_name) where user_name is not null',
        name || '_user', name
    );
    execute format('comment on table secsession.%I is %L', name, comment);
end
$$;
comment on function secsession.make_event_partition(text, text) is
    'Internal: makes a table that can become a partition of event_log.';

create or replace function secsession.make_event_month(month timestamp)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
as $$
declare
    begins_at constant timestamptz := month at time zone 'UTC';
    ends_at constant timestamptz := (month + interval '1 month') at time zone 'UTC';
    name constant text := to_char(month, '"event_log_"YYYY_MM');
begin
    if exists (
        select
        from event_partitions() p
        where p.first_at < ends_at
        and p.end_at > begins_at
    )
    then
        return false;
    end if;
    -- At once or later: a queue behind us would be one for everybody. Those who write to a month
    -- that there is need neither lock.
    lock table only event_log in share update exclusive mode nowait;
    lock table event_log_other in access exclusive mode nowait;
    -- Where nobody purged for long, events of this month are there already, and stay there.
    if exists (
        select
        from event_log_other o
        where o.at >= begins_at
        and o.at < ends_at
    )
    then
        return false;
    end if;
    perform make_event_partition(name, to_char(month, '"Events of the month "YYYY-MM", in UTC."'));
    execute format(
        'alter table secsession.event_log attach partition secsession.%I
            for values from (%L) to (%L)',
        name, begins_at, ends_at
    );
    return true;
exception
    -- Of two servers at once one makes it.
    when lock_not_available or duplicate_table then
        return false;
end
$$;
comment on function secsession.make_event_month(timestamp) is
    'Internal: makes the partition of event_log for the month that begins then in UTC, unless it '
    'is '
    'there, or events of that month already are in event_log_other, or somebody holds a lock that '
    'is needed. Whether it did.';

create or replace function secsession.make_event_months()
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    month constant timestamp := date_trunc('month', clock_timestamp() at time zone 'UTC');
begin
    perform make_event_month(month);
    perform make_event_month(month + interval '1 month');
end
$$;
comment on function secsession.make_event_months() is
    'Internal: sees to it that there is a partition of event_log for this month and for the next.';

create or replace function secsession.drop_emptied_months()
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    past record;
    has_events boolean;
begin
    for past in
        select p.partition_id
        from event_partitions() p
        where p.end_at < clock_timestamp()
        and pg_relation_size(p.partition_id) = 0
    loop
        -- For which nobody may be writing an event: if somebody is, at the next time.
        lock table event_log in access exclusive mode nowait;
        execute format('select exists (select from %s)', past.partition_id) into has_events;
        if not has_events then
            execute format('drop table %s', past.partition_id);
        end if;
    end loop;
exception
    when lock_not_available then
        return;
end
$$;
comment on function secsession.drop_emptied_months() is
    'Internal: drops the partitions of event_log that purge() has emptied. Not called by purge() '
    'itself: whoever calls that and leaves the transaction open would keep everybody from writing '
    'events.';

-- Takes what belongs to no month that there is, so that every event can be written.
select to_regclass('secsession.event_log_other') is null as partition_missing \gset
\if :partition_missing
select secsession.make_event_partition(
    'event_log_other',
    'The events of months that have no partition. An event can always be written, also where '
    'nobody has made partitions for long, or a clock was wrong.'
) \g /dev/null
alter table secsession.event_log attach partition secsession.event_log_other default;
\endif
select secsession.make_event_months(), secsession.drop_emptied_months() \g /dev/null
