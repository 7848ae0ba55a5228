-- What is known of a person can be removed on the person's wish (`EraseConversation`). Sessions stay as counters: buttons
-- and cards depend on them.
grant delete on users, jobs, orders to atelier_conversation;
