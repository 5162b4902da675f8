-- The four roles. They belong to the whole cluster: another database may have made them before.

do $$
declare
    name text;
begin
    foreach name in array array[
        'secsession_owner', 'secsession_httpd', 'secsession_admin', 'secsession_auditor'
    ]
    loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I nologin', name);
        end if;
    end loop;
end
$$;

comment on role secsession_owner is
    'mod_secsession: owns the schema secsession; nobody should be a member';
comment on role secsession_httpd is
    'mod_secsession: what the web server may do; grant it to the role in DBDParams';
comment on role secsession_admin is
    'mod_secsession: may list and revoke sessions, and read the audit trail';
comment on role secsession_auditor is
    'mod_secsession: may list sessions and read the audit trail';

-- An installer who is not a superuser is made a member of the owner until the end, to act as it.
select
    not rolsuper and not exists (
        select
        from pg_auth_members m
        where m.member = r.oid
        and m.roleid = 'secsession_owner'::regrole
    ) as membership_needed
from pg_roles r
where rolname = session_user
\gset
\if :membership_needed
select format('grant secsession_owner to %I', session_user) \gexec
\endif
