# The commands of the house. `make` alone lists them.
#
# One profile (dev) serves the demo and the tests, so that a fresh clone compiles everything once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# cargo and npm use all cores by themselves, and what one builds the next embeds.
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
export PATH := $(PATH):$(HOME)/.cargo/bin

# To the demo: make demo ARGS=--once
ARGS ?=
# Commands take the lock file at its word.
LOCKED := --locked
SAY := printf '\n== %s\n'
NPM := npm --prefix web --no-audit --no-fund --loglevel=error
WEB_SOURCES := $(shell find web -type f -not -path 'web/console/*' -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
CONSOLE := npm --prefix web/console --no-audit --no-fund --loglevel=error
# The console shares parts with the example.
CONSOLE_SOURCES := schema.graphql examples/web/codegen-core.js $(wildcard examples/web/src/shared/*) \
	$(shell find web/console -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/src/gql/*' 2>/dev/null)
PAGES := web/dist/index.html web/console/dist/index.html

.PHONY: help demo test check fmt lint docs unit doctest web web-if-possible web-check web-example-test web-console-test bench fuzz sbom tools

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

demo: tools web-if-possible ## build and run everything on this machine, with nothing set up (ARGS=--once ends it after the story)
	@$(SAY) 'building latchkey (the first time takes some minutes)'
	@cargo build $(LOCKED)
	@$(SAY) 'running the demo'
	@cargo run $(LOCKED) --quiet -- demo $(ARGS)

test: web-check check doctest unit ## everything that must hold before a change goes in
	@$(SAY) 'all checks and tests passed'

check: fmt lint docs ## format, lints and documentation, without tests

fmt: tools
	@$(SAY) 'format'
	@$(call if-component,fmt,cargo fmt --all --check)

lint: tools
	@$(SAY) 'lints'
	@$(call if-component,clippy,cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings)

docs: tools
	@$(SAY) 'documentation'
	@RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --workspace --no-deps --document-private-items

unit: tools
	@$(SAY) 'tests'
	@if cargo nextest --version >/dev/null 2>&1; then \
	    cargo nextest run $(LOCKED) --workspace $${CI:+--profile ci}; \
	else \
	    cargo test $(LOCKED) --workspace --lib --bins --tests; \
	fi

doctest: tools
	@$(SAY) 'examples in the documentation'
	@cargo test $(LOCKED) --workspace --doc

web: ## build the playground and the console, which the program embeds
	@$(SAY) 'playground and console'
	@$(MAKE) $(PAGES)

web/dist/index.html: $(WEB_SOURCES) web/node_modules/.package-lock.json
	@echo 'npm run build'; $(NPM) run --silent build
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@echo 'npm ci'; $(NPM) ci
	@touch $@

web/console/dist/index.html: $(CONSOLE_SOURCES) web/console/node_modules/.package-lock.json
	@echo 'npm run build (console)'; $(CONSOLE) run --silent build
	@touch $@

web/console/node_modules/.package-lock.json: web/console/package.json web/console/package-lock.json
	@echo 'npm ci (console)'; $(CONSOLE) ci
	@touch $@

# The demo has a plain page to fall back to, so nothing about npm may keep it from running.
web-if-possible:
	@if ! $(web-can-be-built); then \
	    echo 'Without npm and Node 20.19: the demo shows the plain playground, and no console.'; \
	elif ! $(MAKE) -q $(PAGES) 2>/dev/null; then \
	    $(SAY) 'building the playground and the console (some seconds)'; \
	    mkdir -p target; \
	    npm_config_fetch_retries=0 $(MAKE) $(PAGES) >target/web.log 2>&1 \
	        || echo 'They could not be built (see target/web.log): the demo shows the plain playground.'; \
	fi

web-check:
	@$(SAY) 'playground and console: build, types and operations'
	@if $(web-can-be-built); then \
	    $(MAKE) $(PAGES) && $(NPM) run --silent check; \
	else \
	    echo 'skipped: no npm, or Node older than 20.19'; \
	fi

EXAMPLE := npm --prefix examples/web --no-audit --no-fund --loglevel=error
CHROMIUM ?= /usr/bin/chromium
export CHROMIUM

web-example-test: tools ## the front end of examples/web, in Chromium against the demo
	@$(SAY) 'example front end: types, build and a browser'
	@if ! $(web-can-be-built); then \
	    echo 'skipped: no npm, or Node older than 20.19'; \
	elif [ ! -x '$(CHROMIUM)' ] && [ -z "$${CI:-}" ]; then \
	    $(MAKE) examples/web/node_modules/.package-lock.json && $(EXAMPLE) run --silent check; \
	    echo 'skipped: the tests in a browser, without $(CHROMIUM) (Debian: apt-get install chromium)'; \
	else \
	    $(MAKE) examples/web/node_modules/.package-lock.json && cargo build $(LOCKED) && $(EXAMPLE) run --silent test; \
	fi

examples/web/node_modules/.package-lock.json: examples/web/package.json examples/web/package-lock.json
	@echo 'npm ci'; $(EXAMPLE) ci
	@touch $@

web-console-test: tools ## the console, in Chromium against the demo
	@$(SAY) 'console: types, build and a browser'
	@if ! $(web-can-be-built); then \
	    echo 'skipped: no npm, or Node older than 20.19'; \
	elif [ ! -x '$(CHROMIUM)' ] && [ -z "$${CI:-}" ]; then \
	    $(MAKE) web/console/node_modules/.package-lock.json && $(CONSOLE) run --silent check; \
	    echo 'skipped: the tests in a browser, without $(CHROMIUM) (Debian: apt-get install chromium)'; \
	else \
	    $(MAKE) web/console/dist/index.html && cargo build $(LOCKED) && $(CONSOLE) run --silent test; \
	fi

bench: tools ## the measurements
	@cargo bench $(LOCKED) --workspace

SBOM := target/sbom

sbom: tools ## the list of all dependencies (CycloneDX) in target/sbom
	@command -v cargo-cyclonedx >/dev/null || { echo 'cargo-cyclonedx is missing: cargo install cargo-cyclonedx' >&2; exit 1; }
	@mkdir -p $(SBOM)
	@cargo cyclonedx --format json --override-filename latchkey-sbom
	@mv latchkey-sbom.json $(SBOM)/latchkey.cdx.json
	@find . -name latchkey-sbom.json -not -path './target/*' -delete
	@if command -v npm >/dev/null; then \
	    $(NPM) sbom --package-lock-only --sbom-format cyclonedx >$(SBOM)/playground.cdx.json; \
	    $(CONSOLE) sbom --package-lock-only --sbom-format cyclonedx >$(SBOM)/console.cdx.json; \
	else echo 'skipped: the playground and the console, without npm'; fi
	@echo 'written to $(SBOM)'

FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
FUZZ_TOOLCHAIN ?= +nightly
# --dev builds in a third of the time, and runs slower.
FUZZ_FLAGS ?=

# 2 MiB is the stack of a thread that serves requests. The operations of the playground are examples of documents.
fuzz: tools ## every fuzz target for ten minutes each (FUZZ_SECONDS=60, FUZZ_TARGETS=body); see fuzz/README.md
	@for target in $(FUZZ_TARGETS); do \
	    cargo $(FUZZ_TOOLCHAIN) fuzz build $(FUZZ_FLAGS) $$target; \
	    $(SAY) "fuzz target $$target, $(FUZZ_SECONDS) seconds"; \
	    corpus=fuzz/corpus/$$target; mkdir -p $$corpus; \
	    if [ $$target = document ]; then corpus="$$corpus web/operations"; fi; \
	    (ulimit -s 2048; cargo $(FUZZ_TOOLCHAIN) fuzz run $(FUZZ_FLAGS) $$target $$corpus -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=16384); \
	done

tools:
	@command -v cargo >/dev/null || { echo 'Rust is missing: https://rustup.rs' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'A C compiler is missing (Debian: apt-get install gcc libc6-dev)' >&2; exit 1; }

# $(call if-component,NAME,COMMAND): a Rust without rustfmt or clippy skips them, but not where CI is set.
if-component = if cargo $(1) --version >/dev/null 2>&1 || [ -n "$${CI:-}" ]; then $(2); \
	else echo 'skipped: rustup component add rustfmt clippy'; fi


web-can-be-built = { [ -e web/package.json ] && command -v npm >/dev/null && node -e \
	'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || a == 20 && b >= 19 ? 0 : 1)'; }
