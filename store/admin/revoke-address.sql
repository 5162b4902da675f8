-- Ends all sessions that were opened from an address or a network (192.0.2.0/24).
--
--     psql -d DATABASE -v address=NETWORK -v reason=WHY -f revoke-address.sql
\ir common.sql
\set usage 'psql -d DATABASE -v address=NETWORK -v reason=WHY -f revoke-address.sql'
\if :{?address}
\else
\ir refuse.sql
\endif
\if :{?reason}
\else
\ir refuse.sql
\endif

select
    secsession.revoke_address(:'address', :'reason') as ended
\gset
\echo sessions ended: :ended
