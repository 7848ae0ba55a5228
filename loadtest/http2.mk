# HTTP/2 and TLS of the HTTP server.
.PHONY: attack-http2

HTTP2_PYTHON = $(SCRATCH)/http2/bin/python

$(HTTP2_PYTHON):
	python3 -m venv $(SCRATCH)/http2
	$(SCRATCH)/http2/bin/pip install --quiet h2==4.2.0 hpack==4.1.0 hyperframe==6.1.0

attack-http2: deps swift ## Flood the HTTP/2 server in every known way (ATTACK_SECONDS each, ATTACK_ONLY by name)
	$(call install,nghttp2-client curl openssl python3-venv)
	$(MAKE) $(HTTP2_PYTHON)
	$(SWIFT) build -c release --product loadtest-platform $(FLAGS)
	@exec $(HTTP2_PYTHON) loadtest/peers/http2/attack.py --server $(RELEASE)/loadtest-platform \
		--seconds $(or $(ATTACK_SECONDS),4) --only "$(ATTACK_ONLY)"
