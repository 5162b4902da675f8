-- The schema itself, and the refusal to touch one that is not ours or is newer than these files.

select not exists (select from pg_namespace where nspname = 'secsession') as schema_missing \gset
\if :schema_missing
create schema secsession authorization secsession_owner;
\endif

-- Somebody else's schema could hold tables and triggers that lie in wait for the functions.
do $$
begin
    if exists (
        select
        from pg_namespace
        where nspname = 'secsession'
        and nspowner <> 'secsession_owner'::regrole
    )
    then
        raise exception 'the schema secsession belongs to another role than secsession_owner'
            using hint = 'Drop or rename that schema, or give it to secsession_owner.';
    end if;
end
$$;

set local role secsession_owner;
revoke all on schema secsession from public;
comment on schema secsession is
    'mod_secsession: sessions of the web server. Call the functions; leave the tables alone.';

create table if not exists secsession.migration (
    version integer primary key,
    applied_at timestamptz not null default clock_timestamp()
);
comment on table secsession.migration is
    'The numbered migrations that have been applied to the tables.';
comment on column secsession.migration.version is 'The migration''s number.';
comment on column secsession.migration.applied_at is 'When it was applied.';

-- The highest migration of these files.
\set known_version 7
select set_config('secsession.known_version', :'known_version', true) as known_version \gset

do $$
declare
    known constant integer := current_setting('secsession.known_version');
    installed constant integer := (select max(version) from secsession.migration);
begin
    if installed > known then
        raise exception
            'the schema secsession is at version %, newer than version % of these files',
            installed, known
            using hint = 'Run store/install.sql of the newer release; nothing has been changed.';
    end if;
end
$$;

create or replace function secsession.schema_version()
returns integer
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    select max(m.version)
    from migration m;
$$;
comment on function secsession.schema_version() is
    'The version of the tables: the highest migration that has been applied.';
