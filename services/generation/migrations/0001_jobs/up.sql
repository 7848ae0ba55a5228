-- A price that holds for ten minutes. The row is the idempotency record of its key.
create table quote (
    quote_id uuid primary key,
    key text collate "C" not null unique check (length(key) between 1 and 200),
    fingerprint bytea not null,
    user_id bigint not null,
    model_number integer not null,
    -- JSON: values with defaults filled in, and files.
    inputs text not null,
    price_kopecks bigint not null check (price_kopecks >= 0),
    variant text not null,
    -- What one run costs us, in millionths of a US dollar.
    provider_microdollars bigint not null check (provider_microdollars >= 0),
    -- JSON: the first answer.
    answer text not null,
    expires_at timestamptz not null,
    created_at timestamptz not null default now()
);

create index quote_expired on quote (expires_at);

-- A run: one row, one state machine, one next step. The row is the idempotency record of its key.
create table job (
    job_id uuid primary key,
    key text collate "C" not null unique check (length(key) between 1 and 200),
    fingerprint bytea not null,
    user_id bigint not null,
    chat_id bigint not null,
    quote_id uuid not null,
    model_number integer not null,
    model_slug text not null,
    model_title text not null,
    output text not null,
    inputs text not null,
    prompt text,
    price_kopecks bigint not null check (price_kopecks >= 0),
    variant text not null,
    provider_microdollars bigint not null check (provider_microdollars >= 0),
    is_free boolean not null,
    typical_seconds integer not null,
    -- Frozen, so that every repeat of the hold asks for the same.
    hold_expires_at timestamptz not null,
    hard_limit_at timestamptz not null,

    step text not null
        check (step in ('reserving', 'refused', 'accepted', 'running', 'storing', 'settling', 'ended', 'late')),
    verdict text check (verdict in ('succeeded', 'failed', 'cancelled')),
    failure text,
    attempt integer not null default 1 check (attempt >= 1),
    postponements integer not null default 0,
    is_resubmitted boolean not null default false,
    is_waiting_for_slot boolean not null default false,
    is_late boolean not null default false,
    -- When a worker should look at the job; null when nothing is left to do.
    next_at timestamptz,
    -- The newest attempt.
    attempt_id uuid,
    charged_kopecks bigint check (charged_kopecks between 0 and price_kopecks),
    -- JSON: the problem that the caller got, after a refused hold.
    refusal text,

    owner text,
    -- Grows with every claim and cancellation: a worker's write counts only under the number that it claimed with.
    fence bigint not null default 0,
    lease_until timestamptz,

    traceparent text,
    created_at timestamptz not null default now(),
    decided_at timestamptz,
    ended_at timestamptz,
    -- When conversation had answered for the last fact.
    reported_at timestamptz,

    check (verdict is null or step in ('settling', 'ended', 'late', 'storing')),
    check (step not in ('settling', 'ended') or verdict is not null),
    check (step <> 'ended' or charged_kopecks is not null)
) with (fillfactor = 70);

create index job_due on job (next_at) where next_at is not null and not is_waiting_for_slot;
create index job_submittable on job (next_at) where next_at is not null and is_waiting_for_slot;
create index job_of_user on job (user_id, created_at desc);
create index job_open on job (user_id) where step in ('reserving', 'accepted', 'running', 'storing', 'settling');
create index job_unreported on job (ended_at) where step = 'ended' and reported_at is null;

-- One createTask call. Committed before the call, so that a callback can come home whatever happens to the caller.
create table attempt (
    attempt_id uuid primary key,
    job_id uuid not null references job,
    -- The user-visible number of the try; several calls share one when limits had put them off.
    number integer not null,
    provider_key text not null,
    state text not null check (state in ('submitted', 'known', 'unknown', 'forgotten', 'succeeded', 'failed')),
    task_id text check (length(task_id) between 1 and 128),
    -- From a callback, not confirmed yet.
    hinted_task_id text check (length(hinted_task_id) between 1 and 128),
    submitted_at timestamptz not null default now(),
    -- Until when an answer or a callback is waited for.
    wait_until timestamptz not null,
    callback_at timestamptz,
    polls integer not null default 0,
    polls_after_callback integer not null default 0,
    -- Class of failure, code and text, for the operator.
    outcome text,
    failure_code integer,
    failure_text text check (length(failure_text) <= 1000),
    millicredits bigint,
    -- JSON: the files to fetch, with the asset ids that they get.
    results text,
    store_tries integer not null default 0,
    ended_at timestamptz
) with (fillfactor = 70);

-- One task belongs to one attempt: a leaked token can't adopt another user's result.
create unique index attempt_task on attempt (task_id) where task_id is not null;
create index attempt_of_job on attempt (job_id);

-- Files in the asset store: results, and inputs that users sent.
create table asset (
    asset_id uuid primary key,
    user_id bigint not null,
    job_id uuid,
    position integer,
    telegram_file_id text,
    kind text not null check (kind in ('image', 'video', 'audio', 'text')),
    mime_type text not null,
    size_bytes bigint not null check (size_bytes >= 0),
    sha256 text not null check (length(sha256) = 64),
    width integer,
    height integer,
    duration_seconds double precision,
    file_name text not null,
    -- Below the asset directory.
    path text not null,
    created_at timestamptz not null default now(),
    check ((job_id is null) = (position is null)),
    check (job_id is not null or telegram_file_id is not null)
);

create unique index asset_of_job on asset (job_id, position) where job_id is not null;
create unique index asset_of_telegram on asset (user_id, telegram_file_id) where telegram_file_id is not null;

-- Where the provider keeps a copy of an input; an account's own.
create table upload (
    asset_id uuid not null references asset,
    provider_key text not null,
    url text not null,
    uploaded_at timestamptz not null default now(),
    primary key (asset_id, provider_key)
);

-- The pace of each provider key. Named by a hash: the key itself is never stored.
create table provider_key (
    name text primary key,
    -- The last submissions, ascending.
    stamps timestamptz[] not null default '{}',
    paused_until timestamptz,
    pause_reason text,
    -- Set when the key was last in an instance's configuration.
    seen_at timestamptz not null default now()
) with (fillfactor = 10);

create table outbox (
    id bigint generated always as identity primary key,
    lane text not null,
    target text not null,
    method text not null,
    path text not null,
    key text not null,
    body bytea not null,
    traceparent text,
    attempts int not null default 0,
    next_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    answered_at timestamptz,
    answer_status int,
    answer_body bytea
);

create index outbox_lane on outbox (lane, id) where answered_at is null;
create index outbox_answered on outbox (answered_at) where answered_at is not null;

grant select, insert, delete on quote to atelier_generation;
grant select, insert, update on job, attempt, provider_key to atelier_generation;
grant select, insert on asset to atelier_generation;
grant select, insert, update, delete on upload to atelier_generation;
grant select, insert, update, delete on outbox to atelier_generation;
