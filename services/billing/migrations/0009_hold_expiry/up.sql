-- Queries for expired holds use `hold_expiring`; with both indexes the planner takes this one for single holds.
drop index hold_expiry;
