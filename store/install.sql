-- Creates the schema secsession, or upgrades it, in one transaction; may be run again at any time:
--
--     psql -d DATABASE [-v roles=NAME] -f store/install.sql
--
-- Run it as a superuser, or as a role with CREATEROLE that may create a schema in the database.
-- The roles NAME_httpd, NAME_admin, NAME_auditor and NAME_owner are created if they are missing;
-- without a NAME, those of an earlier installation are used, or secsession_httpd and so on.
-- Tables come from numbered migrations, each run once; all else is made anew by every run.

\set ON_ERROR_STOP on
\set QUIET on
begin isolation level read committed;
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
-- Nothing waits for a lock without a bound: see 025-locks.sql.
set local lock_timeout = '5s';
-- As the migrations are written. What is evaluated later has no literal that depends on it.
set local standard_conforming_strings = on;

\ir sql/005-database.sql
set local client_encoding = 'UTF8';
\ir sql/010-roles.sql
\ir sql/020-schema.sql
\ir sql/030-migrations.sql
\ir sql/200-event-log.sql
\ir sql/205-tell-events.sql
\ir sql/207-names.sql
\ir sql/208-tokens.sql
\ir sql/210-session-state.sql
\ir sql/220-end-sessions.sql
\ir sql/230-tell-servers.sql
\ir sql/300-lookup.sql
\ir sql/302-lookup-writes.sql
\ir sql/305-rotation.sql
\ir sql/306-credentials.sql
\ir sql/308-most-sessions.sql
\ir sql/309-session-of-login.sql
\ir sql/310-authenticate.sql
\ir sql/320-logout.sql
\ir sql/330-heartbeat.sql
\ir sql/340-vault.sql
\ir sql/350-own-sessions.sql
\ir sql/355-attempts.sql
\ir sql/360-throttle.sql
\ir sql/370-session-id-in-url.sql
\ir sql/380-client-moved.sql
\ir sql/390-under-way.sql
\ir sql/395-refused-revocations.sql
\ir sql/400-revoke.sql
\ir sql/410-revoke-on-change.sql
\ir sql/420-sweep.sql
\ir sql/500-purge.sql
\ir sql/600-views.sql
\ir sql/900-grants.sql
\ir sql/990-done.sql

commit;
\echo secsession: the schema is at version :schema_version
\if :roles_changed
\echo secsession: the rights of :installed_roles are now those of :roles (_httpd etc.): grant these
\endif
\if :roles_shared
\warn secsession: the database :other_databases has the same roles; see docs/operations.md
\endif
