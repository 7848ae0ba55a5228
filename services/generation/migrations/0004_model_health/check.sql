do $$
begin
    if not has_table_privilege('atelier_generation', 'model_health', 'select, insert, update') then
        raise exception 'the service role lacks rights';
    end if;
end
$$;
