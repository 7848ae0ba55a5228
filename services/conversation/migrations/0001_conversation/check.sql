do $$
begin
    if has_table_privilege('atelier_conversation', 'sessions', 'delete') then
        raise exception 'the service must not delete sessions';
    end if;
    if has_table_privilege('atelier_conversation', 'seen_events', 'update') then
        raise exception 'the service must not change what has been decided on';
    end if;
    if not has_table_privilege('atelier_conversation', 'outbox', 'select, insert, update') then
        raise exception 'the service must be able to queue commands';
    end if;
end
$$;
