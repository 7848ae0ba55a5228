-- The row-lock ledger: every call takes the wallet's row, decides and writes, one call a transaction.
create table wallet (
    id bigint primary key,
    balance bigint not null check (balance >= 0),
    held bigint not null default 0 check (held between 0 and balance)
) with (fillfactor = 50);

create table call (
    key bigint primary key,
    verdict text not null
);

create table hold (
    id bigint primary key,
    wallet bigint not null,
    amount bigint not null,
    ended text
) with (fillfactor = 80);

create function place_hold(call_key bigint, hold_id bigint, of_wallet bigint, wanted bigint) returns text
language plpgsql as $$
declare
    available bigint;
    known text;
begin
    select balance - held into available from wallet where id = of_wallet for update;
    select verdict into known from call where key = call_key;
    if found then return known; end if;
    known := case when wanted > available then 'insufficient_funds' else 'ok' end;
    insert into call (key, verdict) values (call_key, known);
    if known = 'ok' then
        insert into hold (id, wallet, amount) values (hold_id, of_wallet, wanted);
        update wallet set held = held + wanted where id = of_wallet;
    end if;
    return known;
end
$$;

create function end_hold(call_key bigint, hold_id bigint, taken bigint) returns text
language plpgsql as $$
declare
    place hold;
    known text;
begin
    perform 1 from wallet where id = (select wallet from hold where id = hold_id) for update;
    select * into place from hold where id = hold_id;
    if not found then return 'hold_not_found'; end if;
    select verdict into known from call where key = call_key;
    if found then return known; end if;
    known := case when place.ended is not null then 'hold_already_ended' when taken > place.amount then 'exceeds_hold'
        else 'ok' end;
    insert into call (key, verdict) values (call_key, known);
    if known = 'ok' then
        update hold set ended = case when taken > 0 then 'charged' else 'released' end where id = hold_id;
        update wallet set balance = balance - taken, held = held - place.amount where id = place.wallet;
    end if;
    return known;
end
$$;
