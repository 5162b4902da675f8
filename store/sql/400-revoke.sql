-- Revocations, for administrators. Two means make them complete. An epoch: raised by the
-- revocation, stored with each login, compared by each lookup; it needs no order between a login
-- and a revocation. A gate: a lock that does order them, where what is revoked is not a user or a
-- realm.

create or replace function secsession.check_revocation(reason text, realm text default null)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if coalesce(btrim(reason), '') = '' then
        raise exception 'a revocation needs a reason'
            using errcode = 'invalid_parameter_value',
                hint = 'The reason is kept in the audit trail: say why.';
    end if;
    if realm = '' then
        raise exception 'realm must not be empty'
            using errcode = 'invalid_parameter_value',
                hint = 'Leave it out, or give null, to mean every realm.';
    end if;
end
$$;
comment on function secsession.check_revocation(text, text) is
    'Internal: refuses a revocation without a reason, or with a realm that cannot be.';

create or replace function secsession.raise_epoch(realm text, user_name text)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    insert into revocation_epoch as e (realm, user_name, epoch, raised_by)
    values (
        coalesce(raise_epoch.realm, ''), coalesce(raise_epoch.user_name, ''), 1,
        pg_current_xact_id()
    )
    on conflict on constraint revocation_epoch_pkey do update
    set epoch = e.epoch + 1,
        raised_by = excluded.raised_by;
end
$$;
comment on function secsession.raise_epoch(text, text) is
    'Internal: ends what has the present epoch, logins under way too. null: all realms, all users.';

create or replace function secsession.close_login_gate()
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'this revocation cannot be made in a transaction that is %',
            current_setting('transaction_isolation')
            using errcode = 'invalid_transaction_state',
                hint = 'It would miss logins that it does not see. Make it in a read committed transaction, or use revoke_user or revoke_all, which work in any.';
    end if;
    lock table login_gate in share row exclusive mode;
end
$$;
comment on function secsession.close_login_gate() is
    'Internal: waits for the logins under way and holds new ones back until the end of the transaction.';

create or replace function secsession.revoke_found(
    session_ids uuid[],
    realm text,
    user_name text,
    reason text,
    detail jsonb default '{}'
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    ended constant integer := end_sessions(session_ids, 'revoked', reason, detail);
begin
    if ended = 0 then
        perform log_event('revoked', null, realm, user_name, null, reason, detail);
    end if;
    return ended;
end
$$;
comment on function secsession.revoke_found(uuid[], text, text, text, jsonb) is
    'Internal: revokes these sessions; one that found none leaves its event too.';

create or replace function secsession.revoke_session(session_id uuid, reason text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform check_revocation(reason);
    return revoke_found(
        array[session_id], null, null, reason,
        jsonb_build_object('revoked', 'session', 'session_id', session_id)
    );
end
$$;
comment on function secsession.revoke_session(uuid, text) is
    'Ends one session. Returns how many ended: 0 or 1.';

create or replace function secsession.revoke_user(
    user_name text,
    reason text,
    realm text default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform check_revocation(reason, realm);
    -- An empty name would mean everybody.
    if (length(user_name) between 1 and 255) is not true then
        raise exception 'user_name must have 1 to 255 characters'
            using errcode = 'invalid_parameter_value';
    end if;
    perform raise_epoch(realm, user_name);
    return revoke_found(
        array(
            select s.session_id
            from session s
            where s.user_name = revoke_user.user_name
            and s.realm = coalesce(revoke_user.realm, s.realm)
            and s.ended_at is null
        ),
        realm, user_name, reason, jsonb_build_object('revoked', 'user')
    );
end
$$;
comment on function secsession.revoke_user(text, text, text) is
    'Ends all sessions of a user, also of a login that is under way; in one realm, or in all. Returns how many ended.';

create or replace function secsession.revoke_address(network inet, reason text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform check_revocation(reason);
    if network is null then
        raise exception 'network must not be null'
            using errcode = 'invalid_parameter_value';
    end if;
    perform close_login_gate();
    return revoke_found(
        array(
            select s.session_id
            from session s
            where s.client_addr <<= revoke_address.network
            and s.ended_at is null
        ),
        null, null, reason, jsonb_build_object('revoked', 'address', 'network', network)
    );
end
$$;
comment on function secsession.revoke_address(inet, text) is
    'Ends all sessions whose user authenticated from an address or network. Returns how many ended.';

create or replace function secsession.revoke_before(
    moment timestamptz,
    reason text,
    realm text default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform check_revocation(reason, realm);
    if moment is null then
        raise exception 'moment must not be null'
            using errcode = 'invalid_parameter_value';
    end if;
    perform close_login_gate();
    return revoke_found(
        array(
            select s.session_id
            from session s
            where s.authenticated_at < revoke_before.moment
            and s.realm = coalesce(revoke_before.realm, s.realm)
            and s.ended_at is null
        ),
        realm, null, reason, jsonb_build_object('revoked', 'before', 'moment', moment)
    );
end
$$;
comment on function secsession.revoke_before(timestamptz, text, text) is
    'Ends all sessions authenticated before a moment; in one realm, or in all. Returns how many ended.';

create or replace function secsession.revoke_all(reason text, realm text default null)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform check_revocation(reason, realm);
    perform raise_epoch(realm, null);
    return revoke_found(
        array(
            select s.session_id
            from session s
            where s.realm = coalesce(revoke_all.realm, s.realm)
            and s.ended_at is null
        ),
        realm, null, reason, jsonb_build_object('revoked', 'all')
    );
end
$$;
comment on function secsession.revoke_all(text, text) is
    'Ends every session, also of logins that are under way; in one realm, or in all. Returns how many ended.';
