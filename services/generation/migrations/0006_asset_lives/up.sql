-- Files live for as long as the operator says: results after they were made, inputs after they were last used.
alter table asset add column used_at timestamptz not null default now();
create index asset_result_age on asset (used_at) where job_id is not null;
create index asset_input_age on asset (used_at) where job_id is null;
create index asset_of_user on asset (user_id);

-- The provider's copy is forgotten with the file.
alter table upload drop constraint upload_asset_id_fkey,
    add constraint upload_asset_id_fkey foreign key (asset_id) references asset on delete cascade;

-- Bytes whose rows are gone: written in the transaction that deletes the row, removed when the store has let go.
create table asset_removal (
    path text primary key,
    asked_at timestamptz not null default now()
);

-- Users who asked for everything to be removed and had jobs under way; the rest goes when these end.
create table erasure (
    user_id bigint primary key,
    asked_at timestamptz not null default now()
);

-- Set where a job's words and files were removed on its user's wish.
alter table job add column erased_at timestamptz;

grant update, delete on asset to atelier_generation;
grant delete on quote to atelier_generation;
grant select, insert, update, delete on asset_removal, erasure to atelier_generation;
