-- Keys that follow time, and the holds that are open in a table of their own (docs/adr/0088): what a call touches is what
-- was touched a moment ago, however long the past is.

-- Holds that were not ended, with what their extensions and parts have changed. Written by the triggers below alone: the
-- service may read it. `charged` is the part of `settled` that was charged. No key of its own: there is one row for each
-- row of `hold`, at most.
create table open_hold (
    hold_id uuid not null,
    account bigint not null,
    amount bigint not null check (amount >= 0),
    settled bigint not null default 0,
    charged bigint not null default 0,
    expires_at timestamptz not null,
    constraint parts_fit_the_hold check (charged between 0 and settled and settled <= amount)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

lock table hold, hold_extension, hold_part, hold_end in share row exclusive mode;
insert into open_hold (hold_id, account, amount, settled, charged, expires_at)
select hold.id, hold.account, hold.amount, coalesce(parts.amount, 0), coalesce(parts.charged, 0),
    greatest(hold.expires_at, (
        select max(hold_extension.expires_at) from hold_extension
        where hold_extension.account = hold.account and hold_extension.hold_id = hold.id
    ))
from hold
left join hold_end on hold_end.account = hold.account and hold_end.hold_id = hold.id
left join (
    select account, hold_id, sum(amount) as amount, sum(charged) as charged from hold_part group by account, hold_id
) as parts on parts.account = hold.account and parts.hold_id = hold.id
where hold_end.hold_id is null;

-- What is looked up by id must not be searched by account, nor the other way round, whatever the planner believes about a
-- table that was empty a moment ago. So the index of ids has no account, and indexes by account have a condition that every
-- row keeps and only those say who ask by account (docs/adr/0085).
create index open_hold_id on open_hold (hold_id);
create index open_hold_expiry on open_hold (account, expires_at) where amount >= 0;

-- With the owner's rights, on tables named in full search paths: whoever writes holds can't write what they add up to.
-- Rows are found by key in lateral queries that no plan turns round (docs/adr/0085).
create function open_placed_holds() returns trigger language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    insert into open_hold (hold_id, account, amount, expires_at) select id, account, amount, expires_at from placed;
    return null;
end
$$;
create trigger placed_holds_are_open after insert on hold
    referencing new table as placed for each statement execute function open_placed_holds();

create function extend_open_holds() returns trigger language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    update open_hold set expires_at = greatest(open_hold.expires_at, (
        select max(extended.expires_at) from extended
        where extended.account = open_hold.account and extended.hold_id = open_hold.hold_id
    ))
    where ctid = any(array(
        select found.row from extended cross join lateral (
            select open_hold.ctid as row from open_hold
            where open_hold.hold_id = extended.hold_id and open_hold.account = extended.account offset 0
        ) as found
    ));
    return null;
end
$$;
create trigger extensions_move_ends after insert on hold_extension
    referencing new table as extended for each statement execute function extend_open_holds();

create function settle_open_holds() returns trigger language plpgsql security definer set search_path = public, pg_temp
as $$
declare
    missing boolean;
begin
    -- The release before writes the end of a hold and then the part that has ended it.
    select bool_or(found.row is null and ended.operation is null) into missing from settled
    left join lateral (
        select open_hold.ctid as row from open_hold
        where open_hold.hold_id = settled.hold_id and open_hold.account = settled.account offset 0
    ) as found on true
    left join lateral (
        select hold_end.operation from hold_end
        where hold_end.hold_id = settled.hold_id and hold_end.account = settled.account
            and hold_end.operation = settled.operation and found.row is null offset 0
    ) as ended on true;
    if missing then
        raise exception using errcode = 'check_violation', constraint = 'parts_are_of_open_holds', table = 'hold_part',
            message = 'a part of a hold that is not open';
    end if;
    update open_hold set settled = open_hold.settled + (
        select sum(settled.amount) from settled
        where settled.account = open_hold.account and settled.hold_id = open_hold.hold_id
    ), charged = open_hold.charged + (
        select sum(settled.charged) from settled
        where settled.account = open_hold.account and settled.hold_id = open_hold.hold_id
    )
    where ctid = any(array(
        select found.row from settled cross join lateral (
            select open_hold.ctid as row from open_hold
            where open_hold.hold_id = settled.hold_id and open_hold.account = settled.account offset 0
        ) as found
    ));
    return null;
end
$$;
create trigger parts_settle_holds after insert on hold_part
    referencing new table as settled for each statement execute function settle_open_holds();
drop trigger parts_fit_the_hold on hold_part;
drop function check_hold_parts();

-- A tombstone ends nothing.
create function close_ended_holds() returns trigger language plpgsql security definer set search_path = public, pg_temp
as $$
begin
    delete from open_hold where ctid = any(array(
        select found.row from ended cross join lateral (
            select open_hold.ctid as row from open_hold
            where open_hold.hold_id = ended.hold_id and open_hold.account = ended.account offset 0
        ) as found
    ));
    return null;
end
$$;
create trigger ended_holds_are_closed after insert on hold_end
    referencing new table as ended for each statement execute function close_ended_holds();

-- Ids of holds rise with time, so new rows of all accounts meet in the same few pages of an index.
alter table hold_part drop constraint hold_part_account_hold_id_fkey;
alter table hold drop constraint hold_pkey;
alter table hold add primary key (id, account);
alter table hold_end drop constraint hold_end_pkey;
alter table hold_end add primary key (hold_id, account);
alter table hold_part drop constraint hold_part_pkey;
alter table hold_part add primary key (hold_id, account, part);
alter table hold_part add foreign key (hold_id, account) references hold (id, account);
alter table hold_extension drop constraint hold_extension_pkey;
alter table hold_extension add primary key (hold_id, account, expires_at);
drop index hold_extension_expiry;
create index hold_extension_expiry on hold_extension (account, expires_at) where operation >= 0;

-- By account, but week by week: for balances in the past, which ask for at most three weeks.
create index hold_of_week on hold (date_bin('7 days', at, 'epoch'), account, expires_at) where amount >= 0;
drop index hold_expiring;
drop index hold_live;

-- As in 0006, but as a set of one row: such a function becomes a part of the query that uses it, and is not planned by itself
-- each time. And it reads no entry: a seal is begun after the one before it was stored, and covers all that was committed by
-- then; so the second seal after a time covers all entries up to that time.
drop function entry_range(timestamptz, timestamptz);
create function entry_range(since timestamptz, until timestamptz) returns table (after_entry bigint, last_entry bigint)
language sql stable as $$
    select
        coalesce((
            select seal.last_entry from seal where seal.at < entry_range.since order by seal.at desc, number desc limit 1
        ), 0),
        coalesce((
            select seal.last_entry from seal where seal.at > entry_range.until order by seal.at, number offset 1 limit 1
        ), 9223372036854775807)
$$;

-- By account, but every four million entries anew: for statements, and for the last entry at a moment. A ledger that is
-- smaller has one stretch. With the balances, so that a balance at a moment is read from the index alone.
create index entry_of_account on entry ((id >> 22), account, at, id) include (balance_after, bonus_after)
    where account > 0;
drop index entry_by_time;

-- A user's entries with `at <= until` and `id < before` (null: all), newest first, at most `wanted` (null: all). Stretch by
-- stretch, from the newest that the seals allow for down to the one in which the account was made. Within an account `at`
-- rises with `id`, because its batches follow each other.
create function account_entries(owner bigint, until timestamptz, before bigint, wanted bigint) returns setof entry
language sql stable as $$
    select found.* from generate_series(
        least(account_entries.before, (
            select last_entry from entry_range(account_entries.until, account_entries.until)
        ), (
            select coalesce(max(id), 0) from entry
        )) >> 22,
        coalesce((
            select after_entry from account cross join entry_range(account.created_at, account.created_at)
            where account.id = account_entries.owner
        ), 0) >> 22,
        -1
    ) as stretch cross join lateral (
        select * from entry
        where entry.id >> 22 = stretch and entry.account = account_entries.owner and entry.account > 0
            and entry.at <= account_entries.until
            and (account_entries.before is null or entry.id < account_entries.before)
        order by entry.at desc, entry.id desc limit account_entries.wanted
    ) as found
    limit account_entries.wanted
$$;

-- `account.swept` is of the release before: open holds are found without it.

grant select on open_hold to atelier_billing;
