-- Ends all sessions of a user, in every realm or in one.
--
--     psql -d DATABASE -v user=NAME -v reason=WHY [-v realm=REALM] -f revoke-user.sql
\ir common.sql
\set usage 'psql -d DATABASE -v user=NAME -v reason=WHY [-v realm=REALM] -f revoke-user.sql'
\if :{?user}
\else
\ir refuse.sql
\endif
\if :{?reason}
\else
\ir refuse.sql
\endif

select
    secsession.revoke_user(
        :'user',
        :'reason',
        case when :'realm_given'::boolean then :'realm' end
    ) as ended
\gset
\echo sessions ended: :ended
