-- Ends every session, in every realm or in one.
--
--     psql -d DATABASE -v reason=WHY [-v realm=REALM] -f revoke-all.sql
\ir common.sql
\set usage 'psql -d DATABASE -v reason=WHY [-v realm=REALM] -f revoke-all.sql'
\if :{?reason}
\else
\ir refuse.sql
\endif

select
    secsession.revoke_all(
        :'reason',
        case when :'realm_given'::boolean then :'realm' end
    ) as ended
\gset
\echo sessions ended: :ended
