-- How attempts to log in are counted: of a user from an address before the password is checked, so
-- that many attempts at once cannot get round the limit. While as many are being checked as could
-- fail without a pause, others wait for what becomes of these: a success takes its attempt back, so
-- that right passwords do not keep each other out. Pauses grow to a quarter of an hour.

create or replace function secsession.throttle_address(client_addr inet)
returns text
language sql
immutable
return coalesce(
    host(network(set_masklen(client_addr, case when family(client_addr) = 6 then 64 else 32 end))),
    ''
);
comment on function secsession.throttle_address(inet) is
    'Internal: what counts as one address.';

create or replace function secsession.throttle_name(user_name text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    name text := user_name;
begin
    -- What this database can do, since it only has to agree with itself.
    if getdatabaseencoding() = 'UTF8' then
        name := normalize(name, NFKC);
        if exists (
            select
            from pg_collation c
            where c.collname = 'und-x-icu'
            and c.collnamespace = 'pg_catalog'::regnamespace
        )
        then
            name := normalize(lower(upper(name collate "und-x-icu")), NFKC);
        end if;
    end if;
    return regexp_replace(plain_name(lower(upper(name collate "default"))), ' +', ' ', 'g');
end
$$;
comment on function secsession.throttle_name(text) is
    'Internal: a name without what providers may take for no difference (case, number of blanks, '
    'compatible characters), so that nobody gets more attempts by writing it otherwise.';

create or replace function secsession.throttle_user(user_name text)
returns bytea
language sql
stable
return substr(sha256(convert_to(secsession.throttle_name(user_name), 'UTF8')), 1, 16);
comment on function secsession.throttle_user(text) is
    'Internal: the name of a user in login_attempt.';

create or replace function secsession.is_blocked(
    attempt secsession.login_attempt,
    moment timestamptz
)
returns boolean
language sql
immutable
-- Attempts at once see each other's moments a little before their own. A last attempt that is still
-- to come means that the clock has been set back, and the pause would last until it has caught up.
return coalesce(
    attempt.blocked_until > moment and attempt.last_at < moment + interval '10 seconds', false
);
comment on function secsession.is_blocked(secsession.login_attempt, timestamptz) is
    'Internal: whether there is a pause at this moment.';

create or replace function secsession.pause_of(realm text, user_key bytea, address text)
returns interval
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return (
        select a.blocked_until - clock_timestamp()
        from login_attempt a
        where a.realm = pause_of.realm
        and a.user_key = pause_of.user_key
        and a.address = pause_of.address
        and is_blocked(a, clock_timestamp())
    );
end
$$;
comment on function secsession.pause_of(text, bytea, text) is
    'Internal: how long the next attempt has to wait; null if it has not to.';

create or replace function secsession.pause_after(failures integer, most integer)
returns interval
language sql
immutable
return least(interval '15 min', interval '30 s' * 2 ^ least(failures - most, 10));
comment on function secsession.pause_after(integer, integer) is
    'Internal: how long the pause is after so many failures, of which `most` are allowed.';

create or replace function secsession.checks_of(
    attempt secsession.login_attempt,
    moment timestamptz
)
returns integer
language sql
immutable
-- What takes longer has been lost, with the process that did it, or counts as a failure until it is
-- known to be none.
return case
    when attempt.last_at between moment - interval '10 s' and moment + interval '10 s'
    then attempt.pending
    else 0
end;
comment on function secsession.checks_of(secsession.login_attempt, timestamptz) is
    'Internal: how many of these attempts are being checked at this moment.';

create or replace function secsession.begin_attempt(
    realm text,
    user_key bytea,
    address text,
    most integer,
    within interval
)
returns interval
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment constant timestamptz := clock_timestamp();
    counted login_attempt;
begin
    insert into login_attempt as a (realm, user_key, address, attempts, pending, last_at)
    values (begin_attempt.realm, begin_attempt.user_key, begin_attempt.address, 1, 1, moment)
    on conflict on constraint login_attempt_pkey do update
    set attempts = case
            when coalesce(a.blocked_until, a.last_at) < moment - begin_attempt.within
            then checks_of(a, moment) + 1
            else a.attempts + 1
        end,
        pending = checks_of(a, moment) + 1,
        last_at = moment
    where not is_blocked(a, moment)
    -- After a pause one, and before it as many as may fail.
    and checks_of(a, moment) < case
        when coalesce(a.blocked_until, a.last_at) < moment - begin_attempt.within
        then most
        else greatest(1, most - a.attempts + checks_of(a, moment))
    end
    returning *
    into counted;

    if counted.attempts is not null then
        return null;
    end if;
    return coalesce(pause_of(realm, user_key, address), interval '0');
end
$$;
comment on function secsession.begin_attempt(text, bytea, text, integer, interval) is
    'Internal: counts an attempt of a user from an address. Returns how long to wait if there is '
    'a pause; 0: until one of those that are being checked has ended; null: go on.';

create or replace function secsession.fail_attempt(
    realm text,
    user_key bytea,
    address text,
    user_name text,
    client_addr inet,
    most integer
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment constant timestamptz := clock_timestamp();
    failures integer;
begin
    -- The row is not there if it was reset meanwhile.
    insert into login_attempt as a (realm, user_key, address, attempts, last_at)
    values (fail_attempt.realm, fail_attempt.user_key, fail_attempt.address, 1, moment)
    on conflict on constraint login_attempt_pkey do update
    set pending = greatest(a.pending - 1, 0)
    returning a.attempts - a.pending
    into failures;

    if failures >= most then
        update login_attempt a
        set blocked_until = moment + pause_after(failures, most)
        where a.realm = fail_attempt.realm
        and a.user_key = fail_attempt.user_key
        and a.address = fail_attempt.address;

        perform log_event(
            'login_throttled', null, fail_attempt.realm, fail_attempt.user_name,
            fail_attempt.client_addr, null, jsonb_build_object('attempts', failures)
        );
    end if;
end
$$;
comment on function secsession.fail_attempt(text, bytea, text, text, inet, integer) is
    'Internal: an attempt of a user from an address has failed, as the last of `most` before a '
    'pause, if it is that.';

create or replace function secsession.count_attempt(
    realm text,
    user_key bytea,
    address text,
    user_name text,
    client_addr inet,
    most integer,
    within interval
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    moment constant timestamptz := clock_timestamp();
    counted login_attempt;
begin
    insert into login_attempt as a (realm, user_key, address, attempts, last_at)
    values (count_attempt.realm, count_attempt.user_key, count_attempt.address, 1, moment)
    on conflict on constraint login_attempt_pkey do update
    set attempts = case
            when coalesce(a.blocked_until, a.last_at) < moment - count_attempt.within then 1
            else a.attempts + 1
        end,
        last_at = moment
    where not is_blocked(a, moment)
    returning *
    into counted;

    if counted.attempts >= most then
        update login_attempt a
        set blocked_until = moment + pause_after(counted.attempts, most)
        where a.realm = count_attempt.realm
        and a.user_key = count_attempt.user_key
        and a.address = count_attempt.address;

        perform log_event(
            'login_throttled', null, count_attempt.realm, count_attempt.user_name,
            count_attempt.client_addr, null,
            jsonb_build_object('attempts', counted.attempts)
        );
    end if;
end
$$;
comment on function secsession.count_attempt(
    text, bytea, text, text, inet, integer, interval
) is
    'Internal: counts a failure of a user or from an address, the last of `most` of which is '
    'followed by a pause.';

create or replace function secsession.forgive_failures(
    realm text,
    user_key bytea,
    address text,
    failures integer
)
returns void
language sql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
update login_attempt a
set attempts = greatest(a.attempts - failures, 0)
where a.realm = forgive_failures.realm
and a.user_key = forgive_failures.user_key
and a.address = forgive_failures.address
and failures > 0
$$;
comment on function secsession.forgive_failures(text, bytea, text, integer) is
    'Internal: so many failures of a user or from an address count no more.';

create or replace function secsession.take_attempt_back(
    realm text,
    user_name text,
    client_addr inet
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    counted login_attempt;
    failures integer;
begin
    select a.*
    into counted
    from login_attempt a
    where a.realm = take_attempt_back.realm
    and a.user_key = throttle_user(take_attempt_back.user_name)
    and a.address = throttle_address(client_addr)
    for update;

    if checks_of(counted, clock_timestamp()) > 1 then
        update login_attempt a
        set attempts = a.pending - 1,
            pending = a.pending - 1,
            blocked_until = null
        where a.realm = counted.realm
        and a.user_key = counted.user_key
        and a.address = counted.address;
    else
        delete from login_attempt a
        where a.realm = counted.realm
        and a.user_key = counted.user_key
        and a.address = counted.address;
    end if;
    -- Only the user's own ones from there: who guesses others' passwords gains nothing by an
    -- account of his own. The rows in the order of login_failed().
    failures := counted.attempts - counted.pending;
    perform forgive_failures(counted.realm, '', counted.address, failures);
    perform forgive_failures(counted.realm, counted.user_key, '', failures);
end
$$;
comment on function secsession.take_attempt_back(text, text, inet) is
    'Internal: a login has succeeded, and failures of its user from there before it are forgiven, '
    'also of those of the user and of the address. Others that are being checked go on counting.';
