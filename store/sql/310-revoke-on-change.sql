-- For an application's own table of users: a change ends the user's sessions, in its transaction.
--
--     create trigger secsession_revoke after update of password or delete on app_user
--         for each row execute function secsession.revoke_on_change('user_name');

create or replace function secsession.revoke_on_change()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    user_name text;
begin
    if tg_level <> 'ROW' or tg_when <> 'AFTER' or tg_op = 'INSERT' or tg_nargs <> 1 then
        raise exception 'revoke_on_change() is for triggers after update or delete, for each row'
            using errcode = '39P01', hint = 'Its one argument is the column with the user''s name.';
    end if;
    if not to_jsonb(old) ? tg_argv[0] then
        raise exception 'table %.% has no column "%"', tg_table_schema, tg_table_name, tg_argv[0]
            using errcode = '42703', hint = 'Name the column with the user''s name.';
    end if;
    user_name := to_jsonb(old) ->> tg_argv[0];
    if user_name <> '' then
        perform secsession.revoke_user(
            user_name, format('%s of %I.%I', lower(tg_op), tg_table_schema, tg_table_name));
    end if;
    return null;
end
$$;
comment on function secsession.revoke_on_change() is
    'trigger: a changed or deleted row ends the sessions of the user in the column it is given';
