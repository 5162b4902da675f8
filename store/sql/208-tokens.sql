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
