-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_payments', 'orders', 'select, insert')
        or not has_column_privilege('atelier_payments', 'orders', 'state', 'update')
        or not has_table_privilege('atelier_payments', 'stray_payment', 'select, insert')
        or not has_table_privilege('atelier_payments', 'reconciliation', 'select, update')
        or not has_table_privilege('atelier_payments', 'outbox', 'select, insert, update, delete')
    then
        raise exception 'the service role lacks rights';
    end if;
    -- What a user ordered, and what was sent to the provider, stays as it was.
    if has_table_privilege('atelier_payments', 'orders', 'delete')
        or has_table_privilege('atelier_payments', 'stray_payment', 'delete')
        or has_column_privilege('atelier_payments', 'orders', 'amount_kopecks', 'update')
        or has_column_privilege('atelier_payments', 'orders', 'user_id', 'update')
        or has_column_privilege('atelier_payments', 'orders', 'provider_body', 'update')
        or has_column_privilege('atelier_payments', 'orders', 'provider_key', 'update')
    then
        raise exception 'the service role has too many rights';
    end if;
    if (select count(*) from pg_indexes
        where indexname in ('orders_call', 'orders_payment', 'orders_due', 'outbox_lane')) <> 4
    then
        raise exception 'an index is missing';
    end if;
    if (select count(*) from reconciliation) <> 1 then
        raise exception 'the reconciliation needs its row';
    end if;
end
$$;
