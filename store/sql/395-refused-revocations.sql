-- When a revocation is refused: whoever asks for it has not said enough, or a table is locked.

create or replace function secsession.check_revocation(reason text, realm text default null)
returns void
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    if coalesce(plain_name(translate(reason, E'\t\n\x0b\f\r', '     ')), '') = '' then
        raise exception 'a revocation needs a reason'
            using errcode = 'invalid_parameter_value',
                hint = 'The reason is kept in the audit trail: say why.';
    end if;
    if realm = '' then
        raise exception 'realm must not be empty'
            using errcode = 'invalid_parameter_value',
                hint = 'Leave it out, or give null, to mean every realm.';
    end if;
end
$$;
comment on function secsession.check_revocation(text, text) is
    'Internal: refuses a revocation without a reason, or with a realm that cannot be.';

create or replace function secsession.refuse_for_locks()
returns integer
language plpgsql
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
declare
    -- In any mode: somebody may wait behind it for all of the table, and we behind both.
    holders constant text[] := coalesce(
        lock_holders(array[
            'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
        ]),
        lock_holders()
    );
begin
    raise exception 'the tables of the schema secsession are locked: % has kept them for too long; '
        'nothing has been revoked',
        coalesce(array_to_string(holders, ', '), 'a transaction that has just ended')
        using
            errcode = 'lock_not_available',
            hint = 'Revoke again when that has ended; ' || lock_hint(holders);
end
$$;
comment on function secsession.refuse_for_locks() is
    'Internal: refuses a revocation that has waited for a lock of a whole table for as long as it '
    'may, and says who holds it.';
