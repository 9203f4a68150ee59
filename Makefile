# What a developer types. `make run` needs Rust, Python 3, make and a C compiler; everything else is
# installed, pinned, into .venv. `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

VENV := .venv/bin
ARCHITECTURE ?= arm64
# Where `make deploy` and `sam local` look.
BUILD_DIR ?= .aws-sam/build
# OWN_TOOLS=1 builds and deploys with the SAM CLI and the cargo-lambda of the PATH.
OWN_TOOLS ?=
SAM := $(if $(OWN_TOOLS),sam,$(CURDIR)/$(VENV)/sam)
TOOLS := python3 scripts/tools.py
USES := run test template build supply-chain simulate
OWN_USES := peer cdk rehearsal
COMPILE := $(VENV)/uv pip compile --quiet --universal --python-version 3.10 --no-header \
  --no-annotate --no-emit-index-url --no-emit-find-links

# The end-to-end tests start it as Secrets Manager.
export MOTO_SERVER := $(CURDIR)/$(VENV)/moto_server
export SAM_CLI_TELEMETRY := 0

# How what may be deployed is compiled, by `sam build` and for the benchmark too, so that it is compiled once.
# cargo-auditable writes into the executables what they were linked from; by its bare name, since cargo hashes
# the path. No folder of this machine gets into them. RUSTFLAGS would replace the flags that cargo-lambda adds.
COMPILING := build bench budgets record-budgets
$(COMPILING): export PATH := $(CURDIR)/.venv/cargo/bin:$(PATH)
$(COMPILING): export RUSTC_WORKSPACE_WRAPPER := cargo-auditable
$(COMPILING): export CARGO_AUDITABLE_ORIG_ARGS := {"offline":false,"frozen":false,"locked":true,"config":[]}
$(COMPILING): export CARGO_BUILD_RUSTFLAGS := --remap-path-prefix=$(CURDIR)=. \
  --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src=registry

.PHONY: help run test lint docs unit refresh-events check-routes check-dependencies check-circles \
        check-figures check-scale simulate check-template build sam-test reliability confined soak fuzz mutants load \
        bench budgets record-budgets \
        events lock clean check-hook check-stage deploy supply-chain advisories own-tools cargo-auditable \
        release-artifacts check-reproducible check-examples check-threat-model check-fences token check-api \
        screenshots check-alarms smoke rehearse

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

run: ## Run the bundle on this machine, with its pages, against stand-ins for what it calls
	@python3 scripts/run.py

token: ## Print a token for the functions of `make run`
	@python3 scripts/print_token.py

test: lint docs check-routes check-dependencies check-circles check-figures check-scale check-threat-model check-fences unit ## Formatting, lints, docs, unit and end-to-end tests

lint:
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- --deny warnings

docs:
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps

# The end-to-end tests drive the built binaries, some of them with a clock that is moved.
unit: refresh-events
	@$(TOOLS) test
	@python3 scripts/debian.py faketime
	cargo build
	cargo test --workspace

# Their requests ask about days to come, so they are moved ahead about once a year.
refresh-events:
	@python3 scripts/make_events.py --refresh

check-routes:
	@python3 scripts/check_routes.py

check-dependencies:
	@python3 scripts/check_dependencies.py

# Files that use each other in a circle can be understood only together.
check-circles:
	@python3 -m unittest discover --quiet --start-directory scripts
	@python3 scripts/check_circles.py

# The page names the tests that show what it says.
check-threat-model:
	@python3 scripts/check_threat_model.py

check-fences:
	@python3 scripts/check_fences.py

# deny.toml is about the workspace and about tests/fuzz/, which does not have all that it makes an exception of.
CARGO_DENY := .venv/cargo/bin/cargo-deny --config deny.toml --workspace --all-features --locked

# Needs no network but that of the registries; what needs the databases of advisories is a target of its own.
supply-chain: ## Check licences, sources and bans of all dependencies, the GitHub workflows, and who updates what
	@python3 scripts/cargo_tools.py cargo-deny
	$(CARGO_DENY) check --allow license-exception-not-encountered bans licenses sources
	$(CARGO_DENY) --manifest-path tests/fuzz/Cargo.toml check --allow license-exception-not-encountered \
	  --allow unmatched-skip bans licenses sources
	@$(TOOLS) supply-chain
	$(VENV)/zizmor --offline --persona=auditor .github
	@python3 scripts/check_updates.py

advisories: ## Check dependencies and actions against the advisories that are published (needs GH_TOKEN for actions)
	@python3 scripts/cargo_tools.py cargo-deny
	$(CARGO_DENY) check advisories
	$(CARGO_DENY) --manifest-path tests/fuzz/Cargo.toml check advisories
	@$(TOOLS) supply-chain
	$(VENV)/zizmor --persona=auditor .github

# The pages say what was measured last.
check-figures:
	@python3 -m unittest discover --quiet --start-directory bench
	@python3 bench/report.py check

# The model predicts what the load test measured, and the page says what the model comes to.
check-scale:
	@$(TOOLS) simulate
	@$(VENV)/python -m unittest discover --quiet --start-directory bench/simulation
	@$(VENV)/python bench/simulation/scale.py check

check-template: ## Validate and lint template.yaml and the stacks in it, and test what they translate to
	@$(TOOLS) template
	$(VENV)/sam validate --lint
	$(VENV)/cfn-lint stacks/*.yaml
	$(VENV)/python -m unittest discover --start-directory tests/template
	$(VENV)/python -m unittest discover --start-directory tests/deploy

check-hook: ## Run the deployments' hook against built functions
	@$(TOOLS) template run
	cargo build --package sandbox
	cargo build --package user
	$(VENV)/python -m unittest discover --start-directory tests/hook

check-alarms: ## Provoke each trouble that an alarm is about, and see the alarm go off by the log lines
	@$(TOOLS) template run
	cargo build
	cargo build --package sandbox
	$(VENV)/python -m unittest discover --start-directory tests/alarms

# Into target/, with versions of its own.
check-examples: ## Synthesise the CDK app (needs Node.js), and check it and the Terraform module
	@$(TOOLS) template
	@python3 scripts/cdk.py
	$(VENV)/python -m unittest discover --start-directory tests/examples

check-api: ## Hold openapi.yaml, the pages and the clients against running functions (Python 3.11; Chromium)
	@python3 scripts/check_api.py

screenshots: ## Take the README's pictures anew (Python 3.11; Chromium)
	@python3 scripts/screenshots.py

# All three at once, which uses every core; SAM, which builds one after the other, finds them done. It
# looks for them in target/ alone.
build: own-tools cargo-auditable ## Build what `make deploy` deploys, into .aws-sam (ARCHITECTURE=x86_64 for Intel), and sbom.cdx.json
	unset CARGO_TARGET_DIR RUSTFLAGS CARGO_ENCODED_RUSTFLAGS; \
	$(if $(OWN_TOOLS),,export PATH="$(CURDIR)/$(VENV):$$PATH";) \
	cargo lambda build --release --locked --$(subst _,-,$(ARCHITECTURE)) && \
	$(SAM) build --build-dir $(BUILD_DIR) --parameter-overrides Architecture=$(ARCHITECTURE)
	@python3 scripts/check_artifacts.py $(BUILD_DIR) $(ARCHITECTURE)
	@python3 scripts/pin_architecture.py $(BUILD_DIR)/template.yaml $(ARCHITECTURE)
	@$(TOOLS) build
	@$(VENV)/python scripts/sbom.py $(BUILD_DIR)

# First: one that is too old stops the build before anything is compiled.
own-tools:
	@$(if $(OWN_TOOLS),python3 scripts/own_tools.py,$(TOOLS) build)

cargo-auditable:
	@python3 scripts/cargo_tools.py cargo-auditable

deploy: check-stage check-template build ## Build, check and deploy a stage of samconfig.toml: make deploy STAGE=staging
	$(VENV)/python scripts/deploy.py $(SAM) $(STAGE) $(BUILD_DIR)/template.yaml $(ARCHITECTURE)

smoke: check-stage ## Check a deployed stage with a caller's token: make smoke STAGE=staging TOKEN=…
	@$(TOOLS) template
	@$(VENV)/python scripts/smoke.py $(STAGE)

# Needs a build for this machine's processor.
rehearse: ## Deploy what `make build` built to a local AWS, update it, roll it back, delete it
	@$(TOOLS) template
	cargo build --package sandbox
	$(VENV)/python tests/rehearsal/rehearse.py

check-stage:
	@grep -q '^\[$(STAGE)\.deploy\.' samconfig.toml || { \
	  echo "make deploy: STAGE is one of" $$(sed -n 's/^\[\(.*\)\.deploy\..*/\1/p' samconfig.toml) \
	    "in samconfig.toml, as in: make deploy STAGE=staging"; exit 2; }

ARCHITECTURES ?= arm64 x86_64
release-artifacts: ## Make what a release has, in dist/: zips, templates, bills of materials, checksums (ARCHITECTURES="arm64 x86_64")
	@$(TOOLS) build template test
	rm -rf dist
	for architecture in $(ARCHITECTURES); do \
	  $(MAKE) --no-print-directory build ARCHITECTURE=$$architecture BUILD_DIR=.aws-sam/release-$$architecture && \
	  $(VENV)/python scripts/release.py .aws-sam/release-$$architecture $$architecture dist || exit 1; done
	@python3 scripts/checksums.py dist
	@$(VENV)/python scripts/check_release.py dist $(ARCHITECTURES)
	ARCHITECTURES="$(ARCHITECTURES)" $(VENV)/python -m unittest discover --start-directory tests/release

# Not in the short CI: it takes as long as two builds from nothing.
check-reproducible: ## Build the last commit twice, in two folders, and compare the zips (ARCHITECTURE=x86_64 for Intel)
	@$(TOOLS) build
	@python3 scripts/check_reproducible.py $(ARCHITECTURE)

sam-test: ## Run what `sam build` builds in `sam local` (Linux, as root): events and real requests
	@python3 scripts/sam_test.py

reliability: ## Let every upstream fail in every way, and write down what the functions make of it
	@$(TOOLS) test
	cargo build
	RELIABILITY=write cargo test -p end-to-end --test fault_matrix

# As root, or whoever may make control groups. What is not optimized takes ten times the processor.
confined: ## Every fault, and the largest answers, with 128 MB and a seventh of a processor; writes the figures down
	@$(TOOLS) test
	cargo build --profile driver
	RELIABILITY=write cargo test --profile driver -p end-to-end --test confined -- --nocapture
	RELIABILITY=write cargo test --profile driver -p end-to-end --test fault_matrix -- --nocapture smallest

# A million requests take too long without optimization.
soak: ## A million requests, good, refused and faulty, in bounded memory; writes the figures down (SOAK_REQUESTS=…)
	@$(TOOLS) test
	cargo build --profile driver
	RELIABILITY=write SOAK_REQUESTS=$${SOAK_REQUESTS:-1000000} \
	  cargo test --profile driver -p end-to-end --test soak -- --nocapture

# The code that is fuzzed has counters in it and is compiled for that, in target/fuzz. FUZZ_RUNS=100000 is inputs.
fuzz: ## Feed what takes bytes from outside with inputs that are led by coverage; writes the figures down (FUZZ_SECONDS=180 each)
	@python3 scripts/cargo_tools.py cargo-fuzz
	FUZZ=write python3 scripts/fuzz.py

# Some three seconds for each of 1,700 changes, 20 more where no unit test notices, and minutes where none does. With
# dependencies optimized, tests are twice as fast.
mutants: ## Change the code of shared and check-availability, and see that a test notices (hours; MUTANTS="--file …" for less)
	@python3 scripts/cargo_tools.py cargo-mutants
	@$(TOOLS) test
	PATH="$(CURDIR)/.venv/cargo/bin:$$PATH" cargo mutants --package shared --package check-availability \
	  --cargo-arg="--config=profile.dev.package.'*'.opt-level=1" --output target $(MUTANTS) || test $$? -eq 2 -o $$? -eq 3
	@python3 scripts/mutants.py

# Six minutes: with the cache, and without.
load: ## 10,000 readers a minute on one allowance of Calendly's; writes the figures down (LOAD_PER_MINUTE=…, LOAD_SECONDS=…)
	@$(TOOLS) test
	cargo build --profile driver
	cargo build --profile driver --package floor
	LOAD=write LOAD_PER_MINUTE=$${LOAD_PER_MINUTE:-10000} LOAD_SECONDS=$${LOAD_SECONDS:-180} \
	  cargo test --profile driver -p end-to-end --test load -- --nocapture
	@$(TOOLS) simulate
	@$(VENV)/python bench/simulation/scale.py write

# Ten minutes of two processors.
simulate: ## Work out what settings make of traffic, and write docs/scale.md's tables and plot (needs bench/load.json)
	@$(TOOLS) simulate
	@$(VENV)/python bench/simulation/scale.py simulate

bench: cargo-auditable ## Measure the functions beside a floor and FastAPI, and write it down (10 minutes and the build; ROUNDS=15)
	@python3 bench/measure.py

budgets: cargo-auditable ## Count what a busy machine does not change (instructions, system calls, …), beside bench/budgets.json
	@python3 bench/budgets.py budgets

record-budgets: cargo-auditable ## Make what is counted now the budgets
	@python3 bench/budgets.py record-budgets

events: ## Write events/ afresh, with the range of its requests ahead of today
	python3 scripts/make_events.py

# One resolution for all uses, so that they share .venv. zig is for cross-compiling only. schemathesis wants
# Python 3.11. The peer and the CDK app are deployments of their own.
lock: ## Write scripts/requirements/*.txt and the package-lock.json files afresh
	@test -x $(VENV)/pip || python3 -m venv .venv
	$(VENV)/pip install --quiet uv==0.13.9
	$(COMPILE) $(patsubst %,scripts/requirements/%.in,$(USES)) --output-file .venv/constraints.txt
	for use in $(filter-out build,$(USES)); do \
	  $(COMPILE) scripts/requirements/$$use.in --constraint .venv/constraints.txt --generate-hashes \
	    --no-emit-package ziglang --output-file scripts/requirements/$$use.txt || exit 1; done
	$(COMPILE) scripts/requirements/build.in --constraint .venv/constraints.txt --generate-hashes \
	  --output-file scripts/requirements/build.txt
	$(subst 3.10,3.11,$(COMPILE)) scripts/requirements/api.in --constraint .venv/constraints.txt --generate-hashes \
	  --output-file scripts/requirements/api.txt
	for use in $(OWN_USES); do \
	  $(COMPILE) scripts/requirements/$$use.in --generate-hashes --output-file scripts/requirements/$$use.txt || exit 1; done
	@$(TOOLS) run
	for folder in scripts/requirements examples/booking-page; do \
	  rm -f $$folder/package-lock.json; \
	  npm_config_omit_lockfile_registry_resolved=true $(VENV)/npm install --prefix $$folder \
	    --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error || exit 1; done

clean: ## Remove everything that was built or installed
	rm -rf target .venv .aws-sam .run dist
