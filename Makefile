# `make test` is the one test command; `make demo` shows the product; `make sandbox` is the development loop.
# Every tool that is fetched is pinned, and kept under target/ between runs.
CARGO ?= cargo
SANDBOX = target/debug/sfe-sandbox
# Builds with Cargo, and with Go and Python at the same time; reports progress.
BUILD = CARGO=$(CARGO) tests/sandbox/build.sh
# What `make demo` runs, and no more. The test has a part in it only by its features: see tests/sandbox/build.sh.
OPERATOR = build --workspace --bins --test sandbox --locked

.PHONY: help build test lint unit fuzz soak mutants e2e hostile faults faults-soak audit chart demo sandbox bench crds clean

help: ## lists these targets
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 12

# Never a package alone: it would build every dependency once more, with other features.
build: ## builds the operator, the sandbox and the tests
	$(CARGO) build --workspace --all-targets --locked

test: lint ## everything that must pass: lint, unit, property, chart and end-to-end tests
	$(BUILD) "build --workspace --all-targets --locked"
	$(SANDBOX) prepare --with-helm
	$(CARGO) test --workspace --locked --no-fail-fast
	$(MAKE) chart

lint: ## rustfmt, and clippy with warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit: ## the deciding crate alone: seconds
	$(CARGO) test -p sfe-core --locked

fuzz: CASES ?= 100000
fuzz: ## the property tests of all that is parsed, for long: `make fuzz CASES=100000`
	SFE_CASES=$(CASES) $(CARGO) test -p sfe-core --test fuzz --locked
	SFE_CASES=$(CASES) $(CARGO) test -p sfe --lib --locked answers::

soak: SEEDS ?= 100000
soak: ## lives by seed of the real reconcile on a simulated AWS, 10 minutes and a release build: `make soak SEEDS=100000 FIRST=0`
	SFE_SEEDS=$(SEEDS) SFE_SEED=$(or $(FIRST),0) CARGO_PROFILE_RELEASE_OPT_LEVEL=2 \
		$(CARGO) test --release --target-dir target/soak --test simulation --locked -- no_promise --nocapture

mutants: ## breaks the engine on purpose, in each way that some life must tell of: a table
	tests/simulation/mutants.sh

e2e: ## the end-to-end tests alone
	$(CARGO) test --test e2e --locked

hostile: REQUESTS ?= 20000
hostile: SEED ?= 1
hostile: ## generated requests against every kind of source: `make hostile REQUESTS=20000 SEED=1`
	SFE_HOSTILE_REQUESTS=$(REQUESTS) SFE_HOSTILE_SEED=$(SEED) $(CARGO) test --test e2e --locked -- hostile::run --nocapture

# A tool of 300 crates, which takes minutes to build: only who asks for it has it.
CARGO_DENY = target/tools/bin/cargo-deny

audit: $(CARGO_DENY) ## advisories (needs the network), licences and sources of all dependencies
	$(CARGO_DENY) --locked --offline check licenses bans sources
	$(CARGO_DENY) --locked check advisories

$(CARGO_DENY):
	$(CARGO) install cargo-deny --version 0.20.2 --locked --root target/tools --target-dir target/tools/build
	rm -rf target/tools/build

faults: ## the fault tests alone: our binary, a real API server, and a local AWS that fails
	$(CARGO) test --test faults --locked

faults-soak: ## the same, each fault as long and as often as on a bad day: 10 minutes
	SFE_TEST_SOAK=1 $(CARGO) test --test faults --locked

chart: ## the chart: rendered, refused, and installed into a real API server
	$(BUILD) "$(OPERATOR)"
	helm=$$($(SANDBOX) helm) && tests/chart/check.sh "$$helm" && $(SANDBOX) run -- tests/chart/live.sh "$$helm"

demo: ## the story in one screen, on a real API server and a local AWS
	$(BUILD) "$(OPERATOR)"
	SFE_BINARY=$(CURDIR)/target/debug/sfe $(SANDBOX) run -- tests/sandbox/demo.sh

sandbox: ## a real API server and a local AWS to play with, until Ctrl-C
	$(BUILD) "$(OPERATOR)"
	$(SANDBOX) up

bench: ## what the README quotes: AWS calls, seconds, memory
	$(BUILD) "build --locked --release --bin sfe" "bench --locked --profile dev --bench operator --no-run"
	SFE_BINARY=$(CURDIR)/target/release/sfe $(CARGO) bench --locked --profile dev --bench operator

crds: ## writes the CustomResourceDefinition from core/src/api
	$(CARGO) $(OPERATOR)
	target/debug/sfe crd > crds/stepfunctionendpoints.yaml
	cp crds/stepfunctionendpoints.yaml charts/stepfunction-endpoint/files/

clean: ## removes all that was built and fetched
	$(CARGO) clean
