# The platform: HTTP server, client, PostgreSQL layer.
.PHONY: bench-http bench-slow-clients

PLATFORM = $(SCRATCH)/release/loadtest-platform

bench-http: deps swift ## Compare the HTTP server with nginx (BENCH_ROUNDS, BENCH_SECONDS)
	$(call install,nginx nghttp2-client openssl wrk)
	$(SWIFT) build -c release --product loadtest-platform $(FLAGS)
	@exec $(PLATFORM) bench-http

bench-slow-clients: deps swift ## Serve honest clients beside 5,000 idle and 500 dripping ones
	$(call install,wrk)
	$(SWIFT) build -c release --product loadtest-platform $(FLAGS)
	@exec $(PLATFORM) bench-slow-clients
