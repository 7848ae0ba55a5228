-- A dead letter whose event is gone can neither be shown nor replayed: it leaves with the partition.
create or replace function drop_event_partitions(keep_days integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
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
    if dropped > 0 then
        delete from parked where not exists (select from event where event.id = parked.event_id);
    end if;
    return dropped;
end
$$;

-- A day's first id is noted up to an hour after midnight, so that what came before it may be keep_days old less that hour:
-- the day after counts. A range that is looked through for the last time takes no new keys meanwhile, and no other one waits.
create or replace function drop_seen_partitions(keep_days integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
    today date := (now() at time zone 'utc')::date;
    horizon bigint;
    part regclass;
    pages bigint;
    newest bigint;
    dropped integer := 0;
begin
    select first_id into horizon from event_day
    where day < today - greatest(keep_days, 30) order by day desc limit 1;
    if horizon is null then return 0; end if;
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'seen_update'::regclass loop
        execute format('select event_id from %s limit 1', part) into newest;
        continue when newest is null;
        -- Keys are only appended: the last pages of a range in use say that it is.
        pages := pg_relation_size(part) / current_setting('block_size')::bigint;
        execute format('select event_id from %s where ctid >= $1 and event_id >= $2 limit 1', part)
            into newest using format('(%s,0)', greatest(pages - 64, 0))::tid, horizon;
        continue when newest is not null;
        execute format('select event_id from %s where event_id >= $1 limit 1', part) into newest using horizon;
        continue when newest is not null;
        execute format('lock table %s in share mode', part);
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

delete from parked where not exists (select from event where event.id = parked.event_id);
