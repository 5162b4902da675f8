-- Who may do what. Everything is taken back first, so that an upgrade leaves no right of before.

select
    format(
        'revoke all on %s from public, %s',
        kind,
        (
            select string_agg(distinct quote_ident(roles || role), ', ')
            from unnest(array[:'roles', :'installed_roles']) roles,
                unnest(array['_httpd', '_admin', '_auditor']) role
        )
    )
from unnest(array[
    'schema secsession', 'all tables in schema secsession', 'all functions in schema secsession'
]) kind
\gexec
revoke all on type secsession.session_answer, secsession.login from public;

grant usage on schema secsession to :"httpd", :"admin", :"auditor";

grant execute on function
    secsession.schema_version(),
    secsession.lock_holders(text[]),
    secsession.purge(integer),
    secsession.sweep(integer)
to :"httpd", :"admin";

grant execute on function
    secsession.lookup(bytea, text, integer, integer, inet, text),
    secsession.lookup_many(bytea, text),
    secsession.login_begin(text, text, inet, integer, integer),
    secsession.authenticate(
        secsession.login, jsonb, boolean, integer, boolean, bytea, boolean, text, uuid[], bytea,
        bytea[]
    ),
    secsession.sign_session(bytea, bytea, jsonb, bytea),
    secsession.login_undecided(text, text, inet),
    secsession.end_changed(uuid),
    secsession.under_way(uuid[]),
    secsession.offer_token(uuid, bytea, bytea, integer, integer, bytea),
    secsession.client_moved(uuid, inet, text),
    secsession.login_moment(),
    secsession.begin_session(bytea, text, inet, text, integer, integer, jsonb, uuid, bytea),
    secsession.keep_cookies(uuid, timestamptz, jsonb),
    secsession.vault_of(uuid, timestamptz),
    secsession.revoke_own(uuid, boolean, text),
    secsession.own_sessions(uuid),
    secsession.end_own(uuid, uuid),
    secsession.logout(bytea, text, uuid),
    secsession.current_token(bytea, text),
    secsession.login_failed(text, text, inet, text, integer, integer),
    secsession.session_id_in_url(uuid, inet, text, text),
    secsession.heartbeat(uuid[], bigint[], pg_snapshot, double precision),
    secsession.note_uses(uuid[], bigint[], double precision),
    secsession.announce(text)
to :"httpd";

grant execute on function
    secsession.revoke_session(uuid, text),
    secsession.revoke_user(text, text, text),
    secsession.allow_user(text, text, text),
    secsession.revoke_address(inet, text),
    secsession.revoke_before(timestamptz, text, text),
    secsession.revoke_all(text, text),
    secsession.reset_throttle(text, inet),
    secsession.revoke_on_change()
to :"admin";

-- The view calls them, and a view's functions are called with the rights of whoever reads it.
grant execute on function
    secsession.ends(secsession.revocation, secsession.session),
    secsession.is_unseen(xid8, pg_snapshot),
    secsession.idle_end(timestamptz, integer)
to :"admin", :"auditor";

grant select on
    secsession.active_session,
    secsession.event
to :"admin", :"auditor";
