-- Every token that a session has or has had, wherever it stands.

call secsession.install_view('token', $view$
select
    s.token_hash,
    s.session_id,
    null::timestamptz as retired_at,
    null::timestamptz as grace_until,
    null::integer as offered_grace,
    null::inet as next_addr,
    null::bytea as next_agent,
    s.mac
from secsession.session s
where s.token_hash is not null
union all
select
    t.token_hash,
    t.session_id,
    t.retired_at,
    t.grace_until,
    t.offered_grace,
    t.next_addr,
    t.next_agent,
    t.mac
from secsession.other_token t
where t.credential_hash is null
or t.mac is not null
$view$);

comment on view secsession.token is
    'Internal: the current token of each session, its others, and by what a client finds it.';
comment on column secsession.token.token_hash is 'SHA-256 of the token.';
comment on column secsession.token.session_id is 'The session that the token is for.';
comment on column secsession.token.retired_at is 'See other_token; null for the current token.';
comment on column secsession.token.grace_until is 'See other_token.';
comment on column secsession.token.offered_grace is 'See other_token.';
comment on column secsession.token.next_addr is 'See other_token.';
comment on column secsession.token.next_agent is 'See other_token.';
comment on column secsession.token.mac is 'See session.';

create or replace function secsession.mark_of_agent(agent text)
returns bytea
language sql
immutable
return substr(sha256(convert_to(agent, 'UTF8')), 1, 8);
comment on function secsession.mark_of_agent(text) is
    'Internal: what is kept of what a browser calls itself, to recognise it; null for null.';

create or replace function secsession.is_same_network(one inet, other inet)
returns boolean
language sql
immutable
-- A /24 of IPv4 or a /64 of IPv6, as for SecSessionBind. A browser that has both takes now one, now
-- the other, from one connection to the next.
return case
    when family(one) <> family(other) then true
    when family(one) = 4 then set_masklen(one::cidr, 24) = set_masklen(other::cidr, 24)
    when family(one) = 6 then set_masklen(one::cidr, 64) = set_masklen(other::cidr, 64)
end;
comment on function secsession.is_same_network(inet, inet) is
    'Internal: whether both addresses may be of one browser; null where one is unknown.';

create or replace function secsession.is_of_next(
    old secsession.token,
    client_addr inet,
    client_agent text
)
returns boolean
language sql
immutable
return coalesce(secsession.is_same_network(old.next_addr, client_addr), false)
    and old.next_agent is not distinct from secsession.mark_of_agent(client_agent);
comment on function secsession.is_of_next(secsession.token, inet, text) is
    'Internal: whether who presents a retired token looks like the browser that has the token '
    'which took its place.';

create or replace function secsession.queue_time()
returns interval
language sql
immutable
return interval '5 min';
comment on function secsession.queue_time() is
    'Internal: how long a request may have waited in its browser, behind others, with the token '
    'that was current when it began to wait.';

create or replace function secsession.state_of_token(
    used secsession.token,
    client_addr inet,
    client_agent text,
    moment timestamptz
)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    -- A request may have begun a little before the token was retired. Much before means that the
    -- clock has been set back: nothing lasts until it has caught up.
    is_past constant boolean := moment > used.retired_at - interval '10 s';
    is_queued constant boolean := moment < used.retired_at + queue_time()
        and is_of_next(used, client_addr, client_agent);
begin
    return case
        when used.retired_at is null
        then 'live'
        -- What a login retires has no grace, not even for a statement that began before it.
        when is_past
            and used.grace_until > used.retired_at
            and (moment < used.grace_until or is_queued)
        then 'live'
        when moment < used.retired_at + interval '10 s' or is_queued
        then 'retired'
        else 'reuse'
    end;
end
$$;
comment on function secsession.state_of_token(secsession.token, inet, text, timestamptz) is
    'Internal: what a token does for this client: live if it is current or in its grace, and for '
    'the requests that waited in the browser which has the next one; retired for those that had '
    'no grace, and for what was on its way; and reuse after that.';
