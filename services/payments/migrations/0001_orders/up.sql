-- Orders, payments that belong to no order, the reconciliation's mark, and the outbox.

create table orders (
    order_id uuid primary key,
    user_id bigint not null check (user_id > 0),
    chat_id bigint not null,
    amount_kopecks bigint not null check (amount_kopecks > 0),
    rail text not null check (rail in ('yookassa', 'stars')),
    -- Whole Stars of the invoice.
    stars bigint check (stars > 0),
    state text not null check (state in ('creating', 'pending', 'paid', 'credited', 'canceled')),
    -- The call that made the order; the same key with another fingerprint is refused.
    call_key text not null,
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    -- What is sent to the provider: stored before the first call, never changed.
    provider_key text not null,
    provider_body bytea not null,
    -- The payment's id at its provider; one payment pays one order.
    payment_id text,
    pay_url text,
    -- Why the order was canceled, in the provider's words or ours.
    cancel_reason text,
    -- Tries of what the state waits for.
    attempts integer not null default 0,
    -- When a worker looks at the order again; null when nothing is left to do. Also the lease of who works on it.
    next_at timestamptz,
    -- When the provider was last asked about the payment.
    read_at timestamptz,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    check ((rail = 'stars') = (stars is not null)),
    check (state <> 'pending' or rail = 'stars' or payment_id is not null),
    check (state not in ('paid', 'credited') or payment_id is not null),
    -- No state without an exit: an order that has not ended is always looked at again.
    check (state in ('credited', 'canceled') or next_at is not null)
) with (fillfactor = 80);

create unique index orders_call on orders (call_key);
create unique index orders_payment on orders (rail, payment_id) where payment_id is not null;
create index orders_due on orders (next_at) where next_at is not null;
create index orders_user on orders (user_id, created_at);

-- Money or notices that fit no order: another shop's, a forged notification's, a doubled payment's, a refund's. Kept for
-- the operator; never credited by themselves.
create table stray_payment (
    rail text not null check (rail in ('yookassa', 'stars')),
    reference text not null,
    reason text not null,
    user_id bigint,
    order_id uuid,
    amount text not null default '',
    currency text not null default '',
    -- What was read or received, as JSON text.
    content text not null,
    times integer not null default 1,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    resolved_at timestamptz,
    primary key (rail, reference, reason)
);

create index stray_payment_open on stray_payment (first_seen_at) where resolved_at is null;

-- One row: when the provider's list is compared next, and by whom it is leased meanwhile.
create table reconciliation (
    name text primary key,
    next_at timestamptz not null,
    done_at timestamptz
);

insert into reconciliation (name, next_at) values ('yookassa', now());

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

-- Orders and strays are evidence: the service can't delete them, and can't change what was asked for.
grant select, insert on orders, stray_payment to atelier_payments;
grant update (state, payment_id, pay_url, cancel_reason, attempts, next_at, read_at, ended_at)
    on orders to atelier_payments;
grant update (times, last_seen_at, resolved_at) on stray_payment to atelier_payments;
grant select, update on reconciliation to atelier_payments;
grant select, insert, update, delete on outbox to atelier_payments;
