# Every command of the project; `make` alone lists them. CI calls these targets and nothing else.
# Shell here stays short: anything longer than ten lines lives in the executable `atelier` (Sources/OperatorCLI).

# Debian packages that building and running need; `make deps` installs what is missing.
PACKAGES := libpq-dev libcurl4-openssl-dev libssl-dev libnghttp2-dev pkg-config postgresql
# The first Swift that is found; name another one with `make SWIFT=/path/to/swift …`.
SWIFT ?= $(or $(shell command -v swift 2>/dev/null),$(firstword $(wildcard \
	/opt/swift*/usr/bin/swift /usr/local/swift*/usr/bin/swift /usr/share/swift*/usr/bin/swift \
	$(HOME)/.local/share/swiftly/bin/swift $(HOME)/swift*/usr/bin/swift)))
# Where build products go.
SCRATCH ?= .build
# Colours are fixed because SwiftPM compiles everything anew when they change between a terminal and a pipe.
FLAGS = --scratch-path $(SCRATCH) --no-color-diagnostics
RELEASE = $(SCRATCH)/release
DEBUG = $(SCRATCH)/debug
SOURCES = Package.swift Sources Tests services loadtest
HEADERS = $(wildcard Sources/C*/*.h)
# Tests in flight at once: more only makes them wait for each other and miss their own deadlines.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 8
# What sanitizers report wrongly, and why.
export TSAN_OPTIONS ?= suppressions=$(CURDIR)/loadtest/races.supp
export LSAN_OPTIONS ?= suppressions=$(CURDIR)/loadtest/leaks.supp
# Limits a test run to matching tests: make test FILTER=Supervisor
FILTER ?=

.DEFAULT_GOAL := help
.PHONY: help deps swift build run status test demo check-page check format lint headers config tsan asan hooks clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-22s %s\n", $$1, $$2 }'

# $(call install,PACKAGES): installs the Debian packages that are missing, as root or with sudo.
define install
	@missing=$$(for name in $(1); do \
		dpkg-query -W -f '$${Status}' $$name 2>/dev/null | grep -q 'ok installed' || printf '%s ' $$name; done); \
	[ -n "$$missing" ] || exit 0; \
	install="apt-get install -y --no-install-recommends $$missing"; export DEBIAN_FRONTEND=noninteractive; \
	if [ "$$(id -u)" = 0 ]; then apt-get update && $$install; \
	elif sudo -n true 2>/dev/null; then sudo apt-get update && sudo -E $$install; \
	else echo "Packages are missing, and this user may not install them. Run this, then the same command again:"; \
		echo "  sudo apt-get update && sudo $$install"; exit 1; fi
endef

deps: ## Install the Debian packages that are missing (as root or with sudo)
	$(call install,$(PACKAGES))

swift:
	@[ -n "$(SWIFT)" ] || { echo "Swift 6.3 is not installed: see https://www.swift.org/install/linux/debian/12"; exit 1; }

build: deps swift ## Build the release executables
	$(SWIFT) build -c release $(FLAGS)

run: build ## Start everything on this machine: PostgreSQL, stand-ins, six services; Ctrl-C stops it
	@exec $(RELEASE)/atelier up

status: ## Show what runs and what it lacks
	@$(RELEASE)/atelier status

test: deps swift ## Run all tests, with a throw-away PostgreSQL of their own
	$(SWIFT) build --build-tests $(FLAGS)
	$(DEBUG)/atelier test-cluster $(SWIFT) test --skip-build --disable-xctest $(FLAGS) $(if $(FILTER),--filter '$(FILTER)')

demo: build ## Prove the promises on a system of its own: pictures, money, crashes
	@exec $(RELEASE)/atelier demo

check-page: build ## Play the first story on the chat page in Chromium, at desktop and phone width
	$(call install,chromium python3-venv)
	@[ -x $(SCRATCH)/page/bin/playwright ] || { python3 -m venv $(SCRATCH)/page && \
		$(SCRATCH)/page/bin/pip install --quiet playwright==1.49.1; }
	$(SCRATCH)/page/bin/python loadtest/page/first_story.py --atelier $(RELEASE)/atelier \
		$(if $(SCREENSHOTS),--screenshots $(SCREENSHOTS))

check: lint test ## Everything that must be right before a commit leaves this machine

lint: swift headers ## Check formatting and the C headers
	$(SWIFT) format lint --strict --parallel --recursive --configuration .swift-format $(SOURCES)

headers: swift
	@for header in $(HEADERS); do \
		$(dir $(SWIFT))clang -x c -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -Wno-pragma-once-outside-header -Wno-unused-const-variable \
			$$(pkg-config --cflags libpq libcurl openssl libnghttp2) -fsyntax-only $$header || exit 1; done

format: swift ## Format all Swift files
	$(SWIFT) format --in-place --parallel --recursive --configuration .swift-format $(SOURCES)

config: build ## Check the configurations in deploy/config and deploy/config-next against this build
	@for file in $(wildcard deploy/config/*.env deploy/config-next/*.env); do \
		echo "$$file"; env -i PATH="$$PATH" $$(grep -v '^#' $$file) \
			$(RELEASE)/$$(basename $$file .env) check-config > /dev/null || exit 1; done

tsan: deps swift ## Run all tests under ThreadSanitizer (slow)
	$(SWIFT) build --build-tests --sanitize thread --scratch-path $(SCRATCH)-tsan
	$(SCRATCH)-tsan/debug/atelier test-cluster $(SWIFT) test --skip-build --disable-xctest --sanitize thread \
		--scratch-path $(SCRATCH)-tsan $(if $(FILTER),--filter '$(FILTER)')

asan: deps swift ## Run all tests under AddressSanitizer (slow)
	$(SWIFT) build --build-tests --sanitize address -Xswiftc -use-ld=lld --scratch-path $(SCRATCH)-asan
	$(SCRATCH)-asan/debug/atelier test-cluster $(SWIFT) test --skip-build --disable-xctest --sanitize address \
		-Xswiftc -use-ld=lld --scratch-path $(SCRATCH)-asan $(if $(FILTER),--filter '$(FILTER)')

hooks: ## Let git run our checks before commits and pushes
	git config core.hooksPath .githooks

clean: ## Remove build products; data stays
	rm -rf $(SCRATCH) $(SCRATCH)-tsan $(SCRATCH)-asan

# Benchmarks and proofs, one file an area.
include $(wildcard loadtest/*.mk)
