do $$
declare
    allowed text;
begin
    select string_agg(distinct table_name || '.' || privilege_type, ', ') into allowed
    from information_schema.table_privileges
    where grantee = 'atelier_billing' and privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE');
    if allowed is not null then
        raise exception 'the service role may change the ledger: %', allowed;
    end if;
    select string_agg(table_name || '.' || column_name, ', ' order by table_name, column_name) into allowed
    from information_schema.column_privileges
    where grantee = 'atelier_billing' and privilege_type = 'UPDATE';
    if allowed is distinct from
        'account.bonus, account.held, account.is_frozen, account.paid, account.spent, account.spent_day, '
        'account.swept, grant_day.amount'
    then
        raise exception 'the service role may update %', allowed;
    end if;
    if (select count(*) from system_account) <> 10 then
        raise exception 'system accounts are missing';
    end if;
    if (select count(*) from pg_trigger where tgname in ('parts_fit_the_hold', 'refunds_fit_the_transfer')
        and tgdeferrable and tginitdeferred) <> 2
    then
        raise exception 'parts and refunds are not checked at commit';
    end if;
end
$$;
