do $$
begin
    if not exists (select from information_schema.columns
        where table_name = 'attempt' and column_name = 'empty_readings' and is_nullable = 'NO') then
        raise exception 'the count of empty readings is missing';
    end if;
end
$$;
