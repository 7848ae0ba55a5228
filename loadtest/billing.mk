# Benchmarks and proofs of the ledger; the code is in loadtest/Sources/Billing and services/billing/Tests.

.PHONY: bench-ledger

# Only what these targets need is built, in a folder of its own, so that other builds keep theirs.
LEDGER = $(SCRATCH)/billing
LEDGER_BUILD = ATELIER_ONLY=billing $(SWIFT) build -c release --scratch-path $(LEDGER) --no-color-diagnostics
SLOW_FSYNC = $(CURDIR)/$(LEDGER)/slow_fsync.so

$(LEDGER)/slow_fsync.so: loadtest/shim/slow_fsync.c | deps
	@mkdir -p $(LEDGER)
	$(dir $(SWIFT))clang -std=gnu11 -Wall -Wextra -Werror -O2 -shared -fPIC -o $@ $<

ledger-build: deps swift
	$(LEDGER_BUILD) --product billing
	$(LEDGER_BUILD) --product loadtest-billing

bench-ledger: ledger-build $(LEDGER)/slow_fsync.so ## Measure the ledger beside others (ROW_SECONDS=10)
	$(LEDGER)/release/loadtest-billing bench-ledger $(SLOW_FSYNC)
