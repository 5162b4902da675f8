-- Failed logins. An attempt is counted for its user and address together before the password is
-- checked, so that many attempts at once cannot get round the limit, and a success takes it back.
-- For the user alone, and for the address alone, which many people may share, only failures are
-- counted. Pauses grow to a quarter of an hour, and nobody can lock a user out of an address from
-- which that user has logged in before.

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

create or replace function secsession.has_logged_in_from(
    realm text,
    user_name text,
    client_addr inet
)
returns boolean
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
-- So that the planner knows the moments, and neither reads nor locks other months; and whatever it
-- knows of a month that has just begun, a user's rows are found by the index.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
declare
    until constant timestamptz := statement_timestamp();
    since constant timestamptz := until - interval '30 days';
begin
    return exists (
        select
        from event_log l
        where l.user_name = has_logged_in_from.user_name
        and l.realm = has_logged_in_from.realm
        and l.event in ('login', 'authenticated')
        and throttle_address(l.client_addr) = throttle_address(has_logged_in_from.client_addr)
        and l.at between since and until
    );
end
$$;
comment on function secsession.has_logged_in_from(text, text, inet) is
    'Internal: whether a user has logged in from an address in the last 30 days.';

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

create or replace function secsession.count_attempt(
    realm text,
    user_key bytea,
    address text,
    user_name text,
    client_addr inet,
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

    if counted.attempts is null then
        return pause_of(realm, user_key, address);
    end if;
    if counted.attempts >= most then
        update login_attempt a
        set blocked_until = moment
            + least(interval '15 min', interval '30 s' * 2 ^ least(counted.attempts - most, 10))
        where a.realm = count_attempt.realm
        and a.user_key = count_attempt.user_key
        and a.address = count_attempt.address;

        perform log_event(
            'login_throttled', null, count_attempt.realm, count_attempt.user_name,
            count_attempt.client_addr, null,
            jsonb_build_object('attempts', counted.attempts)
        );
    end if;
    return null;
end
$$;
comment on function secsession.count_attempt(
    text, bytea, text, text, inet, integer, interval
) is
    'Internal: counts an attempt, the last of `most` of which is followed by a pause. Returns '
    'how long to wait if there is one; null: go on.';

create or replace function secsession.login_begin(
    realm text,
    user_name text,
    client_addr inet,
    most integer,
    within integer,
    out seen pg_snapshot,
    out wait integer
)
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    user_key constant bytea := throttle_user(user_name);
    address constant text := throttle_address(client_addr);
    span constant interval := make_interval(secs => within);
    pause interval;
begin
    seen := pg_current_snapshot();
    if most = 0 then
        return;
    end if;
    -- What is lost in a crash is a few attempts.
    perform set_config('synchronous_commit', 'off', true);
    pause := coalesce(
        pause_of(realm, '', address),
        count_attempt(realm, user_key, address, user_name, client_addr, most, span)
    );
    if pause is null then
        pause := pause_of(realm, user_key, '');
        if pause is not null and has_logged_in_from(realm, user_name, client_addr) then
            pause := null;
        end if;
    end if;
    if pause is not null then
        wait := greatest(1, ceil(extract(epoch from pause)));
    end if;
end
$$;
comment on function secsession.login_begin(text, text, inet, integer, integer) is
    'To be asked before a password is checked: what can be seen at this moment, see '
    'login_moment(), and how many seconds to wait instead, if there were too many attempts '
    '(null: none): most within so many seconds for a user from an address, ten times as many for '
    'a user, twenty times for an address; most 0: no limit.';

create or replace function secsession.login_failed(
    realm text,
    user_name text,
    client_addr inet,
    reason text,
    most integer default 0,
    within integer default 1
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
declare
    -- Whatever was typed is kept, but no more of it than a user name could have.
    typed constant text := left(user_name, 255);
    span constant interval := make_interval(secs => within);
begin
    perform log_event(
        -- Of failures of other methods the web server does not hear.
        'login_failed', null, realm, typed, client_addr, left(login_failed.reason, 255),
        jsonb_build_object('method', 'form')
    );
    if most > 0 then
        perform count_attempt(
            realm, '', throttle_address(client_addr), null, client_addr, most * 20, span
        );
        perform count_attempt(
            realm, throttle_user(coalesce(user_name, '')), '', typed, null, most * 10, span
        );
    end if;
end
$$;
comment on function secsession.login_failed(text, text, inet, text, integer, integer) is
    'Records a failed login, and counts it for its user and for its address, see login_begin().';

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
begin
    delete from login_attempt a
    where a.realm = take_attempt_back.realm
    and a.user_key = throttle_user(take_attempt_back.user_name)
    and a.address = throttle_address(client_addr);
end
$$;
comment on function secsession.take_attempt_back(text, text, inet) is
    'Internal: a login has succeeded.';

create or replace function secsession.reset_throttle(
    user_name text default null,
    client_addr inet default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    removed integer;
begin
    if user_name is null and client_addr is null then
        raise exception 'reset_throttle needs a user_name, a client_addr, or both'
            using errcode = 'invalid_parameter_value';
    end if;
    delete from login_attempt a
    where (reset_throttle.user_name is null or a.user_key = throttle_user(reset_throttle.user_name))
    and (
        reset_throttle.client_addr is null
        or a.address = throttle_address(reset_throttle.client_addr)
    );
    get diagnostics removed = row_count;
    return removed;
end
$$;
comment on function secsession.reset_throttle(text, inet) is
    'Forgets the failed logins of a user, of an address, or of a user from an address. Returns '
    'how many counts were removed.';
