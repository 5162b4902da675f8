-- For the scripts beside it, when a value is missing: says the usage and makes psql end with status
-- 3. (\quit would end it with 0.)
\warn usage: :usage
do $$
begin
    raise exception 'a value is missing';
end
$$;
