-- The provider limits an account, not a key: submissions of all keys of an account share one pace.
create table provider_account (
    -- As the operator calls it, or the only key's name.
    name text primary key,
    -- The last submissions, ascending.
    stamps timestamptz[] not null default '{}',
    paused_until timestamptz,
    pause_reason text,
    -- Rests in a row without a submission in between that went well; each doubles the next one.
    strikes integer not null default 0 check (strikes >= 0),
    seen_at timestamptz not null default now()
) with (fillfactor = 10);

-- What a key may spend is counted by day (UTC), at what the price table says a submission costs.
alter table provider_key
    add column strikes integer not null default 0 check (strikes >= 0),
    add column spent_on date,
    add column spent_microdollars bigint not null default 0 check (spent_microdollars >= 0),
    add column used_at timestamptz;

-- A higher tier's job goes first among jobs that have the same turn.
alter table job add column priority smallint not null default 0 check (priority between 0 and 9);

-- Jobs under way count against their user's limit.
create index job_busy on job (user_id) where step in ('running', 'storing') and not is_waiting_for_slot;

grant select, insert, update on provider_account to atelier_generation;
