do $$
begin
    if not has_table_privilege('atelier_ingress', 'notice', 'select, insert, update, delete') then
        raise exception 'the service must be able to remember whom it has told';
    end if;
end
$$;
