-- For the scripts beside it: stops at the first error, commits each statement whatever ~/.psqlrc
-- says, and makes -v realm=… optional (realm_given).
\set ON_ERROR_STOP on
\set AUTOCOMMIT on
\set QUIET on
\set SHOW_CONTEXT never
\if :{?realm}
\set realm_given on
\else
\set realm_given off
\set realm ''
\endif
