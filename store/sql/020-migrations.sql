-- Which migrations this database has had.

create table if not exists secsession.migration (
    version integer primary key check (version >= 0),
    applied_at timestamptz not null default now()
);

alter table secsession.migration owner to secsession_owner;
comment on table secsession.migration is 'the migrations that this database has had';
comment on column secsession.migration.version is 'the number of the migration';
comment on column secsession.migration.applied_at is 'when it was applied';

insert into secsession.migration (version)
values (0)
on conflict do nothing;

-- The version that the module compares with its own.
create or replace function secsession.schema_version()
returns integer
language sql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
    select max(version)
    from secsession.migration
$$;
comment on function secsession.schema_version() is 'the version of this schema, for mod_secsession';

do $$
begin
    if (select max(version) from secsession.migration) > 1 then
        raise exception 'the schema secsession has version %, which is newer than this script (1)',
            (select max(version) from secsession.migration)
            using hint = 'run the install.sql that belongs to the newer module';
    end if;
end
$$;
