-- What changes with every event is only appended to from now on; what is passed leaves by TRUNCATE or DROP.

-- Dedup keys of updates: ranges of 2^23 ids as before, but made when the first id of a range comes. 256 ranges of which
-- three are used cost every copy of the database a thousand files.
do $$
declare
    part text;
    is_used boolean;
begin
    for part in
        select inhrelid::regclass::text from pg_inherits
        where inhparent = 'seen_update'::regclass and inhrelid::regclass::text <> 'seen_update_rest'
    loop
        execute format('select exists (select from %s)', part) into is_used;
        if not is_used then execute format('drop table %s', part); end if;
    end loop;
end
$$;

-- Dedup keys of the others: few, so that all months are looked at under a lock on the key, and old months can be dropped.
alter table seen_other rename to seen_other_before;

create table seen_other (
    source text not null,
    key text not null,
    month date not null check (extract(day from month) = 1),
    event_id bigint not null,
    primary key (source, key, month)
) partition by range (month);

create table seen_other_rest partition of seen_other default;

-- The first id of a day, or one soon after it: tells how old a dedup key is after its event is gone.
create table event_day (
    day date primary key,
    first_id bigint not null
);

-- The owner reads backlogs by id; an index by slot cost more on each event than a takeover gains by it.
drop index event_slot_id;

-- Long bodies, such as callbacks that echo a prompt, are compressed on their way in: lz4 takes a third of the time.
do $$
begin
    alter table event alter column body set compression lz4;
exception when feature_not_supported then null;
end
$$;

-- open: ids up to low_id that are not handled yet, few. read_id: up to here the owner knows what others handed over.
alter table slot add open bigint[] not null default '{}', add read_id bigint not null default 0;

-- Two halves take turns: one is written while the other waits until the marks have passed it, and is then truncated.
create table half (
    name text primary key,
    active smallint not null default 0 check (active in (0, 1)),
    since timestamptz not null default now()
) with (fillfactor = 50);

insert into half (name) values ('done'), ('handover');

-- What is not passed yet moves into the new form: one row for many events, without any index.
alter table done rename to done_before;

create table done (
    half smallint not null,
    ids bigint[] not null
) partition by list (half);

create table done_0 partition of done for values in (0);
create table done_1 partition of done for values in (1);

insert into done (half, ids) select 0, array_agg(event_id) from done_before having count(*) > 0;
drop table done_before;

create view done_event as select unnest(ids) as event_id from done;

alter table handover rename to handover_before;

create table handover (
    half smallint not null,
    event_id bigint not null,
    slot integer not null,
    primary key (event_id, half)
) partition by list (half);

create table handover_0 partition of handover for values in (0);
create table handover_1 partition of handover for values in (1);

insert into handover (half, event_id, slot) select 0, event_id, slot from handover_before;
drop table handover_before;

-- A dead letter that was revived: its slot's owner looks for it, since all marks have passed it.
alter table parked add is_revived boolean not null default false;
alter table parked drop constraint parked_attempts_check, add check (attempts >= 0);
create index parked_revived on parked (slot) where is_revived;

-- The service's role may not create or drop tables; it may ask for these things.
create function make_seen_partition(part integer) returns void
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
    name text := 'seen_update_' || lpad(part::text, 3, '0');
begin
    if part not between 0 and 255 then return; end if;
    perform pg_advisory_xact_lock(hashtext('make_seen_partition'));
    if to_regclass(name) is not null then return; end if;
    lock table seen_update in access exclusive mode;
    -- A range that already has rows in the rest keeps them there.
    if exists (
        select from seen_update_rest where update_id >= part::bigint << 23 and update_id < (part + 1)::bigint << 23)
    then return; end if;
    execute format(
        'create table %I partition of seen_update for values from (%s) to (%s)',
        name, part::bigint << 23, (part + 1)::bigint << 23);
end
$$;

-- Drops ranges and months whose keys are all older than keep_days. A range in use is found out by its first rows.
create function drop_seen_partitions(keep_days integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
    today date := (now() at time zone 'utc')::date;
    horizon bigint;
    part regclass;
    newest bigint;
    dropped integer := 0;
begin
    select first_id into horizon from event_day
    where day <= today - greatest(keep_days, 30) order by day desc limit 1;
    if horizon is null then return 0; end if;
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'seen_update'::regclass loop
        execute format('select event_id from %s where event_id >= $1 limit 1', part) into newest using horizon;
        continue when newest is not null;
        execute format('select event_id from %s limit 1', part) into newest;
        continue when newest is null;
        lock table seen_update in access exclusive mode;
        execute format('select event_id from %s where event_id >= $1 limit 1', part) into newest using horizon;
        continue when newest is not null;
        if part = 'seen_update_rest'::regclass then
            truncate seen_update_rest;
        else
            execute format('drop table %s', part);
        end if;
        dropped := dropped + 1;
    end loop;
    for part in
        select inhrelid::regclass from pg_inherits
        where inhparent = 'seen_other'::regclass and inhrelid::regclass::text ~ '^seen_other_[0-9]{6}$'
            and to_date(right(inhrelid::regclass::text, 6), 'YYYYMM') + interval '1 month'
                <= today - greatest(keep_days, 30)
    loop
        execute format('drop table %s', part);
        dropped := dropped + 1;
    end loop;
    delete from event_day where day < today - greatest(keep_days, 30) - 31;
    return dropped;
end
$$;

-- Partitions for the days and months ahead, and today's first id.
create or replace function make_event_partitions(days integer) returns void
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
    today date := (now() at time zone 'utc')::date;
    day date;
    first date;
begin
    perform pg_advisory_xact_lock(hashtext('make_event_partitions'));
    insert into event_day (day, first_id) select today, last_value from event_id_seq on conflict do nothing;
    for ahead in 0..least(days, 30) loop
        day := today + ahead;
        continue when to_regclass('event_' || to_char(day, 'YYYYMMDD')) is not null;
        -- A day that already has rows in the rest keeps them there.
        continue when exists (
            select from event_rest where at >= day::timestamp at time zone 'utc' and at < (day + 1)::timestamp at time zone 'utc');
        execute format(
            'create table %I partition of event for values from (%L) to (%L)', 'event_' || to_char(day, 'YYYYMMDD'),
            day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc');
    end loop;
    foreach first in array array[date_trunc('month', today)::date, (date_trunc('month', today) + interval '1 month')::date]
    loop
        continue when to_regclass('seen_other_' || to_char(first, 'YYYYMM')) is not null;
        continue when exists (select from seen_other_rest where month = first);
        execute format(
            'create table %I partition of seen_other for values from (%L) to (%L)',
            'seen_other_' || to_char(first, 'YYYYMM'), first, (first + interval '1 month')::date);
    end loop;
end
$$;

-- Lets the halves take turns. The waiting half is truncated once every slot's owner has moved its mark past all of it and
-- has done so after the other half became the active one; then, at the earliest `seconds` later, they change places.
create function turn_halves(seconds double precision) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms' as $$
declare
    turn record;
    waiting text;
    newest bigint;
    passed bigint;
    truncated integer := 0;
begin
    if not pg_try_advisory_xact_lock(hashtext('turn_halves')) then return 0; end if;
    for turn in select name, active, since from half order by name loop
        waiting := format('%s_%s', turn.name, 1 - turn.active);
        execute case turn.name
            when 'done' then format('select max(id) from %s, unnest(ids) as id', waiting)
            else format('select max(event_id) from %s', waiting) end into newest;
        if newest is not null then
            -- A lease lives 3 s from its renewal, which moved the marks too.
            select min(case turn.name when 'done' then low_id else read_id end) into passed
            from slot having min(lease_until) > turn.since + interval '4 seconds';
            continue when passed is null or passed < newest;
            begin
                execute format('truncate %s', waiting);
                truncated := truncated + 1;
            exception when lock_not_available then continue;
            end;
        end if;
        update half set active = 1 - active, since = clock_timestamp()
        where name = turn.name and since < clock_timestamp() - make_interval(secs => seconds);
    end loop;
    return truncated;
end
$$;

select make_event_partitions(3);

insert into seen_other (source, key, month, event_id)
select source, key, date_trunc('month', at at time zone 'utc')::date, event_id from seen_other_before;
drop table seen_other_before;

revoke all on function make_seen_partition(integer), drop_seen_partitions(integer), turn_halves(double precision)
from public;
grant execute on function make_seen_partition(integer), drop_seen_partitions(integer), turn_halves(double precision)
to atelier_ingress;
grant select, insert on seen_other, done, handover to atelier_ingress;
grant select on done_event, half, event_day to atelier_ingress;
