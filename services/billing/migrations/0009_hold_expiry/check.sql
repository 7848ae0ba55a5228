do $$
begin
    if to_regclass('hold_expiry') is not null then
        raise exception 'hold_expiry is still there';
    end if;
end
$$;
