-- A trigger for an application's own table of users.

create or replace function secsession.check_user_column(table_id oid, user_column text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    column_type pg_type;
begin
    select t.*
    into column_type
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    where a.attrelid = check_user_column.table_id
    and a.attname = check_user_column.user_column
    and a.attnum > 0
    and not a.attisdropped;

    if not found then
        raise exception 'revoke_on_change: the table % has no column "%"',
            table_id::regclass, user_column
            using errcode = 'undefined_column';
    end if;
    -- The value becomes text in a function that has the owner's rights: no type may bring code of
    -- its own. PostgreSQL's types and domains over them do not; nor does one that is text in all
    -- but name, such as citext.
    if not exists (
        select
        from pg_type t
        where t.oid in (column_type.oid, column_type.typbasetype)
        and t.typnamespace = 'pg_catalog'::regnamespace
        and t.typtype = 'b'
        union all
        select
        from pg_cast c
        where c.castsource = column_type.oid
        and c.casttarget = 'text'::regtype
        and c.castmethod = 'b'
    )
    then
        raise exception 'revoke_on_change: the column "%" has the type %, which is not built in',
            user_column, column_type.oid::regtype
            using errcode = 'datatype_mismatch';
    end if;
end
$$;
comment on function secsession.check_user_column(oid, text) is
    'Internal: refuses a column that revoke_on_change() cannot read safely.';

create or replace function secsession.check_user_trigger(
    arguments integer,
    timing text,
    level text,
    operation text,
    said text
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if arguments not between 1 and 2
        or timing <> 'AFTER'
        or level || ' ' || operation not in ('ROW UPDATE', 'ROW DELETE', 'STATEMENT TRUNCATE')
    then
        raise exception 'the trigger % does not use revoke_on_change as it must be', said
            using errcode = 'trigger_protocol_violated',
                hint = 'create trigger ... after update of name, password or delete on users '
                    'for each row execute function secsession.revoke_on_change(''name''); '
                    'create trigger ... after truncate on users '
                    'for each statement execute function secsession.revoke_on_change(''name'')';
    end if;
end
$$;
comment on function secsession.check_user_trigger(integer, text, text, text, text) is
    'Internal: refuses a trigger that revoke_on_change() cannot serve.';

create or replace function secsession.comparison_of(
    table_id oid,
    trigger_name name,
    user_column text
)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return (
        select format(
            'select record_image_eq(row(%s), row(%s))',
            string_agg(format('($1).%I', a.attname), ', '),
            string_agg(format('($2).%I', a.attname), ', ')
        )
        from pg_trigger t
        join pg_attribute a on a.attrelid = t.tgrelid
        where t.tgrelid = comparison_of.table_id
        and t.tgname = comparison_of.trigger_name
        and (a.attnum = any (t.tgattr) or a.attname = comparison_of.user_column)
        and cardinality(t.tgattr::int2[]) > 0
        having count(*) > 0
    );
end
$$;
comment on function secsession.comparison_of(oid, name, text) is
    'Internal: a query that tells of two rows whether the columns that a trigger after update '
    'names are the same in both, and the one of the user''s name; null: it names none.';

create or replace function secsession.revoke_on_change()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    comparison text;
    is_same boolean := false;
    user_name text;
begin
    -- Before all else, since a program writes many rows as they were, or with other columns changed
    -- than those that the trigger names. Images are compared, and not values: no type may bring
    -- code of its own, see check_user_column().
    if tg_op = 'UPDATE' and tg_when = 'AFTER' and tg_level = 'ROW' then
        if old *= new then
            return null;
        end if;
        comparison := comparison_of(tg_relid, tg_name, tg_argv[0]);
        if comparison is not null then
            execute comparison
                into is_same
                using old, new;
        end if;
        if is_same then
            return null;
        end if;
    end if;

    perform check_user_trigger(
        tg_nargs, tg_when, tg_level, tg_op, format('%s on %s', tg_name, tg_relid::regclass)
    );
    perform check_user_column(tg_relid, tg_argv[0]);
    if tg_op = 'TRUNCATE' then
        -- Whose rows they were is not known any more.
        perform revoke_all(format('truncate of %s', tg_relid::regclass), tg_argv[1]);
        return null;
    end if;
    execute format('select ($1).%I::text', tg_argv[0])
        into user_name
        using old;

    -- Nobody can have logged in under any other name.
    if length(plain_name(user_name)) between 1 and 255 then
        perform revoke_name(
            user_name, format('%s of %s', lower(tg_op), tg_relid::regclass), tg_argv[1], true
        );
    end if;
    return null;
end
$$;
comment on function secsession.revoke_on_change() is
    'For a trigger after update or delete, for each row, on an application''s table: ends the '
    'sessions of the row''s user, in the same transaction. An update that leaves the trigger''s '
    'columns as they were ends none. After truncate, for each statement, it ends every session. '
    'The first argument is the column with the user''s name; if the name changes, the old one '
    'counts. A second one is the realm, without it all are meant.';
