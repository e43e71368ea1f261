# `make` lists what there is to do.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
SAM_VENV := .venv-sam
SAM := SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam
# Where the stages are: one region for the stack, its secrets and whoever asks for them, whatever a profile says.
export AWS_DEFAULT_REGION ?= eu-central-1
# The lock names every package there is to install, so pip has nothing to resolve.
PIP_FLAGS := --disable-pip-version-check --no-input --require-hashes --no-deps

.PHONY: help run initdata audit refund test test-unit test-integration proof proof-night mutants fuzz lint format lock openapi client validate build setup deploy webhook teardown audit-dependencies clean bench export erase dashboard

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ---------------------------------------------------------------- run

run: $(VENV)/.local  ## The service on this machine, http://localhost:8000 (PORT, LOCAL_DATA_DIR, … change it)
	@exec $(BIN)/python -m infra.local

initdata: $(VENV)/.local  ## Print signed initData: make -s initdata ID=1 (a Telegram user id)
	@$(BIN)/python -m infra.local.initdata --user $(ID)

audit: $(VENV)/.local  ## Check the books: every invariant of money, orders and ratings (STAGE=local)
	@$(BIN)/python -m infra.operate.audit

refund: $(VENV)/.local  ## Give a payment back through its provider: make refund PAYMENT=… (STAGE=local)
	@$(BIN)/python -m infra.operate.refund

export: $(VENV)/.local  ## Print what is kept of a person: make -s export ID=… BY=… WHY=… (STAGE=local)
	@$(BIN)/python -m infra.operate.personal_data export

erase: $(VENV)/.local  ## Forget a person who asked for it: make erase ID=… BY=… WHY=… (STAGE=local)
	@$(BIN)/python -m infra.operate.personal_data erase

# ---------------------------------------------------------------- test

# What is integration comes first and mostly waits; what computes runs meanwhile.
test: $(VENV)/.dev  ## Every test but the long ones
	$(BIN)/pytest -n 3 --no-loadscope-reorder -m "not proof"

test-unit: $(VENV)/.dev  ## The tests that start nothing
	$(BIN)/pytest -n auto -m "not integration and not proof"

test-integration: $(VENV)/.dev  ## The tests over HTTP, on the embedded AWS
	$(BIN)/pytest -n 3 -m "integration and not proof"

proof: $(VENV)/.dev  ## The long tests, the mutants and a minute of fuzzing
	$(BIN)/pytest -m proof --durations=12
	@$(MAKE) --no-print-directory mutants
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=60

mutants: $(VENV)/.dev  ## Break the code in every small way: does a test notice? Minutes (MODULES=… for some)
	$(BIN)/python -m tests.mutation $(MODULES)

proof-night: $(VENV)/.dev  ## A million seeds of the simulation, hours
	$(BIN)/python -m tests.simulation --seeds 1000000 --processes 2

fuzz: $(VENV)/.fuzz  ## Fuzz what reads strangers' bytes, for FUZZ_SECONDS=3600 (Linux)
	$(BIN)/python -m tests.fuzz

bench: $(VENV)/.dev  ## What it costs: cold starts, requests, calls, packages, growth; writes docs/performance.md (10 minutes)
	$(BIN)/python -m tests.bench

lint: $(VENV)/.dev  ## Format, lint, types, layers
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format and mend what can be mended
	$(BIN)/ruff format --quiet
	$(BIN)/ruff check --fix --quiet

openapi: $(VENV)/.local  ## Write functions/meta/openapi.json from the code
	$(BIN)/python -m infra.checks.openapi

dashboard: $(VENV)/.local  ## Write the body of the CloudWatch dashboard into template.yaml, from infra/build/dashboard.py
	@$(BIN)/python -m infra.build.dashboard

# Only what the lock names, and none of its scripts.
client:  ## The API's TypeScript types and client, infra/client, from the OpenAPI, checked against a usage (needs Node.js)
	@cd infra/client && npm ci --silent --ignore-scripts && npm run --silent generate >/dev/null && npm run --silent check
	@echo "infra/client/client.ts and schema.ts fit functions/meta/openapi.json and usage.ts"

# ---------------------------------------------------------------- package

validate: $(SAM_VENV)/.sam  ## Lint template.yaml and samconfig.toml
	$(SAM) validate --lint

build: $(SAM_VENV)/.sam $(VENV)/.local $(SAM_VENV)/.runtime  ## Package every function and the layer into .aws-sam/build, check and start each
	$(SAM) build
	$(SAM_VENV)/bin/python -m infra.build.check
	$(BIN)/python -m infra.build.start

# SAM calls these with ARTIFACTS_DIR. They copy, so that no function gets more than the two folders.
PACKAGE_PYTHON ?= 3.13
PACKAGE_PLATFORM ?= manylinux2014_aarch64

build-DependenciesLayer:
	python="$$(infra/build/python.sh)" && "$$python" -m pip install --quiet $(PIP_FLAGS) --no-compile \
		--only-binary=:all: --implementation cp --python-version $(PACKAGE_PYTHON) --platform $(PACKAGE_PLATFORM) \
		--target "$(ARTIFACTS_DIR)/python" --requirement requirements/functions.txt && \
		"$$python" -m infra.build.trim "$(ARTIFACTS_DIR)/python"
	@infra/build/compile.sh "$(ARTIFACTS_DIR)" $(PACKAGE_PYTHON)

# A function gets a new version, which `live` moves to, only where its package is a new one, whatever else of it has
# changed: so what parameters, timeouts and the layer come from is in the package, as a hash.
RELEASE := template.yaml samconfig.toml requirements/functions.txt infra/build/trim.py

build-%:
	@tar cf - --exclude=__pycache__ functions shared | tar xf - -C "$(ARTIFACTS_DIR)"
	@cat $(RELEASE) | { sha256sum 2>/dev/null || shasum -a 256; } >"$(ARTIFACTS_DIR)/release.txt"
	@infra/build/compile.sh "$(ARTIFACTS_DIR)" $(PACKAGE_PYTHON)

# ---------------------------------------------------------------- deploy, STAGE=dev or prod

setup: $(VENV)/.local  ## The secrets of a stage, asked for or made up: make setup STAGE=dev
	@$(BIN)/python -m infra.operate.stage setup

deploy: build  ## Package and deploy a stage; it shows what changes and asks
	$(SAM) deploy --config-env $(STAGE)

webhook: $(VENV)/.local  ## Tell Telegram where a stage's webhook is
	@$(BIN)/python -m infra.operate.stage webhook

teardown: $(VENV)/.local  ## Take a stage's stack and webhook away; its table and secrets stay
	@$(BIN)/python -m infra.operate.stage teardown

# ---------------------------------------------------------------- tools

$(VENV)/bin/python:
	@python="$$(infra/build/python.sh)" && echo "==> Making $(VENV) with $$python" && "$$python" -m venv $(VENV)

$(VENV)/.local: requirements/local.txt | $(VENV)/bin/python
	@echo "==> Installing what the service needs (once; a minute)"
	@$(BIN)/python -m pip install $(PIP_FLAGS) --quiet --progress-bar on --requirement requirements/local.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.local
	@echo "==> Installing what the tests need (once; a minute)"
	@$(BIN)/python -m pip install $(PIP_FLAGS) --quiet --progress-bar on --requirement requirements/dev.txt
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	@$(BIN)/python -m pip install $(PIP_FLAGS) --quiet --requirement requirements/fuzz.txt
	@touch $@

# SAM CLI and the embedded AWS want different versions of the same libraries.
$(SAM_VENV)/.sam: requirements/sam.txt
	@python="$$(infra/build/python.sh)" && "$$python" -m venv $(SAM_VENV)
	@echo "==> Installing the SAM CLI (once; a minute)"
	@$(SAM_VENV)/bin/python -m pip install $(PIP_FLAGS) --quiet --requirement requirements/sam.txt
	@touch $@

# Lambda's runtime client, away from any other package: what it starts must not find one that was not packaged.
$(SAM_VENV)/.runtime: requirements/runtime.txt | $(SAM_VENV)/.sam
	@$(SAM_VENV)/bin/python -m pip install $(PIP_FLAGS) --quiet --upgrade --target $(SAM_VENV)/runtime --requirement requirements/runtime.txt
	@touch $@

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-annotate

lock:  ## Pin the newest versions that fit, with hashes (needs uv)
	$(LOCK) --upgrade pyproject.toml --extra local --extra dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra local --constraint requirements/dev.txt --output-file requirements/local.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/functions.txt
	$(LOCK) --upgrade requirements/sam.in --output-file requirements/sam.txt
	$(LOCK) --upgrade requirements/fuzz.in --output-file requirements/fuzz.txt
	$(LOCK) --upgrade requirements/runtime.in --output-file requirements/runtime.txt

audit-dependencies: $(VENV)/.dev  ## Ask OSV for known vulnerabilities of everything pinned (exit 2: it could not be asked)
	@$(BIN)/python -m infra.checks.vulnerabilities

clean:  ## Remove what was built and installed; the data under .local stays
	rm -rf $(VENV) $(SAM_VENV) .aws-sam .mypy_cache .ruff_cache .pytest_cache
