do $$
declare
    newest bigint := (select coalesce(max(id), 0) from entry);
begin
    if entry_sums(newest - 100000, newest) is distinct from (
        select array_agg(coalesce(sums.amount, 0) order by slots.slot)
        from generate_series(0, 15) as slots(slot)
        left join (
            select greatest(-account, 0) as slot, sum(amount)::bigint as amount from entry
            where id > newest - 100000 and id <= newest group by 1
        ) as sums using (slot)
    ) then
        raise exception 'entry_sums differs from the sums by account';
    end if;
end
$$;
