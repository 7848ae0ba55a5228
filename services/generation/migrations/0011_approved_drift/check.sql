-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_generation', 'sales_stop', 'delete') then
        raise exception 'the service role lacks rights';
    end if;
    -- A stop is made or lifted, never another.
    if has_table_privilege('atelier_generation', 'sales_stop', 'update') then
        raise exception 'the service role has too many rights';
    end if;
end
$$;
