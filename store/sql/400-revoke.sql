-- Revocations, for administrators. Each is one row, which needs no lock that anybody else could
-- hold: from its COMMIT on look-ups refuse what it fits, and logins that were under way. The
-- tombstones and events of the sessions follow: at once if they are few, else by sweep().

create or replace function secsession.unended_of(
    revocation secsession.revocation,
    most integer
)
returns setof secsession.session
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
-- Each kind has its index, whatever the tables were like when they were last analysed.
set enable_seqscan = off
set jit = off
as $$
begin
    case
        when revocation.kind = 'session'
        then
            return query
            select s.*
            from session s
            where s.session_id = revocation.session_id
            and s.ended_at is null
            and ends(revocation, s)
            limit most;
        when revocation.user_name <> ''
        then
            return query
            select s.*
            from session s
            where s.user_name = revocation.user_name
            and s.ended_at is null
            and ends(revocation, s)
            limit most;
        when revocation.kind = 'address'
        then
            return query
            select s.*
            from session s
            where s.client_addr <<= revocation.network
            and s.ended_at is null
            and ends(revocation, s)
            limit most;
    end case;
end
$$;
comment on function secsession.unended_of(secsession.revocation, integer) is
    'Internal: up to so many sessions without a tombstone that a revocation of one session, a '
    'user or an address ends.';

create or replace function secsession.is_counted(
    session secsession.session,
    revocation secsession.revocation
)
returns boolean
language sql
stable
return session.expires_at > statement_timestamp()
    and secsession.idle_end(session.last_seen_at, session.idle_timeout) > statement_timestamp()
    and not exists (
        select
        from secsession.revocation v
        where v.swept_at is null
        and v.user_name in (session.user_name, '')
        and v.revocation_id < revocation.revocation_id
        and secsession.ends(v, session)
    );
comment on function secsession.is_counted(secsession.session, secsession.revocation) is
    'Internal: whether a session that a revocation ends would be live without it.';

create or replace function secsession.count_all(revocation secsession.revocation)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
    step constant bigint := 16;
    until constant timestamptz := clock_timestamp() + interval '30 ms';
    blocks constant bigint := pg_relation_size('session')
        / current_setting('block_size')::bigint;
    counted integer := 0;
begin
    for first_block in 0 .. blocks by step
    loop
        if clock_timestamp() > until then
            raise notice 'at least % sessions have ended: the others were not counted', counted
                using hint = 'From the COMMIT of this transaction on all have. '
                    'Their events follow.';
            exit;
        end if;
        counted := counted + (
            select count(*)
            from session s
            where s.ctid >= format('(%s,0)', first_block)::tid
            and s.ctid < format('(%s,0)', first_block + step)::tid
            and s.ended_at is null
            and ends(revocation, s)
            and is_counted(s, revocation)
        );
    end loop;
    return counted;
end
$$;
comment on function secsession.count_all(secsession.revocation) is
    'Internal: counts as count_ended() for a revocation that has no index; for about 30 ms.';

create or replace function secsession.count_ended(revocation secsession.revocation)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    most constant integer := 1000;
    found integer;
    counted integer;
begin
    if revocation.kind in ('before', 'all') then
        return count_all(revocation);
    end if;
    select count(*), count(*) filter (where is_counted(s, revocation))
    into found, counted
    from unended_of(revocation, most) s;

    if found = most then
        raise notice 'at least % sessions have ended: the others were not counted', counted
            using hint = 'From the COMMIT of this transaction on all have. Their events follow.';
    end if;
    return counted;
end
$$;
comment on function secsession.count_ended(secsession.revocation) is
    'Internal: how many sessions a revocation has just ended. Of very many it says that there '
    'are at least so many, since the revocation takes effect only when its transaction commits.';

create or replace function secsession.end_few(made secsession.revocation)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    -- More would be written before the revocation takes effect.
    most_at_once constant integer := 100;
    ids uuid[];
begin
    if made.kind in ('before', 'all') then
        return false;
    end if;
    ids := array(
        select s.session_id
        from unended_of(made, most_at_once + 1) s
    );
    if cardinality(ids) > most_at_once then
        return false;
    end if;
    perform end_sessions(ids, null, null);
    return not exists (select from unended_of(made, 1));
end
$$;
comment on function secsession.end_few(secsession.revocation) is
    'Internal: ends the sessions of a revocation by their tombstones at once, if they are few. '
    'Whether each has its tombstone, and so its event, now; not where somebody else holds one.';

create or replace function secsession.revoke(wanted secsession.revocation)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    made revocation;
    ended integer;
    is_told boolean;
begin
    perform make_durable();
    insert into revocation (
        kind, realm, user_name, session_id, spared_id, network, moment, reason, detail,
        only_lowercase, is_change
    )
    values (
        wanted.kind, coalesce(wanted.realm, ''), coalesce(wanted.user_name, ''),
        wanted.session_id, wanted.spared_id, wanted.network, wanted.moment,
        wanted.reason, wanted.detail, coalesce(wanted.only_lowercase, false),
        coalesce(wanted.is_change, false)
    )
    returning *
    into made;

    ended := count_ended(made);
    is_told := end_few(made);
    -- The events of other sessions follow later, and may be somebody else's who has ended them
    -- first: this one says at once who it was. Of two revocations for one user the first has said
    -- it.
    if (ended = 0 and not made.only_lowercase) or not is_told then
        perform log_event(
            'revoked', null, wanted.realm, wanted.user_name, null, wanted.reason, wanted.detail
        );
    end if;
    return ended;
exception
    when lock_not_available then
        return refuse_for_locks();
end
$$;
comment on function secsession.revoke(secsession.revocation) is
    'Internal: makes a revocation. Returns how many sessions it ended; one that found none, more '
    'than it ends by their tombstones at once, or one that somebody else holds, leaves an event '
    'of its own.';

create or replace function secsession.revoke_session(session_id uuid, reason text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '5s'
as $$
declare
    detail constant jsonb := jsonb_build_object(
        'revoked', 'session', 'session_id', revoke_session.session_id
    );
    ended integer;
begin
    perform check_revocation(reason);
    if session_id is null then
        raise exception 'session_id must not be null'
            using errcode = 'invalid_parameter_value';
    end if;
    ended := end_sessions(array[session_id], 'revoked', reason, detail);
    if ended > 0 then
        insert into refused_credential (credential_hash)
        select t.credential_hash
        from other_token t
        where t.session_id = revoke_session.session_id
        and t.credential_hash is not null;
    end if;
    perform notify_servers(array[key_of_session(session_id)]);
    -- Without a tombstone its event follows later, or is somebody else's: see revoke().
    if ended = 0
        or exists (
            select
            from session s
            where s.session_id = revoke_session.session_id
            and s.ended_at is null
        )
    then
        perform log_event('revoked', null, null, null, null, reason, detail);
    end if;
    return ended;
exception
    when lock_not_available then
        return refuse_for_locks();
end
$$;
comment on function secsession.revoke_session(uuid, text) is
    'Ends one session. Where its client has sent credentials with each request, these begin no '
    'other, see allow_user(). Returns how many ended: 0 or 1.';

create or replace function secsession.revoke_name(
    user_name text,
    reason text,
    realm text,
    is_change boolean
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '5s'
as $$
declare
    name constant text := plain_name(user_name);
    wanted revocation;
    ended integer;
begin
    perform check_revocation(reason, realm);
    -- An empty name would mean everybody.
    if (length(name) between 1 and 255) is not true then
        raise exception 'user_name must have 1 to 255 characters'
            using errcode = 'invalid_parameter_value';
    end if;
    wanted.kind := 'user';
    wanted.realm := realm;
    wanted.user_name := name;
    wanted.reason := reason;
    wanted.detail := jsonb_build_object('revoked', 'user');
    wanted.is_change := is_change;
    ended := revoke(wanted);

    -- Where SecSessionUserNames is lowercase this is the same user.
    if name <> lowercase_name(name) then
        wanted.user_name := lowercase_name(name);
        wanted.only_lowercase := true;
        ended := ended + revoke(wanted);
    end if;
    return ended;
end
$$;
comment on function secsession.revoke_name(text, text, text, boolean) is
    'Internal: revoke_user(); is_change: see revocation.';

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
    return revoke_name(user_name, reason, realm, false);
end
$$;
comment on function secsession.revoke_user(text, text, text) is
    'Ends all sessions of a user, also of a login that is under way; in one realm, or in all. '
    'Blanks at the ends of the name, and its case where SecSessionUserNames is lowercase, do not '
    'matter. Credentials that a client of this user has sent with each request begin no session '
    'any more, see allow_user(). Returns how many ended.';

create or replace function secsession.allow_user(
    user_name text,
    reason text,
    realm text default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '5s'
as $$
declare
    name constant text := plain_name(user_name);
    refused bytea[];
begin
    perform check_revocation(reason, realm);
    if (length(name) between 1 and 255) is not true then
        raise exception 'user_name must have 1 to 255 characters'
            using errcode = 'invalid_parameter_value';
    end if;
    refused := array(
        select c.credential_hash
        from credential c
        where c.user_name in (name, lowercase_name(name))
        and (c.user_name = name or c.is_lowercase)
        and c.realm = coalesce(allow_user.realm, c.realm)
        and is_refused(array[c.credential_hash])
    );
    -- From now on they are as if nobody had used them before.
    update credential c
    set login_seen = pg_current_snapshot(),
        told_at = null
    where c.credential_hash = any (refused);

    delete from refused_credential r
    where r.credential_hash = any (refused);

    perform log_event('allowed', null, realm, name, null, reason);
    return cardinality(refused);
end
$$;
comment on function secsession.allow_user(text, text, text) is
    'Lets the credentials of a user begin sessions again which a revocation has refused; in one '
    'realm, or in all. Returns how many these are.';

create or replace function secsession.revoke_address(network inet, reason text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '5s'
as $$
declare
    wanted revocation;
begin
    perform check_revocation(reason);
    if network is null then
        raise exception 'network must not be null'
            using errcode = 'invalid_parameter_value';
    end if;
    wanted.kind := 'address';
    wanted.network := network;
    wanted.reason := reason;
    wanted.detail := jsonb_build_object('revoked', 'address', 'network', network);
    return revoke(wanted);
end
$$;
comment on function secsession.revoke_address(inet, text) is
    'Ends all sessions whose user authenticated from an address or network. Returns how many '
    'ended.';

create or replace function secsession.revoke_before(
    moment timestamptz,
    reason text,
    realm text default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '5s'
as $$
declare
    wanted revocation;
begin
    perform check_revocation(reason, realm);
    if moment is null then
        raise exception 'moment must not be null'
            using errcode = 'invalid_parameter_value';
    end if;
    wanted.kind := 'before';
    wanted.realm := realm;
    wanted.moment := moment;
    wanted.reason := reason;
    wanted.detail := jsonb_build_object('revoked', 'before', 'moment', moment);
    return revoke(wanted);
end
$$;
comment on function secsession.revoke_before(timestamptz, text, text) is
    'Ends all sessions authenticated before a moment; in one realm, or in all. Returns how many '
    'ended, or that at least so many did, with a notice.';

create or replace function secsession.revoke_all(reason text, realm text default null)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '5s'
as $$
declare
    wanted revocation;
begin
    perform check_revocation(reason, realm);
    wanted.kind := 'all';
    wanted.realm := realm;
    wanted.reason := reason;
    wanted.detail := jsonb_build_object('revoked', 'all');
    return revoke(wanted);
end
$$;
comment on function secsession.revoke_all(text, text) is
    'Ends every session, also of logins that are under way; in one realm, or in all. Returns how '
    'many ended, or that at least so many did, with a notice.';
