-- Sessions of clients that send their credentials with each request and keep no cookie: they are
-- found by who the client is; and credentials that were revoked begin none.

create or replace function secsession.login_with(credential secsession.credential)
returns secsession.session
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    login session;
begin
    login.realm := credential.realm;
    login.user_name := credential.user_name;
    login.is_lowercase := credential.is_lowercase;
    login.authenticated_at := credential.first_at;
    login.login_seen := credential.login_seen;
    return login;
end
$$;
comment on function secsession.login_with(secsession.credential) is
    'Internal: what ends() is to be asked of credentials: as of a session from their first login.';

create or replace function secsession.refuses(
    revocation secsession.revocation,
    credential secsession.credential
)
returns boolean
language sql
stable
return revocation.kind = 'user'
    and not revocation.is_change
    and secsession.ends(revocation, secsession.login_with(credential));
comment on function secsession.refuses(secsession.revocation, secsession.credential) is
    'Internal: the one place that says which credentials a revocation refuses: those of a user '
    'whom an administrator has named.';

create or replace function secsession.is_refused(credential_hashes bytea[])
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
begin
    -- By one snapshot: what is not open any more is in the table.
    return exists (
        select
        from refused_credential r
        where r.credential_hash = any (credential_hashes)
    )
    or exists (
        select
        from credential c
        join revocation v on v.user_name = c.user_name
        where c.credential_hash = any (credential_hashes)
        and v.swept_at is null
        and refuses(v, c)
    );
end
$$;
comment on function secsession.is_refused(bytea[]) is
    'Internal: whether credentials are refused, by any of the hashes that they have, one for each '
    'key of the web server.';

create or replace function secsession.refuse_credentials(revocation_ids bigint[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
begin
    insert into refused_credential (credential_hash)
    select c.credential_hash
    from revocation v
    join credential c on c.user_name = v.user_name
    where v.revocation_id = any (revocation_ids)
    and refuses(v, c);
end
$$;
comment on function secsession.refuse_credentials(bigint[]) is
    'Internal: writes down which credentials revocations refuse that are about to be closed.';

create or replace function secsession.take_credential(
    login secsession.session,
    credential_hashes bytea[]
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- The row is held until the session has begun: so clients that come at once come in turn.
    update credential c
    set last_at = clock_timestamp()
    where c.credential_hash = any (credential_hashes);

    if not found then
        insert into credential (
            credential_hash, realm, user_name, is_lowercase, auth_method, login_seen
        )
        values (
            credential_hashes[1], login.realm, login.user_name,
            coalesce(login.is_lowercase, false), login.auth_method, login.login_seen
        )
        on conflict (credential_hash) do update
        set last_at = clock_timestamp();
    end if;
end
$$;
comment on function secsession.take_credential(secsession.session, bytea[]) is
    'Internal: notes the credentials of a login, by the first hash if none is known, and waits '
    'until no other login with them is under way.';

create or replace function secsession.tell_refusal(
    login secsession.session,
    credential_hashes bytea[]
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- A client that is refused tries again and again.
    update credential c
    set told_at = clock_timestamp()
    where c.credential_hash = any (credential_hashes)
    and coalesce(
        c.told_at not between clock_timestamp() - interval '1 h' and clock_timestamp(), true
    );

    if found then
        perform log_event(
            'login_failed', null, login.realm, login.user_name, login.client_addr,
            'the credentials are refused since a revocation',
            jsonb_build_object('method', login.auth_method)
        );
    end if;
end
$$;
comment on function secsession.tell_refusal(secsession.session, bytea[]) is
    'Internal: leaves the event of a login that is refused because of its credentials, once an '
    'hour.';

create or replace function secsession.is_begun(login secsession.session, client_hash bytea)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return exists (
        select
        from other_token t
        join session_state s on s.session_id = t.session_id
        where t.token_hash = client_hash
        and t.credential_hash is not null
        and s.realm = login.realm
        and s.user_name = login.user_name
        and s.ending is null
        -- When the same call came before, and its answer was lost, it is this one's.
        and (s.session).token_hash is distinct from login.token_hash
        -- What nobody has signed by now, nobody will.
        and (t.mac is not null or s.authenticated_at > clock_timestamp() - interval '3 s')
    );
end
$$;
comment on function secsession.is_begun(secsession.session, bytea) is
    'Internal: whether another request of the same client has begun the session of a login. After '
    'take_credential().';

create or replace function secsession.refuse_client(
    login secsession.session,
    client_hash bytea,
    credential_hashes bytea[],
    goes_on boolean
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    answer session_answer;
begin
    if client_hash is null then
        return null;
    end if;
    perform take_credential(login, credential_hashes);
    if is_refused(credential_hashes) then
        perform tell_refusal(login, credential_hashes);
        answer.state := 'ended';
        answer.end_reason := 'revoked';
    elsif not goes_on and is_begun(login, client_hash) then
        answer.state := 'retired';
    end if;
    return answer;
end
$$;
comment on function secsession.refuse_client(secsession.session, bytea, bytea[], boolean) is
    'Internal: why a login begins no session, as authenticate() answers it: its credentials are '
    'refused, or another request of this client was first; state null: it begins one.';

create or replace function secsession.find_by_client(
    session_id uuid,
    client_hash bytea,
    credential_hash bytea
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    delete from other_token t
    where t.token_hash = client_hash
    or (t.session_id = find_by_client.session_id and t.credential_hash is not null);

    insert into other_token (token_hash, session_id, credential_hash)
    values (client_hash, find_by_client.session_id, find_by_client.credential_hash);
end
$$;
comment on function secsession.find_by_client(uuid, bytea, bytea) is
    'Internal: from now on a client finds this session, and no other, once that is signed.';
