-- Removes sessions past their absolute end, at most 1000 or so many, and ten times as many events
-- past their retention. To be run again until it removes none.
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
\echo removed (sessions, or tens of events): :removed
