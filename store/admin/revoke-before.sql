-- Ends all sessions authenticated before a moment ('2026-01-31 08:00+01', 'yesterday').
--
--     psql -d DATABASE -v moment=TIME -v reason=WHY [-v realm=REALM] -f revoke-before.sql
\ir common.sql
\set usage 'psql -d DATABASE -v moment=TIME -v reason=WHY [-v realm=REALM] -f revoke-before.sql'
\if :{?moment}
\else
\ir refuse.sql
\endif
\if :{?reason}
\else
\ir refuse.sql
\endif

select
    secsession.revoke_before(
        :'moment',
        :'reason',
        case when :'realm_given'::boolean then :'realm' end
    ) as ended
\gset
\echo sessions ended: :ended
