do $$
begin
    if not has_table_privilege('atelier_generation', 'provider_account', 'select, insert, update') then
        raise exception 'the service role lacks rights';
    end if;
    if not exists (select from pg_indexes where indexname = 'job_busy') then
        raise exception 'an index is missing';
    end if;
    if (select count(*) from information_schema.columns where (table_name, column_name) in
        (('provider_key', 'spent_microdollars'), ('provider_key', 'strikes'), ('job', 'priority'))) <> 3
    then
        raise exception 'a column is missing';
    end if;
end
$$;
