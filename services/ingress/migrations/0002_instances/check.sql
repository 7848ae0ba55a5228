do $$
begin
    if not has_table_privilege('atelier_ingress', 'instance', 'select, insert, update, delete') then
        raise exception 'the service must be able to announce itself';
    end if;
end
$$;
