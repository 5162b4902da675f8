-- Ends one session, named by the session_id that list.sql shows.
--
--     psql -d DATABASE -v session=UUID -v reason=WHY -f revoke-session.sql
\ir common.sql
\set usage 'psql -d DATABASE -v session=UUID -v reason=WHY -f revoke-session.sql'
\if :{?session}
\else
\ir refuse.sql
\endif
\if :{?reason}
\else
\ir refuse.sql
\endif

select
    secsession.revoke_session(:'session', :'reason') as ended
\gset
\echo sessions ended: :ended
