do $$
begin
    if (select count(*) from slot) <> 64 then raise exception 'slot must have 64 rows'; end if;
    if (select count(*) from pg_inherits where inhparent = 'seen_update'::regclass) <> 257 then
        raise exception 'seen_update must have 256 ranges and a rest';
    end if;
    if has_table_privilege('atelier_ingress', 'event', 'update, delete') then
        raise exception 'the service must not change stored events';
    end if;
end
$$;
