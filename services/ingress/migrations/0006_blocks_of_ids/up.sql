-- A number of the sequence is the last id of a block of 512: a flight takes one number for all of its events. An instance of
-- the version before takes one number for each event, which is an id that is in nobody else's block.
alter sequence event_id_seq increment by 512;

-- The first number that a new sequence gives is not one step from anything: the first block ends there.
select setval('event_id_seq', 512, false) from event_id_seq where not is_called;

-- Ids of handled events lie here for seconds: to compress them costs more than it saves.
alter table done alter column ids set storage external;
