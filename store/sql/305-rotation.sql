-- Periodic rotation. The next token is offered; the first request with it makes it current, and
-- only then is the one before it retired. A browser that never got it goes on with the one it has.

create or replace function secsession.offer_token(
    session_id uuid,
    token_hash bytea,
    next_token_hash bytea,
    rotate_interval integer,
    grace integer,
    next_mac bytea default null
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '200ms'
as $$
begin
    -- One of many requests at once is enough.
    perform
    from session s
    where s.session_id = offer_token.session_id
    and s.token_hash = offer_token.token_hash
    and s.ended_at is null
    and s.rotated_at <= statement_timestamp() - make_interval(secs => rotate_interval)
    for no key update skip locked;

    if not found then
        return false;
    end if;
    -- Otherwise, after a crash, the browser would have a token that the database does not know.
    perform make_durable();
    perform wait_for_disk_only();
    update session s
    set rotated_at = clock_timestamp()
    where s.session_id = offer_token.session_id;

    -- An answer may be on its way for long, but not while several others are.
    delete from other_token t
    where t.token_hash in (
        select old.token_hash
        from other_token old
        where old.session_id = offer_token.session_id
        and old.offered_at is not null
        order by old.offered_at desc
        offset 7
    );
    insert into other_token (token_hash, session_id, offered_at, offered_grace, mac)
    values (next_token_hash, offer_token.session_id, clock_timestamp(), grace, next_mac);
    return true;
end
$$;
comment on function secsession.offer_token(uuid, bytea, bytea, integer, integer, bytea) is
    'Offers a session its next token if its current one is token_hash and no token was made or '
    'offered for so many seconds; once the next one is presented, the current one is served for '
    'grace seconds. Whether it did.';

create or replace function secsession.accept_offer(
    session_id uuid,
    token_hash bytea,
    client_addr inet,
    client_agent text
)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment timestamptz;
    rotated session;
    offered record;
begin
    select s.*
    into rotated
    from session s
    where s.session_id = accept_offer.session_id
    and s.ended_at is null
    for no key update skip locked;

    select t.offered_grace as grace, t.mac
    into offered
    from other_token t
    where t.token_hash = accept_offer.token_hash;

    -- Another request holds it, or came before us.
    if rotated.session_id is null or offered.grace is null then
        return rotated.session_id is not null;
    end if;
    -- If a crash takes this back it is an offer again, and as good.
    perform set_config('synchronous_commit', 'off', true);
    moment := clock_timestamp();
    update session s
    set token_hash = accept_offer.token_hash,
        mac = offered.mac,
        rotated_at = moment
    where s.session_id = accept_offer.session_id;

    delete from other_token t
    where t.token_hash = accept_offer.token_hash;

    insert into other_token (
        token_hash, session_id, retired_at, grace_until, next_addr, next_agent, mac
    )
    select
        rotated.token_hash, rotated.session_id,
        moment, moment + make_interval(secs => offered.grace),
        client_addr, mark_of_agent(client_agent), rotated.mac
    where rotated.token_hash is not null;

    perform log_event(
        'rotated', session_id, rotated.realm, rotated.user_name, rotated.client_addr, null
    );
    return true;
end
$$;
comment on function secsession.accept_offer(uuid, bytea, inet, text) is
    'Internal: makes the token that was offered, and has just been presented, the current one. '
    'Whether it is; not while somebody else holds the session, with which the offered token is '
    'served all the same.';

create or replace function secsession.current_token(token_hash bytea, realm text)
returns bytea
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return (
        select s.token_hash
        from token t
        join session s on s.session_id = t.session_id
        where t.token_hash = current_token.token_hash
        and s.realm = current_token.realm
    );
end
$$;
comment on function secsession.current_token(bytea, text) is
    'The hash of the token that a session has now, for a connection that was opened with an '
    'earlier one, such as a WebSocket; null if there is none.';
