do $$
begin
    if netstring('ы') || netstring(null) || netstring('') <> '2:ы,-,0:,' then
        raise exception 'entries are written in another way';
    end if;
    if (seal_block(decode(repeat('00', 32), 'hex'), 0, 0)).hash <> sha256(decode(repeat('00', 32), 'hex')) then
        raise exception 'seals are hashed in another way';
    end if;
    if entry_sums(0, 0) <> array_fill(0::bigint, array[16]) then
        raise exception 'sums are added in another way';
    end if;
    if has_table_privilege('atelier_billing', 'seal', 'update') or has_table_privilege('atelier_billing', 'seal', 'delete')
    then
        raise exception 'the service role may change seals';
    end if;
end
$$;
