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

create or replace function secsession.revoke_on_change()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    user_name text;
begin
    if tg_nargs <> 1 or tg_when <> 'AFTER' or tg_level <> 'ROW' or tg_op = 'INSERT' then
        raise exception 'the trigger % on % does not use revoke_on_change as it must be',
            tg_name, tg_relid::regclass
            using errcode = 'trigger_protocol_violated',
                hint = 'create trigger ... after update of password or delete on users '
                    'for each row execute function secsession.revoke_on_change(''name'')';
    end if;
    perform check_user_column(tg_relid, tg_argv[0]);
    execute format('select ($1).%I::text', tg_argv[0])
        into user_name
        using old;

    -- Nobody can have logged in under any other name.
    if length(user_name) between 1 and 255 then
        perform revoke_user(
            user_name, format('%s of %s', lower(tg_op), tg_relid::regclass)
        );
    end if;
    return null;
end
$$;
comment on function secsession.revoke_on_change() is
    'For a trigger after update or delete, for each row, on an application''s table: ends the '
    'sessions of the row''s user, in the same transaction. The argument is the column with the '
    'user''s name; if the name changes, the old one counts.';
