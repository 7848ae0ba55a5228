-- Refunds, gifts, adjustments, freezes, extensions and parts of holds; balances before and after on every entry.

-- Every constraint that is widened here was kept by all rows until now, so `not valid` skips nothing but the scan.
alter table operation drop constraint operation_kind_check;
alter table operation add constraint operation_kind_check check (
    kind in ('open_account', 'place_hold', 'extend_hold', 'charge_hold', 'release_hold', 'refund_charge', 'credit',
        'refund_credit', 'gift', 'adjust', 'decide_adjustment', 'freeze_account', 'unfreeze_account')
) not valid;

-- What was charged on one day of the operator's calendar, for the daily limit; the day as days since 1970-01-01.
alter table account add column spent bigint not null default 0 check (spent >= 0);
alter table account add column spent_day bigint not null default 0;
grant update (spent, spent_day, is_frozen) on account to atelier_billing;

insert into system_account (id, name) values (-8, 'refund'), (-9, 'provider_cost'), (-10, 'provider');

alter table entry add column balance_before bigint;
alter table entry add column bonus_after bigint;
-- Which part of the hold was charged or refunded.
alter table entry add column part text collate "C";
alter table entry drop constraint entry_account_check;
alter table entry add constraint entry_account_check check (account > 0 or account between -10 and -1) not valid;
alter table entry drop constraint entry_kind_check;
alter table entry add constraint entry_kind_check check (
    kind in ('top_up', 'grant', 'charge', 'refund', 'adjust', 'gift')
) not valid;
-- A charge of nothing leaves its trail: the job, the model and what it cost us.
alter table entry drop constraint entry_amount_check;
alter table entry add constraint entry_amount_check check (amount <> 0 or (kind = 'charge' and account > 0)) not valid;
-- Entries of the release before have no balance before.
alter table entry add constraint balances_add_up check (balance_before + amount = balance_after) not valid;
alter table entry add constraint bonus_is_covered check (bonus_after between 0 and balance_after) not valid;

-- When and by which operation; filled for old rows in 0005.
alter table credit add column operation bigint;
alter table credit add column at timestamptz;
alter table credit alter column at set default statement_timestamp();
-- Listings by source in the order of time.
create index credit_listing on credit (source, at, operation);

-- Live holds are among those that expire late, which were placed late: a few blocks of a table that only grows.
create index hold_live on hold using brin (expires_at) with (pages_per_range = 32, autosummarize = on);

-- A hold's later end. The last one counts.
create table hold_extension (
    account bigint not null,
    hold_id uuid not null,
    expires_at timestamptz not null,
    operation bigint not null,
    at timestamptz not null default statement_timestamp(),
    primary key (account, hold_id, expires_at)
);
create index hold_extension_expiry on hold_extension (account, expires_at);

-- A part of a hold that was settled by itself, once.
create table hold_part (
    account bigint not null,
    hold_id uuid not null,
    part text collate "C" not null check (part <> ''),
    how text not null check (how in ('charged', 'released')),
    -- What the part took from the hold, and what of that was charged.
    amount bigint not null check (amount >= 0),
    charged bigint not null check (charged between 0 and amount),
    reason text not null default '',
    operation bigint not null,
    at timestamptz not null default statement_timestamp(),
    primary key (account, hold_id, part),
    foreign key (account, hold_id) references hold (account, id),
    constraint only_a_charge_takes check (charged = 0 or how = 'charged')
);

create function check_hold_parts() returns trigger language plpgsql as $$
begin
    if (select sum(amount) from hold_part where account = new.account and hold_id = new.hold_id)
        > (select amount from hold where account = new.account and id = new.hold_id)
    then
        raise exception using errcode = 'check_violation', constraint = 'parts_fit_the_hold', table = 'hold_part',
            message = 'the parts of a hold take more than the whole';
    end if;
    return null;
end
$$;
create constraint trigger parts_fit_the_hold after insert on hold_part
    deferrable initially deferred for each row execute function check_hold_parts();

-- Which money of which transfer went back: lineage.
create table refund (
    operation bigint primary key,
    account bigint not null,
    -- The transfer of the charge or credit.
    of_transfer bigint not null,
    paid bigint not null check (paid >= 0),
    bonus bigint not null check (bonus >= 0),
    at timestamptz not null default statement_timestamp(),
    constraint refunds_something check (paid + bonus > 0)
);
create index refund_lineage on refund (account, of_transfer);

-- All refunds of one transfer give back at most what it moved on the user's account, each wallet its own.
create function check_refund() returns trigger language plpgsql as $$
begin
    if exists (
        select from (
            select sum(paid) as paid, sum(bonus) as bonus from refund
            where account = new.account and of_transfer = new.of_transfer
        ) as given
        left join lateral (
            select sum(abs(amount - bonus_amount)) as paid, sum(abs(bonus_amount)) as bonus from entry
            where transfer = new.of_transfer and account = new.account
        ) as moved on true
        where moved.paid is null or given.paid > moved.paid or given.bonus > moved.bonus
    ) then
        raise exception using errcode = 'check_violation', constraint = 'refunds_fit_the_transfer', table = 'refund',
            message = 'more would be refunded than was moved';
    end if;
    return null;
end
$$;
create constraint trigger refunds_fit_the_transfer after insert on refund
    deferrable initially deferred for each row execute function check_refund();

-- An operator's correction. Pending ones move nothing until another operator approves them.
create table adjustment (
    id uuid primary key,
    account bigint not null,
    amount bigint not null check (amount <> 0),
    wallet text not null check (wallet in ('paid', 'bonus')),
    reason text not null,
    proposed_by text not null check (proposed_by <> ''),
    is_pending boolean not null,
    caller text not null,
    key text collate "C" not null,
    operation bigint not null,
    at timestamptz not null default statement_timestamp(),
    unique (id, proposed_by, is_pending)
);

-- Decided once, by somebody else.
create table adjustment_decision (
    adjustment uuid primary key,
    proposed_by text not null,
    was_pending boolean not null default true check (was_pending),
    decided_by text not null check (decided_by <> ''),
    decision text not null check (decision in ('approve', 'reject')),
    caller text not null,
    key text collate "C" not null,
    operation bigint not null,
    at timestamptz not null default statement_timestamp(),
    foreign key (adjustment, proposed_by, was_pending) references adjustment (id, proposed_by, is_pending),
    constraint two_persons check (decided_by <> proposed_by)
);

-- Who froze or unfroze an account, and why. The last row says what `account.is_frozen` says.
create table account_freeze (
    account bigint not null,
    operation bigint not null,
    is_frozen boolean not null,
    operator_name text not null,
    reason text not null,
    at timestamptz not null default statement_timestamp(),
    primary key (account, operation)
);

-- What was granted on one day, for the budget. Beside `account` the only table that is updated.
create table grant_day (
    day bigint primary key,
    amount bigint not null default 0 check (amount >= 0)
);

grant select, insert on hold_extension, hold_part, refund, adjustment, adjustment_decision, account_freeze, grant_day
    to atelier_billing;
grant update (amount) on grant_day to atelier_billing;
