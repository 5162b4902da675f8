-- Lets the credentials of a user begin sessions again that a revocation has refused, in every realm
-- or in one.
--
--     psql -d DATABASE -v user=NAME -v reason=WHY [-v realm=REALM] -f allow-user.sql
\ir common.sql
\set usage 'psql -d DATABASE -v user=NAME -v reason=WHY [-v realm=REALM] -f allow-user.sql'
\if :{?user}
\else
\ir refuse.sql
\endif
\if :{?reason}
\else
\ir refuse.sql
\endif

select
    secsession.allow_user(
        :'user',
        :'reason',
        case when :'realm_given'::boolean then :'realm' end
    ) as allowed
\gset
\echo credentials allowed: :allowed
