-- The four roles: of the name that was given (psql -v roles=NAME), else those to which the schema
-- belongs, else secsession. Roles belong to the whole cluster, and whoever is a member of one may
-- do the same in every database that gives it rights: so each database wants roles of its own.

\if :{?roles}
\set roles_given on
\else
\set roles_given off
\set roles ''
\endif

-- To whom the schema belongs already; what is said of the role tells that it is one of ours.
select
    coalesce(max(left(rolname, -6)), '') as installed_roles
from pg_namespace
join pg_roles r on r.oid = nspowner
where nspname = 'secsession'
and rolname like E'%\\_owner'
and shobj_description(r.oid, 'pg_authid') like E'mod\\_secsession: %'
\gset
select
    case
        when :'roles_given' then :'roles'
        else coalesce(nullif(:'installed_roles', ''), 'secsession')
    end as roles
\gset
select
    :'roles' || '_owner' as owner,
    :'roles' || '_httpd' as httpd,
    :'roles' || '_admin' as admin,
    :'roles' || '_auditor' as auditor,
    coalesce(nullif(:'installed_roles', ''), :'roles') as installed_roles,
    current_user as installer,
    -- Only for this transaction: what the blocks below need of it.
    set_config('secsession.roles', :'roles', true) as roles
\gset

-- The other databases in which these roles own a schema.
select
    coalesce(string_agg(quote_ident(datname), ', ' order by datname), '') as other_databases
from pg_shdepend
join pg_database d on d.oid = dbid
where refclassid = 'pg_authid'::regclass
and refobjid = (select oid from pg_roles where rolname = :'owner')
and classid = 'pg_namespace'::regclass
and datname <> current_database()
\gset
select
    :'other_databases' <> '' and not :'roles_given' as roles_shared,
    set_config(
        'secsession.other_databases',
        case
            when not :'roles_given' and to_regnamespace('secsession') is null
            then :'other_databases'
            else ''
        end,
        true
    ) as refused
\gset

do $$
declare
    roles constant text := current_setting('secsession.roles');
    others constant text := current_setting('secsession.other_databases');
begin
    if roles = '' or roles like E'pg\\_%' or octet_length(roles) > 55 then
        raise exception 'the roles cannot be called "%_owner", "%_httpd" and so on', roles, roles
            using hint = 'A name has 1 to 55 bytes and does not begin with pg_.';
    end if;
    if others <> '' then
        raise exception 'the roles %_httpd, %_admin and %_auditor belong to the database %',
            roles, roles, roles, others
            using
                detail = 'Whoever is a member of them could log users in here as well.',
                hint = format(
                    'Name others for this database, for example with psql -v roles=%s_%s; or, if '
                        'the same people are to be let in, these, with psql -v roles=%s.',
                    roles, current_database(), roles
                );
    end if;
end
$$;

do $$
declare
    roles constant text := current_setting('secsession.roles');
    kind text;
    description text;
begin
    -- The creator of a role becomes its member by this setting of PostgreSQL 16 and newer.
    if current_setting('server_version_num')::integer >= 160000 then
        perform set_config('createrole_self_grant', '', true);
    end if;
    for kind, description in values
        ('owner', 'mod_secsession: owns the schema secsession; nobody should be a member'),
        ('httpd', 'mod_secsession: what the web server may do; grant it to the role in DBDParams'),
        ('admin', 'mod_secsession: may list and revoke sessions, and read the audit trail'),
        ('auditor', 'mod_secsession: may list sessions and read the audit trail')
    loop
        if not exists (select from pg_roles where rolname = roles || '_' || kind) then
            execute format('create role %I nologin', roles || '_' || kind);
        end if;
        if not exists (
            select
            from pg_roles r
            where r.rolname = roles || '_' || kind
            and shobj_description(r.oid, 'pg_authid') = description
        )
        then
            execute format('comment on role %I is %L', roles || '_' || kind, description);
        end if;
    end loop;
end
$$;

-- Somebody may have made them before, to have the owner's rights, or for the owner to have theirs.
do $$
declare
    roles constant text := current_setting('secsession.roles');
    role pg_roles;
    problem text;
begin
    for role in
        select r.*
        from pg_roles r
        where r.rolname in (
            roles || '_owner', roles || '_httpd', roles || '_admin', roles || '_auditor'
        )
    loop
        problem := case
            when role.rolsuper then 'is a superuser'
            when role.rolcreaterole then 'may create roles'
            when role.rolreplication then 'may replicate'
            when role.rolbypassrls then 'may bypass row security'
            when role.rolname <> roles || '_owner' then null
            when role.rolcanlogin then 'can log in'
            else (
                -- Who may only grant it is no member: whoever creates a role is given that, from
                -- PostgreSQL 16 on. (Before, the row has no such columns.)
                select format('has the member %s', quote_ident(min(pg_get_userbyid(m.member))))
                from pg_auth_members m
                where m.roleid = role.oid
                and (
                    coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
                    or coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
                )
                having count(*) > 0
                union all
                select format('is a member of %s', quote_ident(min(pg_get_userbyid(m.roleid))))
                from pg_auth_members m
                where m.member = role.oid
                having count(*) > 0
                limit 1
            )
        end;
        if problem is not null then
            raise exception 'the role % %', quote_ident(role.rolname), problem
                using
                    detail = 'The schema would give rights to, or have rights of, somebody else.',
                    hint = 'Take that away from it (alter role, revoke), drop it, or name other '
                        'roles: psql -v roles=NAME.';
        end if;
    end loop;
end
$$;

-- To act as the owner, an installer who is no superuser is made a member until the end.
select not rolsuper as membership_needed
from pg_roles
where rolname = current_user
\gset
\if :membership_needed
select
    format(
        'grant %s to %I %s',
        (
            select string_agg(distinct quote_ident(roles || '_owner'), ', ')
            from unnest(array[:'roles', :'installed_roles']) roles
        ),
        :'installer',
        case
            when current_setting('server_version_num')::integer >= 160000
            then 'with set true, inherit true'
            else ''
        end
    )
\gexec
\else
-- So that autovacuum, which gives way after this time, does so within an attempt of 025-locks.sql;
-- and of two that wait for each other, this is the one that gives up.
set local deadlock_timeout = '30ms';
\endif
