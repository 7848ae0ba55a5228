-- Seals that can name the row: a short digest of each entry beside the chain, and running sums for the trial balance.
alter table seal add column version smallint not null default 1;
-- 16 bytes for each entry in the order of ids: its id and the start of its digest. Null for version 1.
alter table seal add column digests bytea;
-- What the accounts had after this seal: all users first, then system accounts −1, −2, …; null for version 1.
alter table seal add column sums bigint[];
create index seal_time on seal (at);

-- Length and bytes, so that no two rows have one text; `-` for null.
create function netstring(value text) returns text language sql immutable parallel safe as $$
    select coalesce(octet_length(value)::text || ':' || value || ',', '-,')
$$;

-- SHA-256 over all of an entry but its id, in the order of the table's columns. The same is computed by
-- `atelier ledger verify`, outside of the database.
create function entry_digest(entry entry) returns bytea language sql stable parallel safe as $$
    select sha256(convert_to(
        netstring((entry).transfer::text) || netstring((entry).account::text) || netstring((entry).kind)
            || netstring((entry).amount::text) || netstring((entry).bonus_amount::text)
            || netstring((entry).balance_before::text) || netstring((entry).balance_after::text)
            || netstring((entry).bonus_after::text) || netstring((entry).memo) || netstring((entry).job_id::text)
            || netstring((entry).order_id::text) || netstring((entry).hold_id::text) || netstring((entry).part)
            || netstring((entry).model) || netstring((entry).variant)
            || netstring((entry).provider_cost_microdollars::text)
            || netstring((extract(epoch from (entry).at) * 1000000)::bigint::text),
        'UTF8'))
$$;

-- Sums of the entries with `after_entry < id <= last_entry` by account: users, −1, −2, … −15.
create function entry_sums(after_entry bigint, last_entry bigint) returns bigint[] language sql stable as $$
    select array_agg(coalesce(sums.amount, 0) order by slots.slot)
    from generate_series(0, 15) as slots(slot)
    left join (
        select greatest(-account, 0) as slot, sum(amount)::bigint as amount from entry
        where id > entry_sums.after_entry and id <= entry_sums.last_entry group by 1
    ) as sums using (slot)
$$;

-- The hash and digests of a seal of version 2: SHA-256 of the previous hash, then id and digest of each entry.
create function seal_block(previous bytea, after_entry bigint, last_entry bigint, out hash bytea, out digests bytea)
language sql stable as $$
    select sha256(seal_block.previous || coalesce(string_agg(int8send(id) || digest, ''::bytea order by id), ''::bytea)),
        coalesce(string_agg(int8send(id) || substr(digest, 1, 8), ''::bytea order by id), ''::bytea)
    from (
        select id, entry_digest(entry) as digest from entry
        where id > seal_block.after_entry and id <= seal_block.last_entry
        offset 0
    ) as sealed
$$;

-- Bounds of ids for entries of a time: `after_entry < id <= last_entry` holds for every entry with
-- `since <= at < until`, and for few others. What a seal covers was committed before it; and ids follow time but for
-- the length of a statement.
create function entry_range(since timestamptz, until timestamptz, out after_entry bigint, out last_entry bigint)
language sql stable as $$
    select
        coalesce((
            select seal.last_entry from seal where seal.at < entry_range.since order by seal.at desc, number desc limit 1
        ), 0),
        coalesce((
            select seal.last_entry from seal join entry on entry.id = seal.last_entry
            where seal.at > entry_range.until and entry.at > entry_range.until + interval '2 minutes'
            order by seal.at, number limit 1
        ), 9223372036854775807)
$$;
