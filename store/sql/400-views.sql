-- What admins and auditors may read.

create or replace view secsession.active_session as
select s.session_id,
       s.realm,
       s.user_name,
       s.auth_method,
       s.client_addr,
       s.user_agent,
       s.created_at,
       s.authenticated_at,
       s.last_seen_at,
       s.last_seen_at + make_interval(secs => s.idle_timeout) as idle_expires_at,
       s.expires_at,
       s.persistent
from secsession.session s
where s.ended_at is null
  and s.expires_at > clock_timestamp()
  and s.last_seen_at + make_interval(secs => s.idle_timeout) > clock_timestamp()
  and s.epoch = secsession.current_epoch(s.realm, s.user_name);

alter view secsession.active_session owner to secsession_owner;
comment on view secsession.active_session is 'the sessions that would be accepted now';

create or replace view secsession.event as
select l.at,
       l.event,
       l.session_id,
       l.realm,
       l.user_name,
       l.client_addr,
       l.actor,
       l.reason,
       l.detail
from secsession.event_log l;

alter view secsession.event owner to secsession_owner;
comment on view secsession.event is 'the audit trail: what happened, when, and who did it';

do $$
declare
    one record;
begin
    for one in
        select v.relname, a.attname, c.comment
        from (values ('idle_expires_at', 'when it ends if nobody uses it again')) c (column_name, comment)
        join pg_catalog.pg_attribute a on a.attname = c.column_name
        join pg_catalog.pg_class v on v.oid = a.attrelid
        where v.oid = 'secsession.active_session'::regclass
        union all
        select v.relname, a.attname, col_description(t.oid, b.attnum)
        from (values ('active_session', 'session'), ('event', 'event_log')) n (view_name, table_name)
        join pg_catalog.pg_class v on v.oid = ('secsession.' || n.view_name)::regclass
        join pg_catalog.pg_class t on t.oid = ('secsession.' || n.table_name)::regclass
        join pg_catalog.pg_attribute a on a.attrelid = v.oid and a.attnum > 0
        join pg_catalog.pg_attribute b on b.attrelid = t.oid and b.attname = a.attname
    loop
        -- The views' columns say what their tables' say.
        execute format('comment on column secsession.%I.%I is %L', one.relname, one.attname, one.comment);
    end loop;
end
$$;
