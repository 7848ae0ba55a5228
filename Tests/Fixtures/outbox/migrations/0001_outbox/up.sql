create table outbox (
    id bigint generated always as identity primary key, lane text not null, target text not null,
    method text not null, path text not null, key text not null, body bytea not null, traceparent text,
    attempts int not null default 0, next_at timestamptz not null default now(),
    created_at timestamptz not null default now(), answered_at timestamptz, answer_status int, answer_body bytea
);
create index outbox_lane on outbox (lane, id) where answered_at is null;
create index outbox_answered on outbox (answered_at) where answered_at is not null;
create table note (text text not null);
grant select, insert, update, delete on outbox, note to atelier_outbox;
