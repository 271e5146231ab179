# `make test` is the one test command; `make demo` shows the product; `make sandbox` is the development loop.
# Every tool that is fetched is pinned, and kept under target/ between runs.
CARGO ?= cargo
SANDBOX = target/debug/sfe-sandbox

.PHONY: help build test lint unit e2e faults faults-soak chart demo sandbox bench crds clean

help: ## lists these targets
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 12

build: ## builds the operator and the sandbox
	$(CARGO) build --workspace --locked

test: lint ## everything that must pass: lint, unit, property, chart and end-to-end tests
	$(CARGO) build --workspace --all-targets --locked
	$(SANDBOX) prepare --with-helm
	$(CARGO) test --workspace --locked --no-fail-fast
	$(MAKE) chart

lint: ## rustfmt, and clippy with warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit: ## the deciding crate alone: seconds
	$(CARGO) test -p sfe-core --locked

e2e: ## the end-to-end tests alone
	$(CARGO) test --test e2e --locked

faults: ## the fault tests alone: our binary, a real API server, and a local AWS that fails
	$(CARGO) test --test faults --locked

faults-soak: ## the same, each fault as long and as often as on a bad day: 10 minutes
	SFE_TEST_SOAK=1 $(CARGO) test --test faults --locked

chart: ## the chart: rendered, refused, and installed into a real API server
	$(CARGO) build --locked --quiet -p sfe-sandbox
	helm=$$($(SANDBOX) helm) && tests/chart/check.sh "$$helm" && $(SANDBOX) run -- tests/chart/live.sh "$$helm"

demo: ## the story in one screen, on a real API server and a local AWS
	$(CARGO) build --locked --quiet --bin sfe
	$(CARGO) build --locked --quiet -p sfe-sandbox
	SFE_BINARY=$(CURDIR)/target/debug/sfe $(SANDBOX) run -- tests/sandbox/demo.sh

sandbox: ## a real API server and a local AWS to play with, until Ctrl-C
	$(CARGO) build --locked --quiet -p sfe-sandbox
	$(SANDBOX) up

bench: ## what the README quotes: AWS calls, seconds, memory
	$(CARGO) build --locked --release --bin sfe
	SFE_BINARY=$(CURDIR)/target/release/sfe $(CARGO) bench --locked --profile dev --bench operator

crds: ## writes the CustomResourceDefinition from core/src/api
	$(CARGO) run --locked --quiet --bin sfe -- crd > crds/stepfunctionendpoints.yaml
	cp crds/stepfunctionendpoints.yaml charts/stepfunction-endpoint/files/

clean: ## removes all that was built and fetched
	$(CARGO) clean
