-- Refuses a database in which the schema could not work.

do $$
begin
    if current_setting('server_version_num')::integer < 150000 then
        raise exception 'PostgreSQL % is too old: mod_secsession needs PostgreSQL 15 or newer',
            current_setting('server_version');
    end if;
    if pg_is_in_recovery() then
        raise exception 'this server is a standby, where nothing can be created'
            using hint = 'Install on the primary: the standby receives the schema from there.';
    end if;
    if (select datistemplate from pg_database where datname = current_database()) then
        raise exception 'the database % is a template', current_database()
            using hint = 'Every database that is made from it would have the schema, and its '
                'roles would be let into all of them. Install into an ordinary database.';
    end if;
    -- Names of users arrive in UTF-8, and are hashed as such.
    if getdatabaseencoding() <> 'UTF8' and not exists (
        select
        from pg_conversion
        where conforencoding = pg_char_to_encoding(getdatabaseencoding())
        and contoencoding = pg_char_to_encoding('UTF8')
        and condefault
    )
    then
        raise exception 'the encoding % of the database % cannot be converted to UTF8',
            getdatabaseencoding(), current_database()
            using hint = 'Install into a database with another encoding: createdb -E UTF8 -T '
                'template0';
    end if;
end
$$;
