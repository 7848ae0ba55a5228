-- When a chat was last told that the bot is being updated; one row a chat, changed in place.
create table notice (
    bot text not null,
    chat_id bigint not null,
    at timestamptz not null,
    primary key (bot, chat_id)
) with (fillfactor = 70);

grant select, insert, update, delete on notice to atelier_ingress;
