-- Only rows from well before this step: an instance of the release before may still add some.
do $$
begin
    if exists (
        select from entry where account > 0 and balance_before is null and at < now() - interval '1 minute'
    ) then
        raise exception 'entries lack their balance before';
    end if;
    if exists (select from credit where at is null) then
        raise exception 'credits lack their operation';
    end if;
end
$$;
