-- The one place that says when a session has ended. Its clock is the start of the client's
-- statement, not clock_timestamp(): around a volatile function the planner could not use the
-- indexes.

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
    s.idle_timeout,
    s.absolute_timeout,
    s.last_seen_at + make_interval(secs => s.idle_timeout) as idle_expires_at,
    s.expires_at,
    s.persistent,
    s.ended_at,
    case
        when s.ended_at is not null
        then s.end_reason
        when s.expires_at <= statement_timestamp()
        then 'absolute'
        when s.last_seen_at + make_interval(secs => s.idle_timeout) <= statement_timestamp()
        then 'idle'
        when s.epoch <> (
            select coalesce(sum(e.epoch), 0)
            from secsession.revocation_epoch e
            where e.realm in (s.realm, '')
            and e.user_name in (s.user_name, '')
        )
        then 'revoked'
    end as ending,
    s.vault_version,
    s.rotated_at,
    coalesce(s.bound_addr, s.client_addr) as bound_addr,
    s.credential_stamp,
    s.stamp_checked_at,
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
comment on column secsession.session_state.idle_timeout is 'See session.';
comment on column secsession.session_state.absolute_timeout is 'See session.';
comment on column secsession.session_state.idle_expires_at is
    'When the session ends if no request comes.';
comment on column secsession.session_state.expires_at is 'See session.';
comment on column secsession.session_state.persistent is 'See session.';
comment on column secsession.session_state.ended_at is
    'See session; null also where the session must end but nobody has noticed yet.';
comment on column secsession.session_state.ending is
    'Why the session has ended or must end now; null while it is live.';
comment on column secsession.session_state.vault_version is 'See session.';
comment on column secsession.session_state.rotated_at is 'See session.';
comment on column secsession.session_state.bound_addr is
    'The address that the session is bound to.';
comment on column secsession.session_state.credential_stamp is 'See session.';
comment on column secsession.session_state.stamp_checked_at is 'See session.';
comment on column secsession.session_state.session is 'The row itself.';

create or replace function secsession.login_epoch(realm text, user_name text)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return (
        select coalesce(sum(e.epoch), 0)
        from revocation_epoch e
        where e.realm in (login_epoch.realm, '')
        and e.user_name in (login_epoch.user_name, '')
    );
end
$$;
comment on function secsession.login_epoch(text, text) is
    'The current epoch of a user in a realm. To be read before the password is checked and given '
    'to authenticate(), so that a revocation in between refuses the login.';

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
    'This moment, in place of login_epoch() where the user is not known before the login. To be '
    'read before the application is asked and given to authenticate().';

create or replace function secsession.revoked_since(
    moment pg_snapshot,
    realm text,
    user_name text
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- A number that is still to come is of another cluster, from which this database was restored.
    return exists (
        select
        from revocation_epoch e
        where e.realm in (revoked_since.realm, '')
        and e.user_name in (revoked_since.user_name, '')
        and not pg_visible_in_snapshot(e.raised_by, revoked_since.moment)
        and e.raised_by < pg_snapshot_xmax(pg_current_snapshot())
    );
end
$$;
comment on function secsession.revoked_since(pg_snapshot, text, text) is
    'Internal: whether a revocation of this user has committed since that moment.';
