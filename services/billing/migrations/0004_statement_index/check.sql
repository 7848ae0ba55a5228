do $$
begin
    if not exists (select from pg_index where indexrelid = 'entry_by_time'::regclass and indisvalid) then
        raise exception 'entry_by_time was not finished: drop it and start again';
    end if;
end
$$;
