-- Runs each migration that this database has not had. To add one: a file, a paragraph here,
-- known_version in 020-schema.sql, and SECSESSION_SCHEMA_VERSION in store/dbd.h.

select :installed_version < :known_version as migration_needed \gset
\if :migration_needed
call secsession.install_lock();
\endif

select :installed_version < 1 as migration_needed \gset
\if :migration_needed
\ir 100-tables.sql
\endif

select :installed_version < 2 as migration_needed \gset
\if :migration_needed
\ir 110-vault.sql
\endif

select :installed_version < 3 as migration_needed \gset
\if :migration_needed
\ir 120-accounts.sql
\endif

select :installed_version < 4 as migration_needed \gset
\if :migration_needed
\ir 130-lookup-many.sql
\endif

select :installed_version < 5 as migration_needed \gset
\if :migration_needed
\ir 140-login.sql
\endif

select :installed_version < 6 as migration_needed \gset
\if :migration_needed
\ir 150-revocation.sql
\endif

select :installed_version < 7 as migration_needed \gset
\if :migration_needed
\ir 160-events.sql
\endif

select :installed_version < 8 as migration_needed \gset
\if :migration_needed
\ir 170-keys.sql
\endif

select :installed_version < 9 as migration_needed \gset
\if :migration_needed
\ir 175-rotation.sql
\endif

select :installed_version < 10 as migration_needed \gset
\if :migration_needed
\ir 180-names.sql
\endif

select :installed_version < 11 as migration_needed \gset
\if :migration_needed
\ir 185-vault-of-login.sql
\endif

select :installed_version < 12 as migration_needed \gset
\if :migration_needed
\ir 190-credentials.sql
\endif

\set version_body 'select ' :known_version ';'
create or replace function secsession.schema_version()
returns integer
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as :'version_body';
comment on function secsession.schema_version() is
    'The version of the tables: the highest migration that has been applied.';

-- Where earlier releases kept it.
select to_regclass('secsession.migration') is not null as version_in_table \gset
\if :version_in_table
call secsession.install_lock();
drop table secsession.migration;
\endif
