# `make help` lists the targets. `make run` needs Rust, Python 3, make and a C compiler; all other tools are
# installed, pinned, into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

VENV := .venv/bin
ARCHITECTURE ?= arm64
# Read by `make deploy` and `sam local`.
BUILD_DIR ?= .aws-sam/build
SAM := $(CURDIR)/$(VENV)/sam
TOOLS := python3 scripts/tools.py
USES := run test template build supply-chain simulate mcp
OWN_USES := peer cdk rehearsal
COMPILE := $(VENV)/uv pip compile --quiet --universal --python-version 3.10 --no-header \
  --no-annotate --no-emit-index-url --no-emit-find-links

export SAM_CLI_TELEMETRY := 0

# Deployed and measured binaries use the same flags, so that they are compiled once. cargo-auditable embeds the list
# of dependencies; its name has no path, because Cargo hashes it. Paths of this machine are remapped. RUSTFLAGS is not
# used: it would replace the flags that cargo-lambda adds.
COMPILING := build bench budgets record-budgets
$(COMPILING): export PATH := $(CURDIR)/.venv/cargo/bin:$(PATH)
$(COMPILING): export RUSTC_WORKSPACE_WRAPPER := cargo-auditable
$(COMPILING): export CARGO_AUDITABLE_ORIG_ARGS := {"offline":false,"frozen":false,"locked":true,"config":[]}
$(COMPILING): export CARGO_BUILD_RUSTFLAGS := --remap-path-prefix=$(CURDIR)=. \
  --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src=registry
# Settings of the developer's builds.
UNSET := unset CARGO_TARGET_DIR RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
LAMBDA_BUILD := $(UNSET); export PATH="$(CURDIR)/$(VENV):$$PATH"; cargo lambda build --release --locked
THIS_ARCHITECTURE := --$(if $(filter x86_64,$(shell uname -m)),x86-64,arm64)

.PHONY: help run token test test-long lint refresh-events check-api check-mcp check-template check-examples \
        check-alarms check-figures sam-test supply-chain advisories check-reproducible fuzz mutants reliability confined \
        soak load simulate bench budgets record-budgets build deploy check-stage cargo-auditable \
        release-artifacts screenshots lock clean smoke rehearse

# `##@` begins a group, `##` describes a target.
help: ## List the targets
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-20s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run
run: ## Run the functions, their pages and stand-ins for AWS and Calendly on this machine
	@$(TOOLS) run
	@$(VENV)/python scripts/run.py

token: ## Print an access token for the functions of `make run`
	@$(VENV)/python scripts/run.py token

screenshots: ## Retake the README's screenshots (Python 3.11, Chromium)
	@$(TOOLS) run api
	@$(VENV)/python tests/api/screenshots.py

##@ Test
# Every command names the same packages, so that dependencies are compiled with one set of features.
WORKSPACE := --workspace --bins --tests
# Cargo runs the test target `long` only if it is named.
LONG = cargo test --workspace --test long
OPTIMIZED_LONG = cargo test --profile driver --workspace --test long -- --nocapture

test: refresh-events ## Check formatting, run the unit tests and the end-to-end tests (5 minutes)
	cargo fmt --all -- --check
	@$(TOOLS) test
	cargo build $(WORKSPACE)
	cargo test --workspace --tests

test-long: test ## Run `make test` and the long tests: all faults, soak, memory, small environments, load
	$(LONG)

lint: ## Run clippy and rustdoc, warnings denied, and check references between files
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo clippy --workspace --test long -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps
	@python3 scripts/check_references.py

# The events name future days, which move about once a year.
refresh-events:
	@python3 scripts/refresh_events.py

check-api: ## Compare openapi.yaml, pages and clients with running functions (Python 3.11, Chromium)
	@$(TOOLS) run api
	@$(VENV)/python scripts/check_api.py

check-template: ## Validate template.yaml and stacks/, and test their translation
	@$(TOOLS) template
	$(VENV)/sam validate --lint
	$(VENV)/cfn-lint stacks/*.yaml
	$(VENV)/python -m unittest discover --start-directory tests/template
	$(VENV)/python -m unittest discover --start-directory tests/deploy

check-mcp: ## Drive the MCP server with the official SDKs and conformance tests
	@$(TOOLS) run mcp
	@$(VENV)/python scripts/check_mcp.py

# The CDK is installed into target/, because its versions are pinned separately.
check-examples: ## Synthesize the CDK app (Node.js) and check the Terraform module
	@$(TOOLS) template cdk
	$(VENV)/python -m unittest discover --start-directory tests/examples

check-alarms: ## Inject the fault behind each alarm and check that the alarm fires
	@$(TOOLS) template run
	cargo build $(WORKSPACE)
	$(VENV)/python -m unittest discover --start-directory tests/alarms

sam-test: ## Run the built functions in `sam local` (Linux, as root)
	@$(TOOLS) run sam-test
	@$(VENV)/python scripts/sam_test.py

fuzz: ## Fuzz the parsers and record the figures (FUZZ_SECONDS=180 each)
	@$(TOOLS) cargo-fuzz
	python3 scripts/fuzz.py

# Unit tests only. They run twice as fast with optimized dependencies.
mutants: ## Mutate the code and list the mutants that no unit test detects (hours; MUTANTS="--file …")
	@$(TOOLS) cargo-mutants
	PATH="$(CURDIR)/.venv/cargo/bin:$$PATH" cargo mutants --package shared --package check-availability --package mcp \
	  --cargo-arg="--config=profile.dev.package.'*'.opt-level=1" --output target $(MUTANTS) || test $$? -eq 2 -o $$? -eq 3

##@ Measure
reliability: ## Inject each fault into each upstream and record the results
	cargo build $(WORKSPACE)
	RELIABILITY=write $(LONG) -- fault_matrix::

# Needs root, or permission to create control groups. Unoptimized code takes ten times the CPU time.
confined: ## Inject all faults with 128 MB and a seventh of a CPU, and record the figures
	cargo build --profile driver --workspace --bins
	RELIABILITY=write $(OPTIMIZED_LONG) memory:: smallest

soak: ## Send a million valid and invalid requests, in bounded memory (SOAK_REQUESTS=…)
	cargo build --profile driver --workspace --bins
	RELIABILITY=write SOAK_REQUESTS=$${SOAK_REQUESTS:-1000000} $(OPTIMIZED_LONG) soak::

load: ## Send 10,000 requests a minute within one Calendly quota (LOAD_PER_MINUTE=…, LOAD_SECONDS=…)
	@$(TOOLS) simulate
	cargo build --profile driver --workspace --bins
	LOAD=write LOAD_PER_MINUTE=$${LOAD_PER_MINUTE:-10000} LOAD_SECONDS=$${LOAD_SECONDS:-180} $(OPTIMIZED_LONG) load::
	@$(VENV)/python bench/simulation/scale.py write

simulate: ## Simulate settings under traffic, and write docs/scale.md (10 minutes)
	@$(TOOLS) simulate
	@$(VENV)/python bench/simulation/scale.py simulate

check-figures: ## Check that the pages agree with the last measurements and with the simulation
	@$(TOOLS) simulate
	@$(VENV)/python -m unittest discover --quiet --start-directory bench
	@$(VENV)/python -m unittest discover --quiet --start-directory bench/simulation
	@$(VENV)/python bench/report.py check
	@$(VENV)/python bench/simulation/scale.py check

# Linux only. The floor is built alone: Cargo would unify its features with those of other packages.
bench: cargo-auditable ## Compare the functions with an empty function and FastAPI (10 minutes and the build; ROUNDS=15)
	@$(TOOLS) build
	$(LAMBDA_BUILD) $(THIS_ARCHITECTURE)
	$(LAMBDA_BUILD) $(THIS_ARCHITECTURE) --package floor
	$(UNSET) && cargo build --quiet --profile driver --package bench
	@python3 bench/measure.py

budgets: cargo-auditable ## Compare instruction, system call and request counts with bench/budgets.json
record-budgets: cargo-auditable ## Write the current counts to bench/budgets.json
# The driver's speed does not affect the counts.
budgets record-budgets:
	@$(TOOLS) budgets build
	$(LAMBDA_BUILD) $(THIS_ARCHITECTURE)
	$(UNSET) && cargo build --quiet --package bench
	@target/debug/bench $@

##@ Deploy
# Cargo builds all functions in parallel. SAM builds them one by one, and then finds them in target/.
build: cargo-auditable ## Build what `make deploy` deploys, and its SBOM (ARCHITECTURE=x86_64)
	@$(TOOLS) build
	$(LAMBDA_BUILD) --$(subst _,-,$(ARCHITECTURE)) && \
	$(SAM) build --build-dir $(BUILD_DIR) --parameter-overrides Architecture=$(ARCHITECTURE)
	@python3 scripts/check_artifacts.py $(BUILD_DIR) $(ARCHITECTURE)
	@$(VENV)/python scripts/pin_architecture.py $(BUILD_DIR)/template.yaml $(ARCHITECTURE)
	@$(VENV)/python scripts/sbom.py $(BUILD_DIR)

cargo-auditable:
	@$(TOOLS) cargo-auditable

deploy: check-stage check-template build ## Build, check and deploy a stage of samconfig.toml (STAGE=staging)
	$(SAM) deploy --config-file $(CURDIR)/samconfig.toml --config-env $(STAGE) --template-file $(BUILD_DIR)/template.yaml

smoke: check-stage ## Check a deployed stage with a caller's token: make smoke STAGE=staging TOKEN=…
	@$(TOOLS) template
	@$(VENV)/python scripts/smoke.py $(STAGE)

# Needs a build for this machine's processor.
rehearse: ## Deploy what `make build` built to a local AWS, update it, roll it back, delete it
	@$(TOOLS) template run rehearsal
	cargo build --package sandbox
	$(VENV)/python tests/rehearsal/rehearse.py

check-stage:
	@grep -q '^\[$(STAGE)\.deploy\.' samconfig.toml || { \
	  echo "STAGE is one of" $$(sed -n 's/^\[\(.*\)\.deploy\..*/\1/p' samconfig.toml) \
	    "in samconfig.toml, as in: make deploy STAGE=staging"; exit 2; }

ARCHITECTURES ?= arm64 x86_64
release-artifacts: ## Write the files of a release to dist/ (ARCHITECTURES="arm64 x86_64")
	@$(TOOLS) build template
	rm -rf dist
	for architecture in $(ARCHITECTURES); do \
	  $(MAKE) --no-print-directory build ARCHITECTURE=$$architecture BUILD_DIR=.aws-sam/release-$$architecture && \
	  $(VENV)/python scripts/release.py .aws-sam/release-$$architecture $$architecture dist || exit 1; done
	cd dist && sha256sum -- * > SHA256SUMS
	ARCHITECTURES="$(ARCHITECTURES)" $(VENV)/python -m unittest discover --start-directory tests/release

# Takes as long as two clean builds.
check-reproducible: ## Build the last commit twice and compare the release files (ARCHITECTURE=x86_64)
	@$(TOOLS) build
	@scripts/check_reproducible.sh $(ARCHITECTURE)

##@ Maintain
# deny.toml covers the workspace and tests/fuzz/; tests/fuzz/ does not use every exception.
CARGO_DENY := .venv/cargo/bin/cargo-deny --config deny.toml --workspace --all-features --locked

# Needs only the registries; `advisories` needs the advisory databases.
supply-chain: ## Check the licenses and sources of dependencies, and the GitHub workflows
	@$(TOOLS) cargo-deny
	$(CARGO_DENY) check --allow license-exception-not-encountered bans licenses sources
	$(CARGO_DENY) --manifest-path tests/fuzz/Cargo.toml check --allow license-exception-not-encountered \
	  --allow unmatched-skip bans licenses sources
	@$(TOOLS) supply-chain
	$(VENV)/zizmor --offline --persona=auditor .github

advisories: ## Check dependencies and actions against published advisories (GH_TOKEN)
	@$(TOOLS) cargo-deny
	$(CARGO_DENY) check advisories
	$(CARGO_DENY) --manifest-path tests/fuzz/Cargo.toml check advisories
	@$(TOOLS) supply-chain
	$(VENV)/zizmor --persona=auditor .github

# All uses share .venv, so they are resolved together. Only cross-compiling needs zig, and schemathesis needs Python
# 3.11. The peer and the CDK app are resolved separately.
lock: ## Update scripts/requirements/*.txt and the package-lock.json files
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
	for folder in scripts/requirements examples/booking-page tests/mcp; do \
	  rm -f $$folder/package-lock.json; \
	  npm_config_omit_lockfile_registry_resolved=true $(VENV)/npm install --prefix $$folder \
	    --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error || exit 1; done

clean: ## Remove everything that was built or installed here
	rm -rf target .venv .aws-sam .run dist
