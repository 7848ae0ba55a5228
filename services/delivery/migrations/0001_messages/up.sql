-- A chat is a lane: one message at a time, in order, by whoever holds the lease.
create table chat (
    chat_id bigint primary key,
    -- Counts what was ever put into the lane, so that "nothing is left" can be said without missing a newcomer.
    enqueued bigint not null default 0,
    -- When the lane may have something to do; null while nothing waits, or all that waits is parked.
    next_at timestamptz,
    -- After a 429 or trouble with Telegram.
    paused_until timestamptz,
    -- The user has blocked the bot (or the chat is gone) since then; what waits is parked.
    blocked_at timestamptz,
    blocked_reason text,
    -- When that was last seen; something new ten minutes later tries the chat again, should the news of the user's
    -- return have been lost.
    probed_at timestamptz,
    -- Theoretical arrival time of the chat's pace.
    arrival timestamptz not null default 'epoch',
    owner text,
    epoch bigint not null default 0,
    lease_until timestamptz,
    -- A group that became a supergroup.
    moved_to bigint
) with (fillfactor = 50);

create index chat_due on chat (next_at) where next_at is not null;
create index chat_blocked on chat (blocked_at) where blocked_at is not null;

create sequence message_position as bigint cache 1;

-- A message (sent once) or a card (edited in place). The row is the idempotency record of its key.
create table message (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('card', 'message')),
    chat_id bigint not null,
    key text collate "C" not null check (length(key) between 1 and 200),
    -- Of the first call; messages only.
    fingerprint bytea,
    position bigint not null default nextval('message_position'),
    -- 'blocked' is not a state here: a queued message of a blocked chat is.
    state text not null default 'queued' check (state in ('queued', 'sending', 'sent', 'unknown', 'failed')),
    revision bigint not null default 0,
    -- JSON as the caller sent it; null once a message is over.
    content text,
    reply_to bigint,
    is_silent boolean not null default false,
    is_repost boolean not null default false,
    -- JSON: what is known of the message in the chat.
    progress text not null default '{}',
    -- The call that is under way, or that a dead process was making.
    step text,
    -- Grows with every call begun; an answer counts only for the call that it belongs to.
    attempts integer not null default 0,
    due_at timestamptz not null default now(),
    failure text,
    traceparent text,
    created_at timestamptz not null default now(),
    queued_at timestamptz not null default now(),
    settled_at timestamptz,
    check (kind = 'message' or fingerprint is null),
    check (state not in ('queued', 'sending') or content is not null)
) with (fillfactor = 70);

create unique index message_key on message (key) where kind = 'message';
create unique index message_card on message (chat_id, key) where kind = 'card';
create index message_lane on message (chat_id, position) where state in ('queued', 'sending');
create index message_waiting on message (queued_at) where state in ('queued', 'sending');

-- What all instances share about the bot: its pace.
create table bot (
    id smallint primary key check (id = 1),
    arrival timestamptz not null default 'epoch',
    paused_until timestamptz not null default 'epoch',
    slowness double precision not null default 1 check (slowness >= 1),
    slowed_at timestamptz not null default 'epoch'
) with (fillfactor = 10);

insert into bot (id) values (1);

-- Files that Telegram has: sent again without bytes. Ids belong to one bot.
create table telegram_file (
    bot_id bigint not null,
    sha256 text collate "C" not null,
    form text not null,
    file_id text not null,
    stored_form text not null,
    at timestamptz not null default now(),
    primary key (bot_id, sha256, form)
);

grant select, insert, update on chat, message to atelier_delivery;
grant delete on message to atelier_delivery;
grant usage, select on sequence message_position to atelier_delivery;
grant select, update on bot to atelier_delivery;
grant select, insert, update, delete on telegram_file to atelier_delivery;
