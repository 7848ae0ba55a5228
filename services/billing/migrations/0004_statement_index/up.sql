-- no transaction
-- Statements, and balances at any moment, of users' accounts: per account, `at` rises with `id`, because batches of one
-- account follow each other. System accounts, half of all entries, are never looked up by account.
create index concurrently if not exists entry_by_time on entry (account, at, id) where account > 0;
