do $$
begin
    if exists (select from parked where not exists (select from event where event.id = parked.event_id)) then
        raise exception 'a parked row must lead to an event';
    end if;
    if (select prosrc from pg_proc where proname = 'drop_seen_partitions') !~ 'share mode' then
        raise exception 'drop_seen_partitions must be the new one';
    end if;
end
$$;
