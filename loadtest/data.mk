# Benchmarks and proofs of the PostgreSQL layer, the client and telemetry.
# ROUNDS and SECONDS shorten or lengthen a benchmark: make bench-postgres ROUNDS=3 SECONDS=1

.PHONY: bench-postgres bench-client

bench-postgres: build ## Compare round trips with pgbench's, pipelined inserts with unpipelined ones
	@$(RELEASE)/loadtest-platform bench-postgres $(or $(ROUNDS),7) $(or $(SECONDS),3)

bench-client: build ## Calls a second and latency between two of our processes
	@$(RELEASE)/loadtest-platform bench-client $(or $(ROUNDS),5) $(or $(SECONDS),4)
