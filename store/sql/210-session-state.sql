-- The one place that says when a session has ended. Its clock is the start of the client's
-- statement, not clock_timestamp(): around a volatile function the planner could not use the
-- indexes.

create or replace function secsession.is_unseen(raised_by xid8, login_seen pg_snapshot)
returns boolean
language sql
stable
-- A transaction that is still to come is of another cluster, from which the row was restored: such
-- a session may have missed anything, and such a revocation is older than any login of this
-- cluster.
return case
    when pg_snapshot_xmax(login_seen) > pg_snapshot_xmax(pg_current_snapshot()) then true
    when raised_by >= pg_snapshot_xmax(pg_current_snapshot())
        and raised_by is distinct from pg_current_xact_id_if_assigned()
    then false
    else not pg_visible_in_snapshot(raised_by, login_seen)
end;
comment on function secsession.is_unseen(xid8, pg_snapshot) is
    'Internal: whether a login could not see what this transaction, which has committed, has done.';

create or replace function secsession.sees_more(login_seen pg_snapshot)
returns boolean
language sql
stable
-- Snapshots only ever see more: one that was read before this one sees nothing that is running now.
return pg_snapshot_xmax(login_seen) > pg_snapshot_xmax(pg_current_snapshot())
    or exists (
        select
        from pg_snapshot_xip(pg_current_snapshot()) as running (xid)
        where pg_visible_in_snapshot(running.xid, login_seen)
    );
comment on function secsession.sees_more(pg_snapshot) is
    'Internal: whether a snapshot sees a transaction that this one does not see: then nobody can '
    'have read it before.';

create or replace function secsession.ends(
    revocation secsession.revocation,
    session secsession.session
)
returns boolean
language sql
stable
return revocation.realm in (session.realm, '')
    and revocation.user_name in (session.user_name, '')
    and (session.is_lowercase or not revocation.only_lowercase)
    and (revocation.session_id is null or revocation.session_id = session.session_id)
    and (
        revocation.spared_id is null
        or revocation.spared_id is distinct from session.session_id
    )
    and (revocation.network is null or session.client_addr <<= revocation.network)
    and (revocation.moment is null or session.authenticated_at < revocation.moment)
    and secsession.is_unseen(revocation.raised_by, session.login_seen);
comment on function secsession.ends(secsession.revocation, secsession.session) is
    'Internal: the one place that says which sessions a revocation ends. Whoever asks names open '
    'rows, by the user''s name or the empty one, so that the index is used.';

create or replace function secsession.idle_end(last_seen_at timestamptz, idle_timeout integer)
returns timestamptz
language sql
stable
-- The last use may be so much later than it was written: see is_noted().
return last_seen_at
    + make_interval(secs => idle_timeout + greatest(idle_timeout * 0.01, 1));
comment on function secsession.idle_end(timestamptz, integer) is
    'Internal: when a session is idle: as long as promised after its last use, however exactly '
    'that is known.';

create or replace function secsession.end_of_session(
    user_name text,
    authenticated_at timestamptz,
    last_seen_at timestamptz,
    idle_timeout integer,
    absolute_timeout integer
)
returns timestamptz
language sql
stable
return least(
    authenticated_at + make_interval(secs => absolute_timeout),
    case
        when user_name is null then secsession.idle_end(last_seen_at, idle_timeout)
    end
);
comment on function secsession.end_of_session(
    text, timestamptz, timestamptz, integer, integer
) is
    'Internal: when purge() may remove a session: at its absolute end; one of nobody at its idle '
    'end, because strangers can make as many as they like.';

call secsession.install_view('session_state', $view$
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
    s.last_seen_at + make_interval(secs => s.idle_timeout) as idle_expires_at,
    s.expires_at,
    s.persistent,
    s.ended_at,
    case
        when s.ended_at is not null
        then s.end_reason
        else coalesce(
            (
                select v.end_reason
                from secsession.revocation v
                where v.swept_at is null
                and v.user_name in (s.user_name, '')
                and secsession.ends(v, s)
                -- What came first is the reason, however late it is written down.
                and least(
                    s.expires_at, secsession.idle_end(s.last_seen_at, s.idle_timeout)
                ) > least(v.revoked_at, statement_timestamp())
                order by v.revoked_at, v.revocation_id
                limit 1
            ),
            case
                when s.expires_at <= statement_timestamp() and s.user_name is not null
                then 'absolute'
                when secsession.idle_end(s.last_seen_at, s.idle_timeout) <= statement_timestamp()
                then 'idle'
                when s.expires_at <= statement_timestamp()
                then 'absolute'
            end
        )
    end as ending,
    s as session
from secsession.session s
$view$);

comment on view secsession.session_state is
    'Internal: each session and how it stands at this moment.';
comment on column secsession.session_state.session_id is 'See session.';
comment on column secsession.session_state.realm is 'See session.';
comment on column secsession.session_state.user_name is 'See session.';
comment on column secsession.session_state.auth_method is 'See session.';
comment on column secsession.session_state.client_addr is 'See session.';
comment on column secsession.session_state.user_agent is 'See session.';
comment on column secsession.session_state.created_at is 'See session.';
comment on column secsession.session_state.authenticated_at is 'See session.';
comment on column secsession.session_state.last_seen_at is 'See session.';
comment on column secsession.session_state.idle_expires_at is
    'When the session ends if no request comes.';
comment on column secsession.session_state.expires_at is 'See session.';
comment on column secsession.session_state.persistent is 'See session.';
comment on column secsession.session_state.ended_at is
    'See session; null also where the session must end but nobody has written it down yet.';
comment on column secsession.session_state.ending is
    'Why the session has ended or must end now; null while it is live.';
comment on column secsession.session_state.session is 'The row itself.';

create or replace function secsession.login_moment()
returns pg_snapshot
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    select pg_current_snapshot();
$$;
comment on function secsession.login_moment() is
    'What can be seen at this moment. To be read before credentials are checked, by whoever, and '
    'given to authenticate(), so that a revocation in between refuses the login.';

create or replace function secsession.is_revoked_meanwhile(login secsession.session)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
begin
    login.authenticated_at := clock_timestamp();
    -- Closed rows too: the credentials may have been checked for long. No snapshot that sees what
    -- is not over can have been read before that.
    return sees_more(login.login_seen)
        or exists (
            select
            from revocation v
            where v.raised_by >= pg_snapshot_xmax(login.login_seen)
            and v.session_id is null
            and ends(v, login)
        )
        or exists (
            select
            from revocation v
            where v.raised_by = any (array(select pg_snapshot_xip(login.login_seen)))
            and v.session_id is null
            and ends(v, login)
        );
end
$$;
comment on function secsession.is_revoked_meanwhile(secsession.session) is
    'Internal: whether a login is one of those that a revocation since its beginning ends; its '
    'session_id is null where it makes a new session. After pg_current_xact_id(), see sweep().';
