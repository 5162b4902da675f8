-- What every request of a browser asks: does this token stand for a live session? Written for
-- speed: what one more expression costs can be seen in bench/all.

create or replace function secsession.answer_of(
    session secsession.session,
    state text,
    end_reason text,
    cacheable boolean,
    credential_stamp bytea,
    mac bytea
)
returns secsession.session_answer
language sql
stable
-- The planner puts this in the place of the call, and looks only at the columns that are named.
return row(
    case when state = 'live' and session.user_name is null then 'anonymous' else state end,
    end_reason, session.session_id, session.user_name, session.auth_method,
    session.created_at, session.authenticated_at, session.expires_at, session.last_seen_at,
    statement_timestamp(), session.idle_timeout, session.absolute_timeout, cacheable,
    session.vault_version, session.persistent, session.rotated_at,
    coalesce(session.bound_addr, session.client_addr),
    session.credential_stamp is not null, credential_stamp, mac
)::secsession.session_answer;
comment on function secsession.answer_of(
    secsession.session, text, text, boolean, bytea, bytea
) is
    'Internal: the one place that makes a session_answer of a session; live is said as anonymous '
    'where it has no user.';

create or replace function secsession.is_noted(last_seen_at timestamptz, idle_timeout integer)
returns boolean
language sql
stable
-- What is not written is forgotten where there is no cache, and is granted by idle_end().
return last_seen_at > statement_timestamp()
    - greatest(idle_timeout * interval '0.01 s', interval '1 s');
comment on function secsession.is_noted(timestamptz, integer) is
    'Internal: whether the last use stands there so exactly, to a hundredth of the idle timeout, '
    'that one of this moment need not be written.';

call secsession.install_view('plain_session', $view$
select
    s.token_hash,
    s.realm,
    s.session_id,
    s as session
from secsession.session s
where s.ended_at is null
and s.expires_at > statement_timestamp()
and secsession.is_noted(s.last_seen_at, s.idle_timeout)
and coalesce(
    s.stamp_checked_at > statement_timestamp() - interval '1 min'
        and s.stamp_checked_at < statement_timestamp() + interval '1 min',
    true
)
and not exists (
    select
    from secsession.revocation v
    where v.swept_at is null
    and v.user_name in (s.user_name, '')
    and secsession.ends(v, s)
)
$view$);
comment on view secsession.plain_session is
    'Internal: the sessions about which there is nothing to decide or to write when their current '
    'token is looked up.';
comment on column secsession.plain_session.token_hash is 'See session.';
comment on column secsession.plain_session.realm is 'See session.';
comment on column secsession.plain_session.session_id is 'See session.';
comment on column secsession.plain_session.session is 'The row itself.';

create or replace function secsession.lookup(
    token_hash bytea,
    realm text,
    idle_cap integer,
    absolute_cap integer,
    client_addr inet default null,
    client_agent text default null
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
as $$
declare
    answer session_answer;
begin
    select (answer_of(
        p.session, 'live', null, not pg_is_in_recovery(), null, (p.session).mac
    )).*
    into answer
    from plain_session p
    where p.token_hash = lookup.token_hash
    and p.realm = lookup.realm
    -- A location's idle timeout may be shorter than the session's.
    and (idle_cap <= 0 or is_noted((p.session).last_seen_at, idle_cap));

    if found then
        return answer;
    end if;
    return careful_lookup(
        token_hash, realm, idle_cap, absolute_cap, client_addr, client_agent
    );
end
$$;
comment on function secsession.lookup(bytea, text, integer, integer, inet, text) is
    'Looks a token up by its hash: null where it is unknown in this realm, else state live, '
    'retired (an old token: refused, without harm) or ended (see end_reason); anonymous: live, '
    'but nobody has authenticated. A live session counts as used if it is within the location''s '
    'caps in seconds (0: no cap; idle_cap -1: it is not used). client_agent: what the browser '
    'calls itself, printable and at most 255 characters.';

create or replace function secsession.lookup_many(token_hashes bytea, realm text)
returns table (is_settled boolean, answer secsession.session_answer)
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
-- Planning takes longer than looking up, so one plan serves for any number of tokens. The planner
-- does not know how few these are; the limits below keep it from reading whole tables for them.
set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select
        p.session_id is not null or other.session_id is null or other.ended_at is not null,
        case
            when p.session_id is not null then p.answer
            when other.ended_at is not null then other.answer
        end
    from (
        select n, substr(token_hashes, (n - 1) * 32 + 1, 32) as token_hash
        from generate_series(1, length(token_hashes) / 32) n
    ) asked
    left join lateral (
        select
            s.session_id,
            answer_of(
                s.session, 'live', null, not pg_is_in_recovery(), null, (s.session).mac
            ) as answer
        from plain_session s
        where s.token_hash = asked.token_hash
        and s.realm = lookup_many.realm
        limit 1
    ) p on true
    left join lateral (
        select
            s.session_id,
            s.ended_at,
            answer_of(s, 'ended', s.end_reason, false, null, null) as answer
        from token t
        join session s on s.session_id = t.session_id
        where p.session_id is null
        and t.token_hash = asked.token_hash
        and s.realm = lookup_many.realm
        limit 1
    ) other on true
    order by asked.n;
end
$$;
comment on function secsession.lookup_many(bytea, text) is
    'Looks up tokens of one realm by their hashes of 32 bytes, one behind the other: in their '
    'order, what lookup() answers; or not is_settled, where there is something to decide or to '
    'write and lookup() is to be called. Changes nothing and waits for nobody.';

create or replace function secsession.careful_lookup(
    token_hash bytea,
    realm text,
    idle_cap integer,
    absolute_cap integer,
    client_addr inet,
    client_agent text
)
returns secsession.session_answer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set enable_seqscan = off
as $$
declare
    known record;
    state text := 'live';
    end_reason text;
begin
    select s.session, s.ending, t.retired_at, t.offered_grace, t as token
    into known
    from token t
    join session_state s on s.session_id = t.session_id
    where t.token_hash = careful_lookup.token_hash
    and s.realm = careful_lookup.realm;

    if not found then
        return null;
    end if;
    if known.retired_at is not null and known.ending is null then
        state := state_of_token(
            known.token, client_addr, client_agent, statement_timestamp()
        );
    end if;
    if known.ending is not null or state = 'reuse' then
        end_reason := coalesce(known.ending, state);
        state := 'ended';
    end if;

    -- Who got the lock of the row before us decides, so it is looked up again: it may even be live.
    if is_written_down(
        known.session, state, end_reason, known.token, client_addr, client_agent
    ) then
        return careful_lookup(
            token_hash, realm, idle_cap, absolute_cap, client_addr, client_agent
        );
    end if;
    if state = 'live' and is_use(known.session, idle_cap, absolute_cap) then
        perform touch_exactly(known.session, idle_cap);
    end if;
    return answer_of(
        known.session, state, end_reason,
        known.retired_at is null and known.offered_grace is null and not pg_is_in_recovery(),
        case when state = 'live' then stamp_that_is_due(known.session) end,
        (known.token).mac
    );
end
$$;
comment on function secsession.careful_lookup(bytea, text, integer, integer, inet, text) is
    'Internal: lookup() of a token that is old or unknown, or whose session may have ended or is '
    'due to be touched.';
