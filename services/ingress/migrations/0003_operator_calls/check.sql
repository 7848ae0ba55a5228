do $$
begin
    if not has_table_privilege('atelier_ingress', 'operator_call', 'select, insert, update, delete') then
        raise exception 'the service must be able to remember the operator''s calls';
    end if;
    if to_regclass('event_malformed') is null then raise exception 'event_malformed is missing'; end if;
end
$$;
