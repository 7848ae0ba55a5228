-- Double entry in the manner of pgledger: accounts with balances, transfers, two entries each with the balance before and
-- after, everything in functions, one call a transaction. A user has an account for what is available (odd id) and one for
-- what is held (the even id after it); account 0 is revenue.
create table account (
    id bigint primary key,
    balance numeric not null,
    version bigint not null default 0,
    allow_negative boolean not null default false,
    updated_at timestamptz not null default now(),
    check (balance >= 0 or allow_negative)
) with (fillfactor = 50);

create table transfer (
    id uuid primary key default gen_random_uuid(),
    from_account bigint not null references account,
    to_account bigint not null references account,
    amount numeric not null check (amount > 0),
    created_at timestamptz not null default now()
);

create table entry (
    id uuid primary key default gen_random_uuid(),
    account bigint not null references account,
    transfer uuid not null references transfer,
    amount numeric not null,
    balance_before numeric not null,
    balance_after numeric not null,
    version bigint not null,
    created_at timestamptz not null default now()
);
create index on entry (account);
create index on entry (transfer);

create table call (
    key bigint primary key,
    verdict text not null
);

create table hold (
    id bigint primary key,
    account bigint not null,
    amount numeric not null,
    ended text
) with (fillfactor = 80);

create function create_transfer(payer bigint, payee bigint, wanted numeric) returns uuid language plpgsql as $$
declare
    made uuid;
    source account;
    target account;
begin
    -- In the order of ids, so that two transfers can't wait for each other in a circle.
    perform 1 from account where id in (payer, payee) order by id for update;
    update account set balance = balance - wanted, version = version + 1, updated_at = now() where id = payer
        returning * into source;
    update account set balance = balance + wanted, version = version + 1, updated_at = now() where id = payee
        returning * into target;
    insert into transfer (from_account, to_account, amount) values (payer, payee, wanted) returning id into made;
    insert into entry (account, transfer, amount, balance_before, balance_after, version) values
        (payer, made, -wanted, source.balance + wanted, source.balance, source.version),
        (payee, made, wanted, target.balance - wanted, target.balance, target.version);
    return made;
end
$$;

create function place_hold(call_key bigint, hold_id bigint, of_account bigint, wanted bigint) returns text
language plpgsql as $$
declare
    available numeric;
    known text;
begin
    select balance into available from account where id = 2 * of_account - 1 for update;
    select verdict into known from call where key = call_key;
    if found then return known; end if;
    known := case when wanted > available then 'insufficient_funds' else 'ok' end;
    insert into call (key, verdict) values (call_key, known);
    if known = 'ok' then
        insert into hold (id, account, amount) values (hold_id, of_account, wanted);
        perform create_transfer(2 * of_account - 1, 2 * of_account, wanted);
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
    perform 1 from account where id = (select 2 * account - 1 from hold where id = hold_id) for update;
    select * into place from hold where id = hold_id;
    if not found then return 'hold_not_found'; end if;
    select verdict into known from call where key = call_key;
    if found then return known; end if;
    known := case when place.ended is not null then 'hold_already_ended' when taken > place.amount then 'exceeds_hold'
        else 'ok' end;
    insert into call (key, verdict) values (call_key, known);
    if known = 'ok' then
        update hold set ended = case when taken > 0 then 'charged' else 'released' end where id = hold_id;
        if taken > 0 then perform create_transfer(2 * place.account, 0, taken); end if;
        if place.amount > taken then
            perform create_transfer(2 * place.account, 2 * place.account - 1, place.amount - taken);
        end if;
    end if;
    return known;
end
$$;
