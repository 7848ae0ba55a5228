# Benchmarks and proofs of the ledger; the code is in loadtest/Sources/Billing and services/billing/Tests.

.PHONY: ledger-build bench-ledger bench-ledger-growth chaos-billing sim-ledger

# Only what these targets need is built, as the image has it (deploy/Dockerfile), in a folder of its own, so that other
# builds keep theirs.
LEDGER = $(SCRATCH)/billing
LEDGER_BUILD = ATELIER_ONLY=billing $(SWIFT) build -c release --static-swift-stdlib --scratch-path $(LEDGER) --no-color-diagnostics
SLOW_FSYNC = $(CURDIR)/$(LEDGER)/slow_fsync.so

$(LEDGER)/slow_fsync.so: loadtest/shim/slow_fsync.c | deps
	@mkdir -p $(LEDGER)
	$(dir $(SWIFT))clang -std=gnu11 -Wall -Wextra -Werror -O2 -shared -fPIC -o $@ $<

ledger-build: deps swift
	$(LEDGER_BUILD) --product billing
	$(LEDGER_BUILD) --product loadtest-billing

bench-ledger: ledger-build $(LEDGER)/slow_fsync.so ## Measure the ledger beside others (ROW_SECONDS=10)
	$(LEDGER)/release/loadtest-billing bench-ledger $(SLOW_FSYNC)

bench-ledger-growth: ledger-build ## Measure the ledger with a past (GROWTH_ENTRIES=50000000 takes 35 GB, ROW_SECONDS=60)
	$(LEDGER)/release/loadtest-billing bench-ledger-growth

chaos-billing: ledger-build ## Kill billing and PostgreSQL under load (CHAOS_KILLS=60, CHAOS_SEED repeats the choices)
	$(LEDGER)/release/loadtest-billing chaos-billing

# Tests see internals, which a release build hides unless told otherwise; hence a folder of its own.
sim-ledger: deps swift ## Walk the ledger's rules through SIM_SEQUENCES=100000 sequences, and crashes (SIM_SEED)
	ATELIER_ONLY=billing $(SWIFT) build -c release -Xswiftc -enable-testing --build-tests \
		--scratch-path $(LEDGER)-testing --no-color-diagnostics
	@ATELIER_ONLY=billing SIM_SEQUENCES=$${SIM_SEQUENCES:-100000} SIM_RUNS=$${SIM_RUNS:-5000} $(SWIFT) test -c release \
		-Xswiftc -enable-testing --skip-build --disable-xctest --scratch-path $(LEDGER)-testing \
		--filter 'LedgerPropertyTests|MutantTests|LedgerSimulationTests' > $(LEDGER)-testing/sim-ledger.log 2>&1; code=$$?; \
		grep -E '^  |^ledger|^mutant|^blunder|✘|Test run' $(LEDGER)-testing/sim-ledger.log; \
		grep '^{"bench"' $(LEDGER)-testing/sim-ledger.log; exit $$code
