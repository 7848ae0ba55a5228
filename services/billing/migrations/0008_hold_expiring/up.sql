-- no transaction
-- The same as `hold_expiry`, but only for those who ask with `amount >= 0`, which every row keeps. Without a condition the
-- planner takes either index of an account that has many holds to find one of them by its id.
create index concurrently if not exists hold_expiring on hold (account, expires_at) where amount >= 0;
