-- Fails if the migration did not leave what the service relies on.
do $$
begin
    if (select count(*) from bot) <> 1 then
        raise exception 'the bot row is missing';
    end if;
    if not has_table_privilege('atelier_delivery', 'message', 'insert, update')
        or not has_table_privilege('atelier_delivery', 'chat', 'insert, update')
        or not has_sequence_privilege('atelier_delivery', 'message_position', 'usage')
    then
        raise exception 'the service role lacks rights';
    end if;
    if has_table_privilege('atelier_delivery', 'bot', 'insert') or has_table_privilege('atelier_delivery', 'chat', 'delete')
    then
        raise exception 'the service role has too many rights';
    end if;
    if (select count(*) from pg_indexes where indexname in ('message_key', 'message_card', 'message_lane', 'chat_due')) <> 4 then
        raise exception 'an index is missing';
    end if;
end
$$;
