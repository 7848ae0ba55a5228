insert into account (id, balance, allow_negative) values (0, 0, true);
insert into account (id, balance)
select id, case when id % 2 = 1 then 90000000 else 0 end from generate_series(1, 2 * :accounts::bigint) as id;
