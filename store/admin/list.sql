-- Lists the live sessions: all, or those of one user, also where SecSessionUserNames has made the
-- name lower case; in every realm, or in one.
--
--     psql -d DATABASE [-v user=NAME] [-v realm=REALM] -f list.sql
\ir common.sql
\ir optional-user.sql
\ir harmless.sql

select
    session_id,
    translate(realm, :'harmful', :'harmless') as realm,
    translate(user_name, :'harmful', :'harmless') as user_name,
    translate(auth_method, :'harmful', :'harmless') as auth_method,
    client_addr,
    translate(user_agent, :'harmful', :'harmless') as user_agent,
    authenticated_at,
    last_seen_at,
    least(idle_expires_at, expires_at) as ends_at
from secsession.active_session
where (
    not :'user_given'::boolean
    or user_name in (btrim(:'user'), lower(btrim(:'user') collate "C"))
)
and (not :'realm_given'::boolean or realm = :'realm')
order by user_name, authenticated_at;
