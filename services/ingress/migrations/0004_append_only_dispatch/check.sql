do $$
begin
    if has_table_privilege('atelier_ingress', 'done', 'update') or has_table_privilege('atelier_ingress', 'done', 'delete')
        or has_table_privilege('atelier_ingress', 'handover', 'update')
        or has_table_privilege('atelier_ingress', 'handover', 'delete')
        or has_table_privilege('atelier_ingress', 'seen_other', 'delete')
    then
        raise exception 'the service must only append to its hot tables';
    end if;
    if (select count(*) from half) <> 2 then raise exception 'done and handover must have two halves each'; end if;
    if to_regclass('event_slot_id') is not null then raise exception 'event has one index only'; end if;
    if (select count(*) from pg_inherits where inhparent = 'seen_other'::regclass) < 3 then
        raise exception 'this month and the next must have their dedup keys apart';
    end if;
end
$$;
