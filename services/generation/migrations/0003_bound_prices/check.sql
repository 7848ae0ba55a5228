-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if (select count(*) from information_schema.columns where table_name = 'job' and column_name = 'is_bound') <> 1 then
        raise exception 'job.is_bound is missing';
    end if;
    if (select count(*) from pg_indexes where indexname = 'job_free') <> 1 then
        raise exception 'an index is missing';
    end if;
end
$$;
