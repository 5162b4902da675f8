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
    -- Unicode's White_Space. Other encodings do not have all of these characters.
    if getdatabaseencoding() = 'UTF8' then
        return btrim(
            user_name,
            convert_from(
                E'\\x20c2a0e19a80e28080e28081e28082e28083e28084e28085e28086e28087e28088e28089'
                    'e2808ae280a8e280a9e280afe2819fe38080',
                'UTF8'
            )
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
