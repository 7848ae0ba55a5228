-- Who lives, also without a slot: a new instance owns none until the others make room for it.
create table instance (
    name text primary key,
    alive_until timestamptz not null
) with (fillfactor = 50);

grant select, insert, update, delete on instance to atelier_ingress;
