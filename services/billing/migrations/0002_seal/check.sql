do $$
begin
    if seal_hash(decode(repeat('00', 32), 'hex'), 0, 0) <> sha256(decode(repeat('00', 32), 'hex')) then
        raise exception 'seals are hashed in another way';
    end if;
    if has_table_privilege('atelier_billing', 'seal', 'update') or has_table_privilege('atelier_billing', 'seal', 'delete')
    then
        raise exception 'the service role may change seals';
    end if;
end
$$;
