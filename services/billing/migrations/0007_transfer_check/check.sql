do $$
begin
    if not exists (
        select from pg_trigger
        where tgname = 'transfers_sum_to_zero' and tgrelid = 'entry'::regclass and tgnewtable = 'written' and tgenabled = 'O'
    ) then
        raise exception 'transfers are not checked';
    end if;
end
$$;
