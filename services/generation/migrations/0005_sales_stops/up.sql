-- Rows of price tables that are not sold because a run cost more than its price. A stop holds for the price that it was
-- made at: a new price in the model file ends it.
create table sales_stop (
    slug text not null,
    price_row text not null,
    millicredits bigint not null,
    reason text not null check (length(reason) <= 500),
    stopped_at timestamptz not null default now(),
    primary key (slug, price_row, millicredits)
);

grant select, insert on sales_stop to atelier_generation;
