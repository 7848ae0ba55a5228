do $$
declare
    allowed text;
begin
    select string_agg(table_name || '.' || privilege_type, ', ') into allowed
    from information_schema.table_privileges
    where grantee = 'atelier_billing' and privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE');
    if allowed is not null then
        raise exception 'the service role may change the ledger: %', allowed;
    end if;
    if not exists (
        select from pg_trigger
        where tgname = 'transfer_sums_to_zero' and tgrelid = 'entry'::regclass and tgdeferrable and tginitdeferred
    ) then
        raise exception 'transfers are not checked at commit';
    end if;
    if (select count(*) from system_account) <> 7 then
        raise exception 'system accounts are missing';
    end if;
end
$$;
