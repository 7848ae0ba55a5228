-- The ledger: double entry in kopecks. docs: services/billing/README.md.

-- One row for each user whose money was ever touched. The only rows of the ledger that are ever updated: fillfactor
-- leaves room for HOT updates, and no index may be put on the columns that change.
create table account (
    id bigint primary key check (id > 0),
    -- Money that was paid in; only this can be refunded.
    paid bigint not null default 0 check (paid >= 0),
    -- Money that was granted; spent first.
    bonus bigint not null default 0 check (bonus >= 0),
    -- Sum of holds that have not been ended, those included that have expired since `swept`.
    held bigint not null default 0 check (held >= 0),
    is_frozen boolean not null default false,
    -- Holds that expired up to this moment have been ended.
    swept timestamptz not null default 'epoch',
    created_at timestamptz not null default now(),
    constraint held_is_covered check (held <= paid + bonus)
) with (fillfactor = 50);

-- The other side of every transfer. System accounts have no stored balance, so that no row of theirs makes all batches
-- wait for each other; their sums are read from the entries.
create table system_account (
    id bigint primary key check (id < 0),
    name text not null unique
);
insert into system_account (id, name)
values (-1, 'yookassa'), (-2, 'stars'), (-3, 'bonus'), (-4, 'promo'), (-5, 'referral'), (-6, 'adjustment'),
    (-7, 'revenue');

create sequence operation_id;

-- Every call that was decided, refusals too, with its first answer: the idempotency record, kept for ever.
-- The key is not hashed and compared bytewise: keys with rising prefixes stay in one part of the index.
create table operation (
    id bigint not null,
    caller text not null,
    key text collate "C" not null,
    -- SHA-256 of what was asked.
    fingerprint bytea not null,
    kind text not null check (kind in ('place_hold', 'charge_hold', 'release_hold', 'credit')),
    account bigint not null,
    -- `ok` or the problem's code.
    verdict text not null,
    -- The JSON of the output, or of the problem.
    answer bytea not null,
    at timestamptz not null default statement_timestamp(),
    primary key (caller, key)
);

-- Keys begin with the account: everything about a hold is decided under its account's lock.
create table hold (
    account bigint not null,
    id uuid not null,
    amount bigint not null check (amount >= 0),
    expires_at timestamptz not null,
    memo text not null,
    operation bigint not null,
    at timestamptz not null default statement_timestamp(),
    primary key (account, id)
);
create index hold_expiry on hold (account, expires_at);

-- A hold ends once, by construction: there is room for one row. A row without a hold is a tombstone: the hold was
-- charged or released before it arrived, and can't be placed any more.
create table hold_end (
    account bigint not null,
    hold_id uuid not null,
    how text not null check (how in ('charged', 'released', 'expired')),
    charged bigint not null default 0 check (charged >= 0),
    reason text not null default '',
    operation bigint,
    at timestamptz not null default statement_timestamp(),
    primary key (account, hold_id),
    constraint only_a_charge_takes check (charged = 0 or how = 'charged')
);

-- One provider payment is credited once, whatever keys are used.
create table credit (
    source text not null,
    reference text collate "C" not null,
    account bigint not null,
    amount bigint not null check (amount > 0),
    caller text not null,
    key text collate "C" not null,
    primary key (source, reference)
);

-- What moved. The entries of a transfer, which is an operation's id, sum to zero.
create table entry (
    id bigint generated always as identity primary key,
    transfer bigint not null,
    account bigint not null check (account > 0 or account between -7 and -1),
    kind text not null check (kind in ('top_up', 'grant', 'charge', 'refund', 'adjust')),
    amount bigint not null check (amount <> 0),
    -- The part of `amount` that is granted money; 0 on system accounts.
    bonus_amount bigint not null default 0,
    -- What the account has then; null on system accounts.
    balance_after bigint check (balance_after >= 0),
    memo text not null default '',
    job_id uuid,
    order_id uuid,
    hold_id uuid,
    model text,
    variant text,
    provider_cost_microdollars bigint check (provider_cost_microdollars >= 0),
    at timestamptz not null default statement_timestamp(),
    constraint bonus_is_a_part check (
        bonus_amount = 0 or (sign(bonus_amount) = sign(amount) and abs(bonus_amount) <= abs(amount))
    ),
    constraint users_have_balances check ((account > 0) = (balance_after is not null))
);
create index entry_statement on entry (account, id);
create index entry_transfer on entry (transfer);

create function check_transfer() returns trigger language plpgsql as $$
begin
    if (select sum(amount) from entry where transfer = new.transfer) <> 0 then
        raise exception using errcode = 'check_violation', constraint = 'transfer_sums_to_zero', table = 'entry',
            message = 'the entries of a transfer do not sum to zero';
    end if;
    return null;
end
$$;
create constraint trigger transfer_sums_to_zero after insert on entry
    deferrable initially deferred for each row execute function check_transfer();

-- Append only: the service's role can't change or remove what has been written, and of an account only the sums.
grant select, insert on operation, hold, hold_end, credit, entry to atelier_billing;
grant select, insert on account to atelier_billing;
grant update (paid, bonus, held, swept) on account to atelier_billing;
grant select on system_account to atelier_billing;
grant usage on sequence operation_id to atelier_billing;
