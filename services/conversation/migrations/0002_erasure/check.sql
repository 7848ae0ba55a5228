-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_conversation', 'users', 'delete')
        or not has_table_privilege('atelier_conversation', 'jobs', 'delete')
        or not has_table_privilege('atelier_conversation', 'orders', 'delete')
    then
        raise exception 'the service role lacks rights';
    end if;
    if has_table_privilege('atelier_conversation', 'sessions', 'delete') then
        raise exception 'the service must not delete sessions';
    end if;
end
$$;
