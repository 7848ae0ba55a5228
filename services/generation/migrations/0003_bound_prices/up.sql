-- Whether a job's price is the most that it can cost, settled by what the provider reports.
alter table job add column is_bound boolean not null default false;

-- For the day's budget of free runs.
create index job_free on job (created_at) where is_free;
