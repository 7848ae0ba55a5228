insert into wallet (id, balance) select id, 90000000 from generate_series(1, :accounts::bigint) as id;
