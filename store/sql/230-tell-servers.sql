-- Every way in which a session can end or change, by the functions or typed by hand, is told to the
-- web servers. What they hear are keys: 64 bits of a session's id, or of the SHA-256 of a user's
-- name, or the word all. A revocation is told by NOTIFY, at once; everything else with their next
-- heartbeat.

create or replace function secsession.key_of_session(session_id uuid)
returns text
language sql
immutable
return left(replace(session_id::text, '-', ''), 16);
comment on function secsession.key_of_session(uuid) is
    'Internal: the name of a session in a message to the web servers.';

create or replace function secsession.key_of_user(user_name text)
returns text
language sql
stable
return left(encode(sha256(convert_to(user_name, 'UTF8')), 'hex'), 16);
comment on function secsession.key_of_user(text) is
    'Internal: the name of a user, in any realm, in a message to the web servers.';

create or replace function secsession.keys_of_matching(revocation secsession.revocation)
returns text[]
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    -- So many that the servers are faster with an empty cache.
    most constant integer := 1000;
    keys text[];
begin
    -- Of the other kinds it would take long to find out.
    if revocation.kind <> 'address' then
        return array['all'];
    end if;
    keys := array(
        select key_of_session(s.session_id)
        from session s
        where s.client_addr <<= revocation.network
        and s.ended_at is null
        and s.user_name is not null
        limit most + 1
    );
    return case when cardinality(keys) > most then array['all'] else keys end;
end
$$;
comment on function secsession.keys_of_matching(secsession.revocation) is
    'Internal: which sessions a revocation concerns that names neither one session nor a user.';

create or replace function secsession.keys_of(revocation secsession.revocation)
returns text[]
language sql
stable
return case
    when revocation.kind = 'session'
    then array[secsession.key_of_session(revocation.session_id)]
    when revocation.user_name <> ''
    then array[secsession.key_of_user(revocation.user_name)]
    else secsession.keys_of_matching(revocation)
end;
comment on function secsession.keys_of(secsession.revocation) is
    'Internal: what the web servers must ask again because of a revocation.';

create or replace function secsession.is_notify_held()
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    attempts constant integer := 5;
begin
    -- A COMMIT with a NOTIFY, in any database, holds the object 0 of pg_database until it is over;
    -- mostly for less than a millisecond.
    for attempt in 1 .. attempts loop
        if not exists (
            select
            from pg_locks l
            where l.locktype = 'object'
            and l.database = 0
            and l.classid = 'pg_database'::regclass
            and l.objid = 0
            and l.pid is distinct from pg_backend_pid()
        )
        then
            return false;
        end if;
        perform pg_sleep(0.01);
    end loop;
    return true;
end
$$;
comment on function secsession.is_notify_held() is
    'Internal: whether a COMMIT with a NOTIFY would wait behind another one, which may itself wait '
    'for a standby.';

create or replace function secsession.notify_servers(keys text[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- In a queue that anybody in this cluster can fill the COMMIT would fail. To ask for its usage
    -- also removes what everybody has read. And behind another one's it would wait.
    if pg_notification_queue_usage() > 0.8 or is_notify_held() then
        return;
    end if;
    -- A message has room for 470 keys.
    perform pg_notify('secsession', string_agg(k.key, ' '))
    from unnest(keys) with ordinality as k (key, n)
    group by (k.n - 1) / 400;
end
$$;
comment on function secsession.notify_servers(text[]) is
    'Internal: tells the web servers, when this transaction commits, what they must ask again. '
    'If there is no room for that, or somebody is in the way, they learn it with their next '
    'heartbeat.';

create or replace function secsession.note_change(keys text[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if cardinality(keys) > 4000 then
        keys := array['all'];
    end if;
    insert into change (key)
    select distinct k.key
    from unnest(keys) as k (key);
end
$$;
comment on function secsession.note_change(text[]) is
    'Internal: has the web servers learn with their next heartbeat what they must ask again.';

create or replace function secsession.session_changed()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
-- The plan of an update of one row is kept, and must be good for one of a million.
set enable_nestloop = off
set enable_seqscan = off
set jit = off
as $$
declare
    keys text[];
begin
    -- A session that had ended already has been told, and its later use is nobody's news. Web
    -- servers remember none without a user. Those whose absolute end has passed are told too: it
    -- may be this clock alone that has passed it.
    keys := array(
        select key_of_session(o.session_id)
        from old_session o
        left join new_session n on n.session_id = o.session_id
        where o.ended_at is null
        and o.user_name is not null
        and (
            n.last_seen_at < o.last_seen_at
            or row(
                n.session_id, n.ended_at, n.token_hash, n.realm, n.user_name, n.auth_method,
                n.login_seen::text, n.created_at, n.authenticated_at, n.expires_at, n.idle_timeout,
                n.absolute_timeout, n.vault_version, n.persistent, n.rotated_at, n.bound_addr,
                n.credential_stamp
            ) is distinct from row(
                o.session_id, o.ended_at, o.token_hash, o.realm, o.user_name, o.auth_method,
                o.login_seen::text, o.created_at, o.authenticated_at, o.expires_at, o.idle_timeout,
                o.absolute_timeout, o.vault_version, o.persistent, o.rotated_at, o.bound_addr,
                o.credential_stamp
            )
        )
        -- What an open revocation has ended was told with that.
        and not (
            n.ended_at is not null
            and exists (
                select
                from revocation v
                where v.swept_at is null
                and v.user_name in (o.user_name, '')
                and ends(v, o)
            )
        )
    );
    if cardinality(keys) > 0 then
        perform note_change(keys);
    end if;
    return null;
end
$$;
comment on function secsession.session_changed() is
    'Internal: tells the web servers of sessions that ended or changed.';

create or replace function secsession.session_deleted()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    keys constant text[] := array(
        select key_of_session(o.session_id)
        from old_session o
        where o.ended_at is null
        and o.user_name is not null
    );
begin
    if cardinality(keys) > 0 then
        perform note_change(keys);
    end if;
    return null;
end
$$;
comment on function secsession.session_deleted() is
    'Internal: tells the web servers of live sessions that were deleted.';

create or replace function secsession.revocation_made()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- What a user or the web server itself has ended is told with the heartbeat.
    if new.kind <> 'session' or new.end_reason = 'revoked' then
        perform notify_servers(keys_of(new));
    end if;
    return null;
end
$$;
comment on function secsession.revocation_made() is
    'Internal: tells the web servers of a revocation at once: sessions too that the revoking '
    'transaction does not see. Their heartbeats find it, whatever becomes of that.';

create or replace function secsession.everything_changed()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform note_change(array['all']);
    return null;
end
$$;
comment on function secsession.everything_changed() is
    'Internal: tells the web servers that a table was emptied.';

-- They fire even for who restores or replicates.
call secsession.install_trigger('session', 'session_changed', 'after update', $rest$
    referencing old table as old_session new table as new_session
    for each statement execute function secsession.session_changed()
$rest$);

call secsession.install_trigger('session', 'session_deleted', 'after delete', $rest$
    referencing old table as old_session
    for each statement execute function secsession.session_deleted()
$rest$);

call secsession.install_trigger('session', 'session_truncated', 'after truncate', $rest$
    for each statement execute function secsession.everything_changed()
$rest$);

call secsession.install_trigger('revocation', 'revocation_made', 'after insert', $rest$
    for each row execute function secsession.revocation_made()
$rest$);
