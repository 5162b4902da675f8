-- Gives up the owner's rights.

select secsession.schema_version() \gset
reset role;

\if :membership_needed
select format('revoke secsession_owner from %I', session_user) \gexec
\endif
