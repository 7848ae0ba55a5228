-- Rows are keyed by user or chat first, so that the database can be sharded by them later.

create table users (
    user_id    bigint primary key,
    -- UserSettings as JSON: language, confirm limit, payload of the first deep link.
    settings   jsonb not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Where a user stands in a chat. In a private chat both ids are the same.
create table sessions (
    chat_id    bigint not null,
    user_id    bigint not null,
    -- Grows with every commit; a writer that read an older one starts over.
    revision   bigint not null check (revision > 0),
    -- Session as JSON, drafts included.
    state      jsonb not null check (jsonb_typeof(state) = 'object'),
    updated_at timestamptz not null default now(),
    primary key (chat_id, user_id)
) with (fillfactor = 70);

-- What has been decided on: a second delivery of the same thing changes nothing. Kept for 30 days: ingress stops
-- repeating, and reporters give up, long before.
create table seen_events (
    -- update:<ingress event id>, fact:<fact id>, answer:<outbox id>.
    key        text collate "C" primary key,
    decided_at timestamptz not null default now()
);
create index seen_events_age on seen_events using brin (decided_at);

-- Jobs that were sent off: what to repeat and what the user has been told.
create table jobs (
    user_id    bigint not null,
    job_id     uuid not null,
    -- The low 47 bits of the id: eight characters in a button.
    short      bigint not null,
    chat_id    bigint not null,
    -- KnownJob.Progress: never moves back.
    progress   integer not null,
    -- KnownJob as JSON.
    state      jsonb not null check (jsonb_typeof(state) = 'object'),
    created_at timestamptz not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, job_id)
) with (fillfactor = 70);
create index jobs_short on jobs (user_id, short);

-- Top-up orders that were asked for.
create table orders (
    user_id    bigint not null,
    order_id   uuid not null,
    short      bigint not null,
    chat_id    bigint not null,
    -- KnownOrder as JSON.
    state      jsonb not null check (jsonb_typeof(state) = 'object'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (user_id, order_id)
);
create index orders_short on orders (user_id, short);

-- Answers to our commands that still have to be decided on, written in the transaction that marks the command answered.
create table answers (
    -- The command's key; one command has one answer.
    key        text collate "C" primary key,
    -- CommandAnswer as JSON.
    answer     jsonb not null,
    user_id    bigint not null,
    chat_id    bigint not null,
    attempts   integer not null default 0,
    -- When the next instance may take it; moved ahead by whoever takes it.
    next_at    timestamptz not null default now(),
    created_at timestamptz not null default now()
);
create index answers_due on answers (next_at);

-- Commands to other services, see docs/adr/0005.
create table outbox (
    id            bigint generated always as identity primary key,
    lane          text not null,
    target        text not null,
    method        text not null,
    path          text not null,
    key           text not null,
    body          bytea not null,
    traceparent   text,
    attempts      int not null default 0,
    next_at       timestamptz not null default now(),
    created_at    timestamptz not null default now(),
    answered_at   timestamptz,
    answer_status int,
    answer_body   bytea
);
create index outbox_lane on outbox (lane, id) where answered_at is null;
create index outbox_answered on outbox (answered_at) where answered_at is not null;

grant select, insert, update on users, sessions, jobs, orders to atelier_conversation;
grant select, insert, delete on seen_events to atelier_conversation;
grant select, insert, update, delete on answers, outbox to atelier_conversation;
