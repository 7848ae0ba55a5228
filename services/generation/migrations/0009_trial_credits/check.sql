-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_generation', 'trial_credit', 'select, insert, delete') then
        raise exception 'the service role lacks rights';
    end if;
    -- A credit is made or gone, never another.
    if has_table_privilege('atelier_generation', 'trial_credit', 'update') then
        raise exception 'the service role has too many rights';
    end if;
end
$$;
