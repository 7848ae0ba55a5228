-- What the operator's changing calls did, by their Idempotency-Key: the first answer is given again.
create table operator_call (
    key text primary key,
    fingerprint bytea not null,
    answer jsonb,
    at timestamptz not null default now()
);

create index operator_call_at on operator_call (at);

-- Lists undecodable events without looking at all others; costs nothing for an event that is none.
create index event_malformed on event (id) where is_malformed;

grant select, insert, update, delete on operator_call to atelier_ingress;
