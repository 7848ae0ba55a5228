-- Events as they came, by day, so that old ones leave by dropping a partition. Rows are never updated.
create sequence event_id_seq as bigint cache 1;

create table event (
    id bigint not null,
    at timestamptz not null,
    source text not null check (source in ('telegram', 'kie', 'yookassa')),
    kind text not null,
    bot text,
    update_id bigint,
    token text,
    lane text not null,
    slot integer not null check (slot between 0 and 63),
    traceparent text,
    is_malformed boolean not null default false,
    body bytea not null,
    primary key (id, at)
) partition by range (at);

create table event_rest partition of event default;

-- A consumer's backlog after a takeover: the events of a slot above a mark, in order.
create index event_slot_id on event (slot, id) where not is_malformed;

-- Dedup keys live apart from payloads and outlive them. 256 static ranges of 2^23 update ids: exact for ever, and a
-- range that has been idle for a month can be truncated.
create table seen_update (
    bot text not null,
    update_id bigint not null,
    event_id bigint not null,
    primary key (bot, update_id)
) partition by range (update_id);

do $$
begin
    for part in 0..255 loop
        execute format(
            'create table seen_update_%s partition of seen_update for values from (%s) to (%s)',
            lpad(part::text, 3, '0'), part::bigint << 23, (part + 1)::bigint << 23);
    end loop;
end
$$;

-- Update ids are below 2^31; anything else is still exact.
create table seen_update_rest partition of seen_update default;

create table seen_other (
    source text not null,
    key text not null,
    event_id bigint not null,
    at timestamptz not null default now(),
    primary key (source, key)
);

-- Which instance dispatches which lanes. Only 64 rows, changed every second: room on the page keeps updates HOT.
create table slot (
    slot integer primary key check (slot between 0 and 63),
    owner text,
    epoch bigint not null default 0,
    lease_until timestamptz not null default '-infinity',
    low_id bigint not null default 0
) with (fillfactor = 10);

insert into slot (slot) select generate_series(0, 63);

-- Events that an instance accepted for a slot of another one.
create table handover (
    slot integer not null,
    event_id bigint not null,
    primary key (slot, event_id)
);

-- Events above their slot's low_id that are handled.
create table done (
    slot integer not null,
    event_id bigint not null,
    primary key (slot, event_id)
);

-- Events that failed: waiting for another try, or dead.
create table parked (
    event_id bigint primary key,
    slot integer not null,
    attempts integer not null check (attempts > 0),
    next_at timestamptz,
    error text not null,
    is_dead boolean not null default false,
    at timestamptz not null default now(),
    check (is_dead = (next_at is null))
);

create index parked_slot on parked (slot) where not is_dead;
create index parked_dead on parked (event_id desc) where is_dead;

-- The service's role may not create or drop tables; it may ask for these two things.
create function make_event_partitions(days integer) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    day date;
begin
    perform pg_advisory_xact_lock(hashtext('make_event_partitions'));
    for ahead in 0..least(days, 30) loop
        day := (now() at time zone 'utc')::date + ahead;
        continue when to_regclass('event_' || to_char(day, 'YYYYMMDD')) is not null;
        -- A day that already has rows in the rest keeps them there.
        continue when exists (
            select from event_rest where at >= day::timestamp at time zone 'utc' and at < (day + 1)::timestamp at time zone 'utc');
        execute format(
            'create table %I partition of event for values from (%L) to (%L)', 'event_' || to_char(day, 'YYYYMMDD'),
            day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc');
    end loop;
end
$$;

create function drop_event_partitions(keep_days integer) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    part regclass;
    dropped integer := 0;
begin
    for part in
        select inhrelid::regclass from pg_inherits
        where inhparent = 'event'::regclass and inhrelid::regclass::text ~ '^event_[0-9]{8}$'
            and to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') < (now() at time zone 'utc')::date - greatest(keep_days, 2)
    loop
        execute format('drop table %s', part);
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$$;

select make_event_partitions(3);

revoke all on function make_event_partitions(integer), drop_event_partitions(integer) from public;
grant execute on function make_event_partitions(integer), drop_event_partitions(integer) to atelier_ingress;
grant usage, select on sequence event_id_seq to atelier_ingress;
grant select, insert on event, seen_update, seen_other to atelier_ingress;
grant select, update on slot to atelier_ingress;
grant select, insert, delete on handover, done to atelier_ingress;
grant select, insert, update, delete on parked to atelier_ingress;
