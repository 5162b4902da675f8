-- Revoking. Each function answers how many sessions it ended, and leaves an event for each of them,
-- or one without a session where there was none.
--
-- revoke_user() and revoke_all() count up an epoch, which lookup() compares: so they are complete in
-- every isolation level, also for logins that commit later. revoke_address() and revoke_before() have
-- no such number to change; they wait for the logins under way, and hold up new ones until they
-- commit.

create or replace function secsession.check_reason(p_reason text)
returns void
language plpgsql
immutable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if p_reason is null or btrim(p_reason) = '' then
        raise exception 'a revocation needs a reason'
            using errcode = '22023',
                  hint = 'Say why: it stands in the audit trail, and who reads it later will ask.';
    end if;
end
$$;
comment on function secsession.check_reason(text) is 'raises an error if a reason is missing';

create or replace function secsession.wait_for_logins()
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'this revocation would miss logins that are under way'
            using errcode = '25001',
                  hint = 'Call it in a transaction of isolation level read committed.';
    end if;
    perform pg_advisory_xact_lock(hashtext('secsession.login'));
end
$$;
comment on function secsession.wait_for_logins() is
    'waits until no login is under way, and holds up new ones until the end of the transaction';

create or replace function secsession.count_up(p_realm text, p_user_name text)
returns void
language sql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    insert into secsession.revocation_epoch as e (realm, user_name, epoch)
    values ($1, $2, 1)
    on conflict (realm, user_name) do update
    set epoch = e.epoch + 1
$$;
comment on function secsession.count_up(text, text) is
    'makes every session of a user, realm or all (the empty string) a revoked one';

-- Ends the live sessions among these, with their events.
create or replace function secsession.revoke(
    p_session_ids uuid[], p_reason text, p_detail jsonb)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    revoked integer;
begin
    with ended as (
        update secsession.session s
        set ended_at = clock_timestamp(),
            end_reason = 'revoked'
        where s.session_id = any (p_session_ids)
          and s.ended_at is null
        returning s.session_id, s.realm, s.user_name, s.client_addr
    )
    insert into secsession.event_log (event, session_id, realm, user_name, client_addr, reason, detail)
    select 'revoked', e.session_id, e.realm, e.user_name, e.client_addr, p_reason, p_detail
    from ended e;
    get diagnostics revoked = row_count;
    if revoked = 0 then
        insert into secsession.event_log (event, realm, user_name, reason, detail)
        values ('revoked', p_detail ->> 'realm', p_detail ->> 'user_name', p_reason, p_detail);
    end if;
    return revoked;
end
$$;
comment on function secsession.revoke(uuid[], text, jsonb) is
    'ends the live sessions among these, with their events';

create or replace function secsession.revoke_session(session_id uuid, reason text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform secsession.check_reason(reason);
    return secsession.revoke(array[$1], $2, jsonb_build_object('session_id', $1));
end
$$;
comment on function secsession.revoke_session(uuid, text) is 'ends one session';

create or replace function secsession.revoke_user(user_name text, reason text, realm text default null)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform secsession.check_reason(reason);
    if user_name is null or user_name = '' then
        raise exception 'revoke_user() needs a user name'
            using errcode = '22023', hint = 'To end all sessions call revoke_all().';
    end if;
    perform secsession.count_up(coalesce($3, ''), $1);
    return secsession.revoke(
        array(
            select s.session_id
            from secsession.session s
            where s.user_name = $1
              and ($3 is null or s.realm = $3)
              and s.ended_at is null),
        $2, jsonb_strip_nulls(jsonb_build_object('user_name', $1, 'realm', $3)));
end
$$;
comment on function secsession.revoke_user(text, text, text) is
    'ends all sessions of a user, and the logins of that user that are under way';

create or replace function secsession.revoke_address(network inet, reason text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform secsession.check_reason(reason);
    if network is null then
        raise exception 'revoke_address() needs an address or network' using errcode = '22023';
    end if;
    perform secsession.wait_for_logins();
    return secsession.revoke(
        array(
            select s.session_id
            from secsession.session s
            where s.client_addr <<= $1
              and s.ended_at is null),
        $2, jsonb_build_object('network', $1::text));
end
$$;
comment on function secsession.revoke_address(inet, text) is
    'ends all sessions whose user authenticated from an address or network';

create or replace function secsession.revoke_before(
    moment timestamptz, reason text, realm text default null)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform secsession.check_reason(reason);
    if moment is null then
        raise exception 'revoke_before() needs a moment' using errcode = '22023';
    end if;
    perform secsession.wait_for_logins();
    return secsession.revoke(
        array(
            select s.session_id
            from secsession.session s
            where s.authenticated_at < $1
              and ($3 is null or s.realm = $3)
              and s.ended_at is null),
        $2, jsonb_strip_nulls(jsonb_build_object('before', $1, 'realm', $3)));
end
$$;
comment on function secsession.revoke_before(timestamptz, text, text) is
    'ends all sessions whose user authenticated before a moment';

create or replace function secsession.revoke_all(reason text, realm text default null)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform secsession.check_reason(reason);
    perform secsession.count_up(coalesce($2, ''), '');
    return secsession.revoke(
        array(
            select s.session_id
            from secsession.session s
            where ($2 is null or s.realm = $2)
              and s.ended_at is null),
        $1, jsonb_strip_nulls(jsonb_build_object('realm', $2)));
end
$$;
comment on function secsession.revoke_all(text, text) is
    'ends all sessions, and the logins that are under way';
