-- Entries of a transfer are checked where they are written, once a statement and not once a row at commit: each statement
-- must write transfers that sum to zero. That is stricter, and so are the sums over all that was written before.
create function check_transfers() returns trigger language plpgsql as $$
begin
    if exists (select from written group by transfer having sum(amount) <> 0) then
        raise exception using errcode = 'check_violation', constraint = 'transfer_sums_to_zero', table = 'entry',
            message = 'the entries of a transfer do not sum to zero';
    end if;
    return null;
end
$$;
create trigger transfers_sum_to_zero after insert on entry
    referencing new table as written for each statement execute function check_transfers();

drop trigger transfer_sums_to_zero on entry;
drop function check_transfer();
