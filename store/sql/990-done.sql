-- Takes away what only the installation needed, and gives up the owner's rights.

drop procedure secsession.install_lock(text, text);
drop function secsession.install_lock_commands(text, text);
drop procedure secsession.install_view(text, text);
drop function secsession.install_definition(text);
drop procedure secsession.install_trigger(text, text, text, text, text, text);

select secsession.schema_version() \gset
reset role;

\if :membership_needed
select
    format(
        'revoke %s from %I',
        (
            select string_agg(distinct quote_ident(roles || '_owner'), ', ')
            from unnest(array[:'roles', :'installed_roles']) roles
        ),
        :'installer'
    )
\gexec
\endif
