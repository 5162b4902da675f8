-- Runs each migration that this database has not had. To add one: a file, a paragraph here,
-- known_version in 020-schema.sql, and SECSESSION_SCHEMA_VERSION in store/dbd.h.

select not exists (select from secsession.migration where version = 1) as migration_needed \gset
\if :migration_needed
\ir 100-tables.sql
insert into secsession.migration (version) values (1);
\endif

select not exists (select from secsession.migration where version = 2) as migration_needed \gset
\if :migration_needed
\ir 110-vault.sql
insert into secsession.migration (version) values (2);
\endif

select not exists (select from secsession.migration where version = 3) as migration_needed \gset
\if :migration_needed
\ir 120-accounts.sql
insert into secsession.migration (version) values (3);
\endif

select not exists (select from secsession.migration where version = 4) as migration_needed \gset
\if :migration_needed
\ir 130-lookup-many.sql
insert into secsession.migration (version) values (4);
\endif

select not exists (select from secsession.migration where version = 5) as migration_needed \gset
\if :migration_needed
\ir 140-login.sql
insert into secsession.migration (version) values (5);
\endif

select not exists (select from secsession.migration where version = 6) as migration_needed \gset
\if :migration_needed
\ir 150-revocation.sql
insert into secsession.migration (version) values (6);
\endif

select not exists (select from secsession.migration where version = 7) as migration_needed \gset
\if :migration_needed
\ir 160-events.sql
insert into secsession.migration (version) values (7);
\endif
