# Benchmarks of ingress; its proofs are in ingressops.mk, the code is in loadtest/Sources/Ingress.
.PHONY: bench-ingress bench-ingress-growth ingress-build ingress-tools

# Only what these targets need is built, as the image has it (deploy/Dockerfile), in a folder of its own, so that other
# builds keep theirs.
INGRESS = $(SCRATCH)/ingress
INGRESS_BUILD = ATELIER_ONLY=ingress $(SWIFT) build -c release --static-swift-stdlib --scratch-path $(INGRESS) --no-color-diagnostics
INGRESS_PEER = $(SCRATCH)/peers/aiogram
INGRESS_PACKAGES := wrk nginx-light python3-venv

$(INGRESS)/slow_fsync.so: loadtest/shim/slow_fsync.c | deps
	@mkdir -p $(INGRESS)
	$(dir $(SWIFT))clang -std=gnu11 -Wall -Wextra -Werror -O2 -shared -fPIC -o $@ $<

$(INGRESS_PEER)/.installed: loadtest/peers/aiogram/requirements.txt | ingress-tools
	python3 -m venv $(INGRESS_PEER)
	$(INGRESS_PEER)/bin/pip install --quiet -r $<
	@touch $@

ingress-tools:
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) $(INGRESS_PACKAGES)"

ingress-build: deps swift
	$(INGRESS_BUILD) --product ingress
	$(INGRESS_BUILD) --product loadtest-ingress

bench-ingress: ingress-build ingress-tools $(INGRESS)/slow_fsync.so $(INGRESS_PEER)/.installed ## Measure webhooks beside aiogram and nginx (ROW_SECONDS=6 ROUNDS=3)
	$(INGRESS)/release/loadtest-ingress bench-ingress $(INGRESS_PEER)/bin/python $(CURDIR)/$(INGRESS)/slow_fsync.so

bench-ingress-growth: ingress-build ingress-tools ## Measure webhooks on a month of 50 million events (GROWTH_EVENTS=1000000 for a short form; GROWTH_KEEP=load fills and stops, GROWTH_KEEP=1 measures what is there)
	$(INGRESS)/release/loadtest-ingress bench-ingress-growth
