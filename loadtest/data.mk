# Benchmarks and proofs of the PostgreSQL layer, the client and telemetry.
# ROUNDS and SECONDS shorten or lengthen a benchmark: make bench-postgres ROUNDS=3 SECONDS=1

.PHONY: bench-postgres bench-client chaos-network check-metrics check-logs promtool

bench-postgres: build ## Compare round trips with pgbench's, pipelined inserts with unpipelined ones
	@$(RELEASE)/loadtest-platform bench-postgres $(or $(ROUNDS),7) $(or $(SECONDS),3)

bench-client: build ## Calls a second and latency between two of our processes
	@$(RELEASE)/loadtest-platform bench-client $(or $(ROUNDS),5) $(or $(SECONDS),4)

chaos-network: build ## Put bad networks around billing and compare its books (SECONDS=60, SEED=…)
	@$(RELEASE)/loadtest-platform chaos-network $(or $(SECONDS),60) $(SEED)

check-metrics: build promtool ## Give every process's metrics to promtool, on a running system
	@$(RELEASE)/loadtest-platform check-metrics

check-logs: build ## Look for secrets, prompts and names in everything that a running system logs
	@$(RELEASE)/loadtest-platform check-logs

promtool:
	@$(MAKE) --no-print-directory deps PACKAGES=prometheus

# The modules whose tests run under the sanitizers: everything that services share.
SANITIZED_MODULES := atelier,Time,Concurrency,Configuration,Telemetry,Cryptography,HTTP,EventLoop,Lifecycle,HTTPServer,HTTPClient,Postgres,FaultProxy,ServiceKit,Jobs
SANITIZED_TESTS := ^(Time|Concurrency|Configuration|Telemetry|Cryptography|HTTP|EventLoop|Lifecycle|HTTPServer|HTTPClient|Postgres|FaultProxy|ServiceKit|Jobs)Tests\.

SANITIZE = ATELIER_ONLY=$(SANITIZED_MODULES) $(SWIFT)
# The call and its flags; the folder is that of `make tsan` and `make asan`.
sanitized = $(SANITIZE) build --build-tests $(2) --scratch-path $(SCRATCH)-$(1) --no-color-diagnostics && \
	ATELIER_ONLY=$(SANITIZED_MODULES) $(SCRATCH)-$(1)/debug/atelier test-cluster $(SWIFT) test --skip-build --disable-xctest \
		$(2) --scratch-path $(SCRATCH)-$(1) --no-color-diagnostics --filter '$(SANITIZED_TESTS)'

.PHONY: sanitize-platform sanitize-threads sanitize-memory
sanitize-platform: sanitize-threads sanitize-memory ## Run the platform's tests under ThreadSanitizer and AddressSanitizer

sanitize-threads: deps swift
	$(call sanitized,tsan,--sanitize thread)

sanitize-memory: deps swift
	$(call sanitized,asan,--sanitize address -Xswiftc -use-ld=lld)
