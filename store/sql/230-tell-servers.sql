-- Every way in which a session can end or change, by the functions or typed by hand, is told to the
-- web servers in the same transaction. What they hear are keys: 64 bits of a session's id, or of
-- the SHA-256 of a user's name, or the word all. Anybody may listen, and learns nothing from them.

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

create or replace function secsession.tell_servers(keys text[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- So many that the servers are faster with an empty cache.
    if cardinality(keys) > 4000 then
        keys := array['all'];
    end if;
    -- A message has room for 470 keys.
    perform pg_notify('secsession', string_agg(k.key, ' '))
    from unnest(keys) with ordinality as k (key, n)
    group by (k.n - 1) / 400;
end
$$;
comment on function secsession.tell_servers(text[]) is
    'Internal: tells the web servers, when this transaction commits, what they must ask again.';

create or replace function secsession.session_changed()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
-- The plan of an update of one row is kept, and must be good for one of a million.
set enable_nestloop = off
as $$
begin
    -- A session that had ended already has been told, and its later use is nobody's news. Web
    -- servers remember none without a user, and none beyond its absolute end: who purges tells
    -- nothing.
    perform tell_servers(array(
        select key_of_session(o.session_id)
        from old_session o
        left join new_session n on n.session_id = o.session_id
        where o.ended_at is null
        and o.user_name is not null
        and o.expires_at > statement_timestamp()
        and (
            n.last_seen_at < o.last_seen_at
            or row(
                n.session_id, n.ended_at, n.token_hash, n.realm, n.user_name, n.auth_method,
                n.epoch, n.created_at, n.authenticated_at, n.expires_at, n.idle_timeout,
                n.absolute_timeout, n.vault_version, n.persistent, n.rotated_at, n.bound_addr,
                n.credential_stamp
            ) is distinct from row(
                o.session_id, o.ended_at, o.token_hash, o.realm, o.user_name, o.auth_method,
                o.epoch, o.created_at, o.authenticated_at, o.expires_at, o.idle_timeout,
                o.absolute_timeout, o.vault_version, o.persistent, o.rotated_at, o.bound_addr,
                o.credential_stamp
            )
        )
    ));
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
begin
    perform tell_servers(array(
        select key_of_session(o.session_id)
        from old_session o
        where o.ended_at is null
        and o.user_name is not null
    ));
    return null;
end
$$;
comment on function secsession.session_deleted() is
    'Internal: tells the web servers of live sessions that were deleted.';

create or replace function secsession.epoch_changed()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    changed constant revocation_epoch := coalesce(new, old);
begin
    perform tell_servers(array[
        case
            when changed.user_name = '' or old.user_name <> new.user_name
            then 'all'
            else key_of_user(changed.user_name)
        end
    ]);
    return null;
end
$$;
comment on function secsession.epoch_changed() is
    'Internal: tells the web servers that a user, or everybody, was revoked: sessions too that the '
    'revoking transaction did not see.';

create or replace function secsession.everything_changed()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    perform tell_servers(array['all']);
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

call secsession.install_trigger(
    'revocation_epoch', 'epoch_changed', 'after insert or update or delete', $rest$
    for each row execute function secsession.epoch_changed()
$rest$);

call secsession.install_trigger('revocation_epoch', 'epoch_truncated', 'after truncate', $rest$
    for each statement execute function secsession.everything_changed()
$rest$);
