-- How often a task was said to have succeeded without any file; polls of running ones count in polls only.
alter table attempt add column empty_readings integer not null default 0;
