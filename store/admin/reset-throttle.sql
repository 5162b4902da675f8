-- Forgets the failed logins of a user, of an address, or of a user from an address, so that the
-- next attempt is let pass at once.
--
--     psql -d DATABASE [-v user=NAME] [-v address=ADDRESS] -f reset-throttle.sql
\ir common.sql
\set usage 'psql -d DATABASE [-v user=NAME] [-v address=ADDRESS] -f reset-throttle.sql'
\ir optional-user.sql
\if :{?address}
\else
\set address ''
\endif

select
    secsession.reset_throttle(
        case when :'user_given'::boolean then :'user' end,
        nullif(:'address', '')::inet
    ) as removed
\gset
\echo counts removed: :removed
