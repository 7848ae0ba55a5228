-- Runs of the last days by model and variant ('' for all variants), computed anew every few minutes.
create table model_statistics (
    slug text not null,
    variant text not null,
    succeeded integer not null check (succeeded >= 0),
    failed integer not null check (failed >= 0),
    p50_seconds double precision not null,
    p90_seconds double precision not null,
    primary key (slug, variant)
);

-- One row: when that was.
create table model_statistics_run (
    is_only boolean primary key default true check (is_only),
    computed_at timestamptz not null
);

create index job_ended on job (ended_at) where step = 'ended';

-- What the provider's catalogue calls say about a model; see Work/ProviderSync.swift.
create table provider_view (
    slug text primary key,
    -- JSON: price text, members of the request.
    view text,
    -- Share of runs that went well in the last day; null where the provider says nothing.
    success_percent integer check (success_percent between 0 and 100),
    -- What differs from what was approved, in words and by kind.
    findings text[] not null default '{}',
    kinds text[] not null default '{}',
    -- When an instance set out to look; the look itself takes seconds.
    looked_at timestamptz,
    read_at timestamptz
) with (fillfactor = 50);

-- One row: when the provider takes the next of these calls. All instances share its budget.
create table provider_budget (
    is_only boolean primary key default true check (is_only),
    next_at timestamptz not null
) with (fillfactor = 10);

-- Suggestions of words: the idempotency record of a key, and what a user's day is counted by.
create table prompt_help (
    key text collate "C" primary key check (length(key) between 1 and 200),
    fingerprint bytea not null,
    user_id bigint not null,
    -- JSON: the first answer.
    answer text not null,
    created_at timestamptz not null default now()
);

create index prompt_help_of_user on prompt_help (user_id, created_at);
create index prompt_help_age on prompt_help (created_at);

grant select, insert, delete on prompt_help to atelier_generation;
grant select, insert, update, delete on model_statistics, model_statistics_run, provider_view to atelier_generation;
grant select, insert, update on provider_budget to atelier_generation;
