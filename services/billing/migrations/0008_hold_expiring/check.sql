do $$
begin
    if not exists (select from pg_index where indexrelid = 'hold_expiring'::regclass and indisvalid) then
        raise exception 'hold_expiring was not finished: drop it and start again';
    end if;
end
$$;
