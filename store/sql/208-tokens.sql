-- Every token that a session has or has had, wherever it stands.

call secsession.install_view('token', $view$
select
    s.token_hash,
    s.session_id,
    null::timestamptz as retired_at,
    null::timestamptz as grace_until,
    null::integer as offered_grace
from secsession.session s
where s.token_hash is not null
union all
select
    t.token_hash,
    t.session_id,
    t.retired_at,
    t.grace_until,
    t.offered_grace
from secsession.other_token t
$view$);

comment on view secsession.token is
    'Internal: the current token of each session, and its others.';
comment on column secsession.token.token_hash is 'SHA-256 of the token.';
comment on column secsession.token.session_id is 'The session that the token is for.';
comment on column secsession.token.retired_at is 'See other_token; null for the current token.';
comment on column secsession.token.grace_until is 'See other_token.';
comment on column secsession.token.offered_grace is 'See other_token.';

create or replace function secsession.is_in_grace(
    retired_at timestamptz,
    grace_until timestamptz,
    moment timestamptz
)
returns boolean
language sql
immutable
-- A request may have begun a little before the token was retired. Much before means that the clock
-- has been set back, and the grace would last until it has caught up.
return moment < grace_until and moment > retired_at - interval '10 seconds';
comment on function secsession.is_in_grace(timestamptz, timestamptz, timestamptz) is
    'Internal: whether a token that another has replaced is still served at this moment.';

create or replace function secsession.state_of_retired_token(
    retired_at timestamptz,
    grace_until timestamptz
)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    return case
        when is_in_grace(retired_at, grace_until, statement_timestamp())
        then 'live'
        when statement_timestamp() < retired_at + interval '10 seconds'
        then 'retired'
        else 'reuse'
    end;
end
$$;
comment on function secsession.state_of_retired_token(timestamptz, timestamptz) is
    'Internal: what a token that another has replaced still does: live in its grace, retired for '
    'the requests that were on their way, and reuse after that.';
