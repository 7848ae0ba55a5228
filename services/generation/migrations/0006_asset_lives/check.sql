-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if not has_table_privilege('atelier_generation', 'asset', 'delete')
        or not has_table_privilege('atelier_generation', 'asset_removal', 'select, insert, delete')
        or not has_table_privilege('atelier_generation', 'erasure', 'select, insert, update, delete') then
        raise exception 'the service role lacks rights';
    end if;
    if (select confdeltype from pg_constraint where conname = 'upload_asset_id_fkey') <> 'c' then
        raise exception 'uploads do not go with their asset';
    end if;
end
$$;
