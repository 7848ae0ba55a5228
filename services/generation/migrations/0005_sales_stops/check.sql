-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_generation', 'sales_stop', 'select, insert') then
        raise exception 'the service role lacks rights';
    end if;
    -- Only a new price, or the operator, ends a stop.
    if has_table_privilege('atelier_generation', 'sales_stop', 'delete') then
        raise exception 'the service role has too many rights';
    end if;
end
$$;
