-- Shows the audit trail, oldest first: the newest 100 events, or so many; of one user; since a
-- moment ('2026-01-31 08:00+01', 'yesterday'); in one realm.
--
--     psql -d DATABASE [-v user=NAME] [-v since=TIME] [-v limit=N] [-v realm=REALM] -f audit.sql
\ir common.sql
\ir optional-user.sql
\ir harmless.sql
\if :{?since}
\else
\set since -infinity
\endif
\if :{?limit}
\else
\set limit 100
\endif

select at, event, realm, user_name, client_addr, session_id, actor, reason, detail
from (
    select
        at,
        event,
        translate(realm, :'harmful', :'harmless') as realm,
        translate(user_name, :'harmful', :'harmless') as user_name,
        client_addr,
        session_id,
        translate(actor, :'harmful', :'harmless') as actor,
        translate(reason, :'harmful', :'harmless') as reason,
        translate(detail::text, :'harmful', :'harmless') as detail,
        event_id
    from secsession.event
    where at >= :'since'
    and (
        not :'user_given'::boolean
        or user_name in (btrim(:'user'), lower(btrim(:'user') collate "C"))
    )
    and (not :'realm_given'::boolean or realm = :'realm')
    order by at desc, event_id desc
    limit :'limit'
) newest
order by at, event_id;
