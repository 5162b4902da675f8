-- For list.sql and audit.sql: makes -v user=… optional (user_given).
\if :{?user}
\set user_given on
\else
\set user_given off
\set user ''
\endif
