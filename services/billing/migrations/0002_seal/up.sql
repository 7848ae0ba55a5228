-- A hash chain over the entries: each seal covers the entries after the one before it and continues its hash, so that
-- an entry that is changed, removed or slipped in later, by whomever, breaks the chain.
create table seal (
    -- 1, 2, 3 …: two instances can't both continue the same seal.
    number bigint primary key check (number > 0),
    -- The highest entry id that is covered; numbers may be missing in between, of batches that were rolled back.
    last_entry bigint not null unique,
    -- Hash of the seal before, 32 zero bytes for the first.
    previous bytea not null check (length(previous) = 32),
    hash bytea not null check (length(hash) = 32),
    at timestamptz not null default statement_timestamp()
);

-- SHA-256 of the previous hash and the entries with `after_entry < id <= last_entry`, each as a JSON array on a line.
create function seal_hash(previous bytea, after_entry bigint, last_entry bigint) returns bytea language sql stable
as $$
    select sha256(seal_hash.previous || coalesce(string_agg(
        convert_to(
            jsonb_build_array(id, transfer, account, kind, amount, bonus_amount, balance_after, memo, job_id, order_id,
                hold_id, model, variant, provider_cost_microdollars, (extract(epoch from at) * 1000000)::bigint)::text
            || E'\n', 'UTF8'),
        ''::bytea order by id), ''::bytea))
    from entry where id > seal_hash.after_entry and id <= seal_hash.last_entry
$$;

grant select, insert on seal to atelier_billing;
-- For the highest id given out so far.
grant select on sequence entry_id_seq to atelier_billing;
