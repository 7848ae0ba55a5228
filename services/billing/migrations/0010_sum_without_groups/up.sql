-- Sixteen sums over one scan. Grouped by account and joined to the slots, the groups were walked once a slot, and their hash
-- table was as large as the planner's idea of the number of accounts.
create or replace function entry_sums(after_entry bigint, last_entry bigint) returns bigint[] language sql stable as $$
    select array[
        coalesce(sum(amount) filter (where account > 0), 0),
        coalesce(sum(amount) filter (where account = -1), 0),
        coalesce(sum(amount) filter (where account = -2), 0),
        coalesce(sum(amount) filter (where account = -3), 0),
        coalesce(sum(amount) filter (where account = -4), 0),
        coalesce(sum(amount) filter (where account = -5), 0),
        coalesce(sum(amount) filter (where account = -6), 0),
        coalesce(sum(amount) filter (where account = -7), 0),
        coalesce(sum(amount) filter (where account = -8), 0),
        coalesce(sum(amount) filter (where account = -9), 0),
        coalesce(sum(amount) filter (where account = -10), 0),
        coalesce(sum(amount) filter (where account = -11), 0),
        coalesce(sum(amount) filter (where account = -12), 0),
        coalesce(sum(amount) filter (where account = -13), 0),
        coalesce(sum(amount) filter (where account = -14), 0),
        coalesce(sum(amount) filter (where account = -15), 0)
    ]::bigint[]
    from entry where id > entry_sums.after_entry and id <= entry_sums.last_entry
$$;
