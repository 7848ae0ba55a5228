-- The jobs of one confirm: copies of a chain of stages, under one hold. The row is the idempotency record of its key, and
-- the lock under which its jobs report, so that of two reports the later one knows more.
create table job_group (
    group_id uuid primary key,
    key text collate "C" not null unique check (length(key) between 1 and 200),
    fingerprint bytea not null,
    user_id bigint not null,
    chat_id bigint not null,
    quote_id uuid not null,
    prompt text,
    copies integer not null check (copies between 1 and 10),
    stages integer not null check (stages between 1 and 5),
    price_kopecks bigint not null check (price_kopecks >= 0),
    -- Grows with every report.
    revision bigint not null default 0,
    created_at timestamptz not null default now()
);

alter table job
    add column group_id uuid references job_group,
    add column copy integer check (copy >= 1),
    add column copies integer,
    add column stage integer check (stage >= 1),
    add column stages integer,
    -- The input that takes the first result of the stage before.
    add column feeds text,
    -- Only where one job's hold covers others: what it is placed with.
    add column hold_kopecks bigint check (hold_kopecks >= price_kopecks),
    -- When a later stage began; null for jobs that began when they were created.
    add column began_at timestamptz,
    add constraint job_in_group check (
        group_id is null and copy is null and copies is null and stage is null and stages is null
        or copy <= copies and stage <= stages);

create unique index job_of_group on job (group_id, copy, stage) where group_id is not null;

alter table job drop constraint job_step_check;
alter table job add constraint job_step_check check (step in ('reserving', 'refused', 'planned', 'extending', 'accepted',
    'running', 'storing', 'settling', 'ended', 'late')) not valid;
alter table job validate constraint job_step_check;

-- JSON: copies and stages of a quote that is for more than one run.
alter table quote add column plan text;

grant select, insert, update on job_group to atelier_generation;
