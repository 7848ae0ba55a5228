# The platform: HTTP server, client, PostgreSQL layer.
.PHONY: bench-http bench-slow-clients bench-idle conformance fuzz

PLATFORM = $(SCRATCH)/release/loadtest-platform

# The server under load is built as the image has it (deploy/Dockerfile), in a folder of its own.
EDGE = $(SCRATCH)/platform
EDGE_BUILD = ATELIER_ONLY=loadtest $(SWIFT) build -c release --static-swift-stdlib --product loadtest-platform \
	--scratch-path $(EDGE) --no-color-diagnostics

bench-http: deps swift ## Compare the HTTP server with nginx (BENCH_ROUNDS, BENCH_SECONDS)
	$(call install,nginx nghttp2-client openssl wrk)
	$(EDGE_BUILD)
	@exec $(EDGE)/release/loadtest-platform bench-http

bench-slow-clients: deps swift ## Serve honest clients beside 5,000 idle and 500 dripping ones
	$(call install,wrk)
	$(EDGE_BUILD)
	@exec $(EDGE)/release/loadtest-platform bench-slow-clients

bench-idle: build ## See what a whole system costs that nobody asks for anything (IDLE_SECONDS)
	@exec $(PLATFORM) bench-idle

conformance: deps swift ## Send 576 raw requests to our server, nginx, haproxy and h11 and compare their verdicts
	$(call install,nginx haproxy python3-venv)
	$(SWIFT) build -c release --product loadtest-platform $(FLAGS)
	@[ -x $(SCRATCH)/conformance/bin/python ] || { python3 -m venv $(SCRATCH)/conformance && \
		$(SCRATCH)/conformance/bin/pip install --quiet h11==0.16.0; }
	@$(SCRATCH)/conformance/bin/python loadtest/conformance/conformance.py --edge $(PLATFORM) \
		--corpus Tests/Fixtures/http1 --folder .atelier/loadtest/conformance

# A build of its own: instrumented for libFuzzer and for coverage, with tests' access to modules.
FUZZ_FLAGS = --scratch-path $(SCRATCH)-fuzz --no-color-diagnostics -Xswiftc -parse-as-library -Xswiftc -use-ld=lld \
	-Xswiftc -enable-testing -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping
# All targets together, or those in FUZZ_TARGETS; each gets its share. 600 in CI's slow part.
FUZZ_SECONDS ?= 60

fuzz: deps swift ## Feed the parsers what libFuzzer finds, FUZZ_SECONDS (60) in all (FUZZ_TARGETS, FUZZ_KEEP=1)
	ATELIER_FUZZ=1 $(SWIFT) build -c release --product fuzz-http $(FUZZ_FLAGS)
	ATELIER_FUZZ=1 $(SWIFT) build -c release --product fuzz-data $(FUZZ_FLAGS)
	@python3 loadtest/fuzz/fuzz.py --programs $(SCRATCH)-fuzz/release --tools $(dir $(SWIFT)) --seconds $(FUZZ_SECONDS) \
		--folder .atelier/loadtest/fuzz $(if $(FUZZ_TARGETS),--targets $(FUZZ_TARGETS)) $(if $(FUZZ_KEEP),--keep)
