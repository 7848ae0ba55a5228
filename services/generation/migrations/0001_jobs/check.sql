-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_generation', 'job', 'select, insert, update')
        or not has_table_privilege('atelier_generation', 'attempt', 'select, insert, update')
        or not has_table_privilege('atelier_generation', 'asset', 'select, insert')
        or not has_table_privilege('atelier_generation', 'quote', 'select, insert, delete')
        or not has_table_privilege('atelier_generation', 'outbox', 'select, insert, update, delete')
    then
        raise exception 'the service role lacks rights';
    end if;
    -- What a user paid for, and what the provider was asked, can't be made to disappear by the service.
    if has_table_privilege('atelier_generation', 'job', 'delete')
        or has_table_privilege('atelier_generation', 'attempt', 'delete')
        or has_table_privilege('atelier_generation', 'asset', 'delete')
        or has_table_privilege('atelier_generation', 'asset', 'update')
    then
        raise exception 'the service role has too many rights';
    end if;
    if (select count(*) from pg_indexes
        where indexname in ('job_due', 'job_submittable', 'attempt_task', 'asset_of_job', 'outbox_lane')) <> 5
    then
        raise exception 'an index is missing';
    end if;
end
$$;
