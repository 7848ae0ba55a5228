-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if to_regclass('job_open_places') is null or to_regclass('job_open') is not null then
        raise exception 'a user''s open jobs are not found by an index';
    end if;
end
$$;
