-- The schema itself, and the refusal to touch one that is not ours or is newer than these files.

select not exists (select from pg_namespace where nspname = 'secsession') as schema_missing \gset
\if :schema_missing
select format('create schema secsession authorization %I', :'owner') \gexec
\endif

-- Somebody else's schema could hold tables and triggers that lie in wait for the functions.
select set_config('secsession.installed_owner', :'installed_roles' || '_owner', true) as ours \gset
do $$
begin
    if exists (
        select
        from pg_namespace
        where nspname = 'secsession'
        and pg_get_userbyid(nspowner) <> current_setting('secsession.installed_owner')
    )
    then
        raise exception 'the schema secsession belongs to another role than %',
            current_setting('secsession.installed_owner')
            using hint = 'Drop or rename that schema, or give it to that role.';
    end if;
end
$$;

select format('set local role %I', :'installed_roles' || '_owner') \gexec
\ir 025-locks.sql

-- To other roles than before, if others are named. What those might do is taken back with the rest.
select :'installed_roles' <> :'roles' as roles_changed \gset
\if :roles_changed
call secsession.install_lock();
reset role;
select
    format('reassign owned by %I to %I', :'installed_roles' || '_owner', :'owner'),
    format('set local role %I', :'owner')
\gexec
\endif

revoke all on schema secsession from public;
comment on schema secsession is
    'mod_secsession: sessions of the web server. Call the functions; leave the tables alone.';

-- The highest migration of these files.
\set known_version 12

-- The version is what schema_version() says: so a dump has it with the tables, not with their rows.
select to_regprocedure('secsession.schema_version()') is not null as version_known \gset
\if :version_known
select secsession.schema_version() as installed_version \gset
\else
\set installed_version 0
\endif
select
    set_config('secsession.known_version', :'known_version', true) as known_version,
    set_config('secsession.installed_version', :'installed_version', true) as installed_version
\gset

do $$
declare
    known constant integer := current_setting('secsession.known_version');
    installed constant integer := current_setting('secsession.installed_version');
begin
    if installed > known then
        raise exception
            'the schema secsession is at version %, newer than version % of these files',
            installed, known
            using hint = 'Run store/install.sql of the newer release; nothing has been changed.';
    end if;
    if installed = 0 and exists (
        select
        from pg_class
        where relnamespace = 'secsession'::regnamespace
    )
    then
        raise exception
            'the schema secsession has tables, but secsession.schema_version() does not exist'
            using hint = 'Without that function their version is unknown: create it again, so '
                'that it returns the version; nothing has been changed.';
    end if;
end
$$;
