-- Models that the provider has failed at lately; see Domain/ModelHealth.swift.
create table model_health (
    slug text primary key,
    failures integer not null default 0 check (failures >= 0),
    rests integer not null default 0 check (rests >= 0),
    hidden_until timestamptz,
    changed_at timestamptz not null default now()
) with (fillfactor = 50);

grant select, insert, update on model_health to atelier_generation;
