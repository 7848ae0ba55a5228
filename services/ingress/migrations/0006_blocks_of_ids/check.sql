do $$
begin
    if (select seqincrement from pg_sequence where seqrelid = 'event_id_seq'::regclass) <> 512 then
        raise exception 'a number must stand for a block of 512 ids';
    end if;
    if exists (select from event_id_seq where not is_called and last_value < 512) then
        raise exception 'the first block must not begin below 1';
    end if;
    if exists (
        select from pg_attribute where attname = 'ids' and attstorage <> 'e'
            and attrelid = any (array['done', 'done_0', 'done_1']::regclass[]))
    then
        raise exception 'ids of handled events must not be compressed';
    end if;
end
$$;
