-- For the files that follow: how they change what is in use. Nothing that is as it should be is
-- touched, so that installing again takes no lock that anybody could notice. Before the first
-- change all tables and views are locked, in short attempts between which everybody else goes on;
-- after it, nothing has to wait any more. The procedures are gone when the installation ends.

create or replace function secsession.install_lock_commands(mode text, only_table text)
returns text[]
language sql
stable
set search_path = pg_catalog, secsession, pg_temp
as $$
    -- To lock a view is to lock its tables, too; to change a setting of it to what it is, is not.
    select array(
        select case c.relkind
            when 'v' then format('alter view secsession.%I reset (security_barrier)', c.relname)
            else format('lock table only secsession.%I in %s mode', c.relname, mode)
        end
        from pg_class c
        where c.relnamespace = 'secsession'::regnamespace
        and (c.relkind in ('r', 'p') or c.relkind = 'v' and mode = 'access exclusive')
        and (only_table is null or c.relname = only_table)
        order by c.relkind desc, c.oid
    );
$$;

create or replace procedure secsession.install_lock(
    mode text default 'access exclusive',
    only_table text default null
)
language plpgsql
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    attempts constant integer := 30;
    commands text[] := install_lock_commands(mode, only_table);
    command text;
    before text[];
    holders text[];
begin
    if current_setting('secsession.locked', true) = mode then
        return;
    end if;
    for attempt in 1 .. attempts loop
        before := lock_holders();
        begin
            -- While this waits, everybody else waits behind it: so never for long.
            perform set_config('lock_timeout', format('%sms', 50 + 10 * attempt), true);
            foreach command in array commands loop
                execute command;
            end loop;
            perform set_config('secsession.locked', mode, true);
            perform set_config('lock_timeout', '5s', true);
            return;
        exception
            when lock_not_available or deadlock_detected then
                holders := array(
                    select h from unnest(before) h
                    intersect
                    select h from unnest(lock_holders()) h
                );
        end;
        -- Whoever has this one waits for one that was locked here before it: so next time it is the
        -- first, until the order is that in which the functions take them.
        commands := command || array_remove(commands, command);
        perform pg_sleep(0.2);
    end loop;

    raise exception
        'the tables of the schema secsession cannot be locked: % in use; nothing has been changed',
        case
            when cardinality(holders) > 0
            then array_to_string(holders, ', ') || ' keeps them'
            else 'many short transactions keep them'
        end
        using
            errcode = 'lock_not_available',
            hint = 'Run install.sql again when that has ended; ' || lock_hint(holders);
end
$$;

create or replace function secsession.lock_holders(modes text[] default null)
returns text[]
language sql
volatile
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    -- With the number of the transaction, since a server process has many. What was prepared has
    -- no process any more: its own number leads to its name. (Of two that began as the same number
    -- of their processes both are named.)
    select array_agg(distinct holder.name)
    from (
        select
            case
                when l.pid is null then (
                    select coalesce(
                        string_agg(format('prepared transaction %L', p.gid), ' or '),
                        'a prepared transaction'
                    )
                    from pg_locks own
                    join pg_prepared_xacts p on p.transaction = own.transactionid
                    where own.locktype = 'transactionid'
                    and own.pid is null
                    and own.virtualtransaction = l.virtualtransaction
                    and p.database = current_database()
                )
                else format('pid %s (transaction %s)', l.pid, l.virtualtransaction)
            end as name
        from pg_locks l
        join pg_class c on c.oid = l.relation
        where l.locktype = 'relation'
        and l.database = (select oid from pg_database where datname = current_database())
        and l.granted
        and coalesce(l.mode = any (modes), true)
        and l.pid is distinct from pg_backend_pid()
        and c.relnamespace = 'secsession'::regnamespace
        and c.relkind in ('r', 'p', 'v')
    ) holder;
$$;
comment on function secsession.lock_holders(text[]) is
    'The transactions that have locked tables of this schema at this moment, in one of these modes '
    '(null: in any).';

create or replace function secsession.lock_hint(holders text[])
returns text
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    select case
        when array_to_string(holders, ', ') like '%prepared transaction%'
        then 'rollback prepared ''NAME'', as a superuser in this database, ends one that was '
            'prepared; for others, '
        else ''
    end || 'select * from pg_stat_activity where pid = ..., as a superuser, shows what it is, '
        'and pg_terminate_backend(pid) ends it.';
$$;
comment on function secsession.lock_hint(text[]) is
    'Internal: how those that lock_holders() has named are ended.';

create or replace procedure secsession.install_view(name text, query text)
language plpgsql
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if to_regclass(format('secsession.%I', name)) is not null then
        execute format('create view secsession.install_view as %s', query);
        if install_definition(name) = install_definition('install_view') then
            drop view secsession.install_view;
            return;
        end if;
        drop view secsession.install_view;
        call install_lock();
    end if;
    execute format('create or replace view secsession.%I as %s', name, query);
end
$$;

create or replace function secsession.install_definition(name text)
returns jsonb
language sql
stable
set search_path = pg_catalog, secsession, pg_temp
as $$
    select jsonb_build_array(pg_get_viewdef(c.oid), c.reloptions, (
        select jsonb_agg(
            jsonb_build_array(a.attname, a.atttypid, a.atttypmod, a.attcollation)
            order by a.attnum
        )
        from pg_attribute a
        where a.attrelid = c.oid
        and a.attnum > 0
    ))
    from pg_class c
    where c.relnamespace = 'secsession'::regnamespace
    and c.relname = name;
$$;

-- create kind trigger name events on table rest; with "enable always" it also fires for those who
-- restore or replicate.
create or replace procedure secsession.install_trigger(
    table_name text,
    name text,
    events text,
    rest text,
    kind text default '',
    enable text default 'enable always'
)
language plpgsql
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    template constant text :=
        format('create %s trigger %I %s on secsession.%%I %s', kind, name, events, rest);
    wanted text;
    present text;
begin
    execute format('create table secsession.install_table (like secsession.%I)', table_name);
    execute format(template, 'install_table');
    wanted := enable || replace(
        (
            select pg_get_triggerdef(t.oid)
            from pg_trigger t
            where t.tgrelid = 'secsession.install_table'::regclass
            and t.tgname = name
        ),
        ' ON secsession.install_table ',
        format(' ON secsession.%I ', table_name)
    );
    drop table secsession.install_table;
    select case t.tgenabled when 'A' then 'enable always' when 'O' then 'enable' end
        || pg_get_triggerdef(t.oid)
    into present
    from pg_trigger t
    where t.tgrelid = format('secsession.%I', table_name)::regclass
    and t.tgname = name;

    if present is distinct from wanted then
        call install_lock();
        execute format('drop trigger if exists %I on secsession.%I', name, table_name);
        execute format(template, table_name);
        execute format('alter table secsession.%I %s trigger %I', table_name, enable, name);
    end if;
end
$$;

-- What nobody may even read now cannot be installed into; and one installs at a time.
select to_regclass('secsession.setting') is not null as tables_exist \gset
\if :tables_exist
call secsession.install_lock('access share');
call secsession.install_lock('share row exclusive', 'setting');
\endif
