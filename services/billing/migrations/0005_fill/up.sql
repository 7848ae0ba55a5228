-- Fills what 0003 added for rows of the releases before; touches no row that has it.
update entry set balance_before = entry.balance_after - entry.amount, bonus_after = sums.bonus
from (
    select id, sum(bonus_amount) over (partition by account order by id) as bonus from entry where account > 0
) as sums
where sums.id = entry.id and entry.account > 0 and entry.balance_before is null;

update credit set operation = operation.id, at = operation.at
from operation
where credit.at is null and operation.caller = credit.caller and operation.key = credit.key;

drop index entry_statement;
