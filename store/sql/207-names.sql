-- The names of users, as secsession_text_user() of the web server makes them: without blanks at
-- their ends and, where SecSessionUserNames says so, in lower case. Administrators and applications
-- may write a name otherwise.

create or replace function secsession.plain_name(user_name text)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, secsession, pg_temp
as $$
begin
    -- Unicode's White_Space; other encodings do not have these characters.
    if getdatabaseencoding() = 'UTF8' then
        return btrim(
            user_name,
            U&' \00a0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200a'
                '\2028\2029\202f\205f\3000'
        );
    end if;
    return btrim(user_name, ' ');
end
$$;
comment on function secsession.plain_name(text) is
    'Internal: a user''s name without the blanks at its ends.';

create or replace function secsession.lowercase_name(user_name text)
returns text
language sql
immutable
-- A to Z alone, in whatever locale.
return lower(user_name collate "C");
comment on function secsession.lowercase_name(text) is
    'Internal: a user''s name as it is where SecSessionUserNames is lowercase.';
