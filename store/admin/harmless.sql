-- For list.sql and audit.sql: what in a text would end a line, move a terminal's cursor or turn the
-- direction of writing (:'harmful') is shown as a question mark, whatever psql's format is.
select
    string_agg(chr(c.code), '') as harmful,
    repeat('?', count(*)::integer) as harmless
from (
    select generate_series(1, 31)
    union all
    select 127
    union all
    -- Elsewhere these are other characters, or none.
    select unnest(
        array(select generate_series(128, 159))
        || array[1564, 8206, 8207]
        || array(select generate_series(8232, 8238))
        || array(select generate_series(8294, 8297))
    )
    where getdatabaseencoding() = 'UTF8'
) c (code)
\gset
