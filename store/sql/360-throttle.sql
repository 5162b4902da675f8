-- Failed logins. For the user alone, and for the address alone, which many people may share, only
-- failures are counted, less those that were followed by a login of the same user from there; and
-- nobody can lock a user out of an address from which that user has logged in before.

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
        where l.user_name in (
            has_logged_in_from.user_name, lowercase_name(has_logged_in_from.user_name)
        )
        and l.realm = has_logged_in_from.realm
        and l.event in ('login', 'authenticated')
        and throttle_address(l.client_addr) = throttle_address(has_logged_in_from.client_addr)
        and l.at between since and until
    );
end
$$;
comment on function secsession.has_logged_in_from(text, text, inet) is
    'Internal: whether a user has logged in from an address in the last 30 days, by the name that '
    'was typed or by the same in lower case.';

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
    pause := coalesce(pause_of(realm, '', address), pause_of(realm, user_key, ''));
    if pause is not null and has_logged_in_from(realm, user_name, client_addr) then
        pause := null;
    end if;
    pause := coalesce(pause, begin_attempt(realm, user_key, address, most, span));
    wait := case
        when pause = '0' then 0
        when pause is not null then greatest(1, ceil(extract(epoch from pause)))
    end;
end
$$;
comment on function secsession.login_begin(text, text, inet, integer, integer) is
    'To be asked before a password is checked: what can be seen at this moment, see '
    'login_moment(), and how many seconds to wait instead, if there were too many attempts '
    '(null: none; 0: as many are being checked as may fail, ask again): most within so many '
    'seconds for a user from an address, ten times as many for a user, twenty times for an '
    'address; most 0: no limit. What was counted ends with authenticate(), login_failed() or '
    'login_undecided().';

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
        perform fail_attempt(
            realm, throttle_user(coalesce(user_name, '')), throttle_address(client_addr), typed,
            client_addr, most
        );
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

create or replace function secsession.login_undecided(
    realm text,
    user_name text,
    client_addr inet
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '1500ms'
as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    update login_attempt a
    set attempts = a.attempts - 1,
        pending = a.pending - 1
    where a.realm = login_undecided.realm
    and a.user_key = throttle_user(login_undecided.user_name)
    and a.address = throttle_address(client_addr)
    and a.pending > 0;
end
$$;
comment on function secsession.login_undecided(text, text, inet) is
    'An attempt that login_begin() has counted was no failure, but has logged nobody in.';

create or replace function secsession.reset_throttle(
    user_name text default null,
    client_addr inet default null
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
set lock_timeout = '5s'
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
