-- Removes sessions past their absolute end and events past their retention: at most 1000 of each, or
-- so many. To be run again until it removes none.
--
--     psql -d DATABASE [-v batch=N] -f purge.sql
\ir common.sql
\if :{?batch}
\else
\set batch 1000
\endif

select
    secsession.purge(:'batch') as removed
\gset
\echo sessions removed: :removed
