-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_generation', 'model_statistics', 'select, insert, delete')
        or not has_table_privilege('atelier_generation', 'model_statistics_run', 'select, insert, update')
        or not has_table_privilege('atelier_generation', 'provider_view', 'select, insert, update, delete')
        or not has_table_privilege('atelier_generation', 'prompt_help', 'select, insert, delete')
        or not has_table_privilege('atelier_generation', 'provider_budget', 'select, insert, update') then
        raise exception 'the service role lacks rights';
    end if;
end
$$;
