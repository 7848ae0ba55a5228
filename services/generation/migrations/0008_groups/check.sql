-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_generation', 'job_group', 'select, insert, update') then
        raise exception 'the service role lacks rights';
    end if;
    if has_table_privilege('atelier_generation', 'job_group', 'delete') then
        raise exception 'the service role has too many rights';
    end if;
    if not exists (select from pg_constraint where conname = 'job_step_check' and convalidated) then
        raise exception 'steps are not checked';
    end if;
    if to_regclass('job_of_group') is null then
        raise exception 'a job could stand twice in its group';
    end if;
end
$$;
