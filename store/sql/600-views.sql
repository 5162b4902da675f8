-- What administrators and auditors read.

call secsession.install_view('active_session', $view$
select
    s.session_id,
    s.realm,
    s.user_name,
    s.auth_method,
    s.client_addr,
    s.user_agent,
    s.created_at,
    s.authenticated_at,
    s.last_seen_at,
    s.idle_expires_at,
    s.expires_at,
    s.persistent
from secsession.session_state s
where s.ending is null
-- Follows from the line before; it lets the planner use the index.
and s.ended_at is null
and s.user_name is not null
$view$);

comment on view secsession.active_session is 'The sessions of users that are live at this moment.';
comment on column secsession.active_session.session_id is
    'The public name of the session, for revoke_session().';
comment on column secsession.active_session.realm is 'The virtual hosts that share the session.';
comment on column secsession.active_session.user_name is 'The user.';
comment on column secsession.active_session.auth_method is 'How the user authenticated.';
comment on column secsession.active_session.client_addr is 'Where the user authenticated from.';
comment on column secsession.active_session.user_agent is
    'What the browser called itself at the authentication.';
comment on column secsession.active_session.created_at is 'When the session began.';
comment on column secsession.active_session.authenticated_at is
    'When the user last authenticated.';
comment on column secsession.active_session.last_seen_at is
    'The last request, to a tenth of the idle timeout.';
comment on column secsession.active_session.idle_expires_at is
    'When the session ends if no request comes.';
comment on column secsession.active_session.expires_at is 'When the session ends in any case.';
comment on column secsession.active_session.persistent is
    'Whether the user asked to be kept signed in.';

call secsession.install_view('event', $view$
select
    l.at,
    shown.event,
    l.session_id,
    l.realm,
    l.user_name,
    l.client_addr,
    l.actor,
    l.reason,
    case when shown.event = 'created' then '{}' else l.detail end as detail,
    l.event_id + shown.n - 1 as event_id
from secsession.event_log l
-- A login that begins a session is one event there.
cross join lateral unnest(
    case
        when l.event = 'login' then array['created', 'authenticated']
        else array[l.event]
    end
) with ordinality as shown (event, n)
-- They are removed with the last of their month.
where l.at >= statement_timestamp() - coalesce(
    (select s.event_retention from secsession.setting s), interval '180 days'
)
$view$);

comment on view secsession.event is 'The audit trail, for as long as it is kept.';
comment on column secsession.event.at is 'When it happened.';
comment on column secsession.event.event is
    'What happened: created, authenticated, rotated, reuse_detected, login_failed, '
    'login_throttled, logout, expired_idle, expired_absolute, revoked, evicted, moved or '
    'session_id_in_url (of an application, in a request or a response of the session).';
comment on column secsession.event.session_id is 'The session; null where there is none.';
comment on column secsession.event.realm is 'The realm; null: all realms.';
comment on column secsession.event.user_name is
    'The user, for a failed login as it was typed; null: all users.';
comment on column secsession.event.client_addr is
    'Where the user authenticated from, or tried to.';
comment on column secsession.event.actor is
    'The database role that was logged in: the administrator, or the web server.';
comment on column secsession.event.reason is 'Why, in the words of whoever did it.';
comment on column secsession.event.detail is 'What else is known.';
comment on column secsession.event.event_id is
    'Orders events of the same moment; not without gaps.';

-- A migration is never changed, and 100-tables.sql says something else about the realm.
do $$
declare
    wanted constant text :=
        'The virtual hosts that share the session; a token is unknown in any other realm.';
begin
    if exists (
        select
        from pg_attribute a
        where a.attrelid = 'secsession.session'::regclass
        and a.attname = 'realm'
        and col_description(a.attrelid, a.attnum) is distinct from wanted
    ) then
        call secsession.install_lock();
        execute format('comment on column secsession.session.realm is %L', wanted);
    end if;
end
$$;
