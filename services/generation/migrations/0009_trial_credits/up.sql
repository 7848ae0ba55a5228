-- What a trial has cost, taken off its full run. A trial is credited to one run at a time: the row is made with the job and
-- goes when that gives no result.
create table trial_credit (
    trial_job_id uuid primary key references job,
    job_id uuid not null unique references job,
    kopecks bigint not null check (kopecks > 0),
    created_at timestamptz not null default now()
);

-- With a quote: the trial, and what of it is taken off.
alter table quote
    add column trial_job_id uuid,
    add column credit_kopecks bigint check (credit_kopecks > 0),
    add constraint credit_of_trial check ((trial_job_id is null) = (credit_kopecks is null));

-- The price of the run without the trial is price_kopecks and this.
alter table job add column credit_kopecks bigint not null default 0 check (credit_kopecks >= 0);

grant select, insert, delete on trial_credit to atelier_generation;
