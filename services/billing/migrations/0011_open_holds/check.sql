do $$
begin
    if exists (
        select from (
            select account.id, account.held, coalesce(sum(open_hold.amount - open_hold.settled), 0) as reserved
            from account left join open_hold on open_hold.account = account.id group by account.id
        ) as sums
        where held <> reserved
    ) then
        raise exception 'open holds are not what the accounts say is held';
    end if;
    if to_regclass('entry_by_time') is not null or to_regclass('hold_expiring') is not null then
        raise exception 'an index of the release before is still there';
    end if;
end
$$;
