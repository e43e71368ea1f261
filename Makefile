# `make` without a target lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
SAM_VENV := .venv-sam
CHECKOV_VENV := .venv-checkov
SAM := SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam
# The region of every stage. Set here so that the stack, its secrets and the commands agree, whatever the AWS profile says.
export AWS_DEFAULT_REGION ?= eu-central-1
# The lock files name every package, so pip has nothing to resolve.
PIP_FLAGS := --disable-pip-version-check --no-input --require-hashes --no-deps

.PHONY: help run demo initdata audit refund redrive test test-unit test-integration test-browser screenshots browser proof proof-night mutants mutants-night luck fuzz lint format lock openapi client vendor validate build setup deploy webhook teardown audit-dependencies clean bench export erase ban unban remove dashboard

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ---------------------------------------------------------------- run

run: $(VENV)/.local  ## Run the service on this machine at http://localhost:8000 (settings: PORT, LOCAL_DATA_DIR, …)
	@exec $(BIN)/python -m infra.local

demo: $(VENV)/.local  ## Fill the running service with a made-up day: orders, takes, reviews, complaints, threads (PORT=…)
	@$(BIN)/python -m infra.local.demo

initdata: $(VENV)/.local  ## Print signed initData for a Telegram user id: make -s initdata ID=1
	@$(BIN)/python -m infra.local.initdata --user $(ID)

audit: $(VENV)/.local  ## Check every invariant of money, orders and ratings over the table (STAGE=local)
	@$(BIN)/python -m infra.operate.audit

refund: $(VENV)/.local  ## Refund a payment through its provider: make refund PAYMENT=… (STAGE=local)
	@$(BIN)/python -m infra.operate.refund

redrive: $(VENV)/.local  ## Handle the messages in the dead letter queues once more (STAGE=local)
	@$(BIN)/python -m infra.operate.redrive

export: $(VENV)/.local  ## Print the personal data of a user: make -s export ID=… BY=… WHY=… (STAGE=local)
	@$(BIN)/python -m infra.operate.actions export

erase: $(VENV)/.local  ## Erase the personal data of a user: make erase ID=… BY=… WHY=… (STAGE=local)
	@$(BIN)/python -m infra.operate.actions erase

ban: $(VENV)/.local  ## Ban a user and remove their running orders: make ban ID=… BY=… WHY=… (STAGE=local)
	@$(BIN)/python -m infra.operate.actions ban

unban: $(VENV)/.local  ## Lift the ban of a user: make unban ID=… BY=… WHY=… (STAGE=local)
	@$(BIN)/python -m infra.operate.actions unban

remove: $(VENV)/.local  ## Remove an order: make remove ID=… BY=… WHY=… (STAGE=local)
	@$(BIN)/python -m infra.operate.actions remove

# ---------------------------------------------------------------- test

# Without bytecode, each process of pytest would compile every test and its assertions again: twice the time of a start.
test test-unit test-integration: export PYTHONDONTWRITEBYTECODE :=

# Integration tests start first. They mostly wait, so the other workers use the processor meanwhile.
test: $(VENV)/.dev  ## Run every test except the long ones
	$(BIN)/pytest -n 4 --no-loadscope-reorder -m "not proof and not browser"

test-unit: $(VENV)/.dev  ## Run the tests that start no process
	$(BIN)/pytest -n auto -m "not integration and not proof and not browser"

test-integration: $(VENV)/.dev  ## Run the tests that use HTTP and the embedded AWS
	$(BIN)/pytest -n 3 -m "integration and not proof"

test-browser: browser  ## Run the tests of the panel and the sandbox in Chromium
	$(BIN)/pytest -n 3 -m browser tests/browser

screenshots: browser  ## Write the pictures of README.md and docs/operators.md
	@$(BIN)/python -m tests.browser.screenshots

# The times of requests are measured first, while nothing else runs.
proof: $(VENV)/.dev  ## Run the long tests, mutation testing and one minute of fuzzing
	$(BIN)/pytest -m proof tests/bench
	$(BIN)/pytest -n 3 -m proof --ignore=tests/bench --durations=12
	@$(MAKE) --no-print-directory mutants
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=60

mutants: $(VENV)/.dev  ## Run mutation testing: changed modules whole, a sample of the others (minutes; MODULES=… runs them whole)
	$(BIN)/python -m tests.mutation $(MODULES)

mutants-night: $(VENV)/.dev  ## Run every mutant of the deployed code and record the figures (hours)
	$(BIN)/python -m tests.mutation functions shared --record

luck: $(VENV)/.dev  ## Run the property tests with 20 seeds against the mutants of the domain (an hour; MODULES=… selects)
	$(BIN)/python -m tests.mutation.luck $(MODULES)

proof-night: $(VENV)/.dev  ## Run one million seeds of the simulation (hours)
	$(BIN)/python -m tests.simulation --seeds 1000000 --processes 2

fuzz: $(VENV)/.fuzz  ## Fuzz the parsers of untrusted input for FUZZ_SECONDS=3600 (Linux)
	$(BIN)/python -m tests.fuzz

bench: $(VENV)/.dev  ## Measure cold starts, requests, calls, packages and growth; write docs/performance.md (10 minutes)
	$(BIN)/python -m tests.bench

browser: $(VENV)/.browser  ## Install what the tests in a browser need, with Debian's Chromium if there is none (CHROMIUM=… names one)
	@test -n "$(CHROMIUM)" || command -v chromium >/dev/null || { apt-get update -qq && apt-get install -qq --yes chromium; }

lint: $(VENV)/.dev  ## Check formatting, lint rules, types and import layers
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format the code and apply automatic lint fixes
	$(BIN)/ruff format --quiet
	$(BIN)/ruff check --fix --quiet

openapi: $(VENV)/.local  ## Generate functions/meta/openapi.json from the code
	$(BIN)/python -m infra.checks.openapi

dashboard: $(VENV)/.local  ## Write the body of the CloudWatch dashboard into template.yaml, from infra/build/dashboard.py
	@$(BIN)/python -m infra.build.dashboard

# npm installs the locked packages only, and runs none of their install scripts.
client: $(VENV)/.local  ## Generate the TypeScript types in infra/client from the OpenAPI, type-check the client and compile it for the sandbox (needs Node.js)
	@cd infra/client && npm ci --silent --ignore-scripts && npm run --silent generate >/dev/null && npm run --silent check && npm run --silent compile
	@$(BIN)/python -m infra.build.vendor client
	@echo "Generated infra/client/schema.ts from functions/meta/openapi.json. client.ts, live.ts and usage.ts type-check."

# The pages' packages, from static/package-lock.json. The copies are committed: a build needs no Node.js.
vendor: $(VENV)/.local  ## Copy the locked npm packages of the panel and the API page into static/ (needs Node.js)
	@cd static && npm ci --silent --ignore-scripts
	@$(BIN)/python -m infra.build.vendor pages

# ---------------------------------------------------------------- package

validate: $(SAM_VENV)/.sam $(CHECKOV_VENV)/.checkov $(VENV)/.local  ## Lint template.yaml and samconfig.toml: SAM, cfn-lint, checkov
	$(SAM) validate --lint
	$(BIN)/python -m infra.checks.template

build: $(SAM_VENV)/.sam $(VENV)/.local $(SAM_VENV)/.runtime  ## Package every function and the layer into .aws-sam/build, then check and start each
	$(SAM) build
	$(SAM_VENV)/bin/python -m infra.build.check
	$(BIN)/python -m infra.build.start

# SAM calls these targets with ARTIFACTS_DIR. They copy two folders; SAM itself would copy the whole tree.
PACKAGE_PYTHON ?= 3.13
PACKAGE_PLATFORM ?= manylinux2014_aarch64

build-DependenciesLayer:
	python="$$(infra/build/python.sh)" && "$$python" -m pip install --quiet $(PIP_FLAGS) --no-compile \
		--only-binary=:all: --implementation cp --python-version $(PACKAGE_PYTHON) --platform $(PACKAGE_PLATFORM) \
		--target "$(ARTIFACTS_DIR)/python" --requirement requirements/functions.txt && \
		"$$python" -m infra.build.trim "$(ARTIFACTS_DIR)/python"
	@infra/build/compile.sh "$(ARTIFACTS_DIR)" $(PACKAGE_PYTHON)

# SAM publishes a new version, and moves the alias `live` to it, only when the package changes. A change of parameters,
# timeouts or the layer must publish a version as well, so a hash of the files they come from is part of the package.
RELEASE := template.yaml samconfig.toml requirements/functions.txt infra/build/trim.py

# A page's files are in the package of its function only, with the code that it imports: infra/build/check.py has the same.
PAGE_CODE := functions/__init__.py functions/meta shared/*.py shared/domain shared/handlers shared/http
CODE_GetPanel := $(PAGE_CODE) static/admin
CODE_GetDocs := $(PAGE_CODE) static/docs

build-%:
	@tar cf - --exclude=__pycache__ $(or $(CODE_$*),functions shared) | tar xf - -C "$(ARTIFACTS_DIR)"
	@cat $(RELEASE) | { sha256sum 2>/dev/null || shasum -a 256; } >"$(ARTIFACTS_DIR)/release.txt"
	@infra/build/compile.sh "$(ARTIFACTS_DIR)" $(PACKAGE_PYTHON)

# ---------------------------------------------------------------- deploy, STAGE=dev or prod

setup: $(VENV)/.local  ## Store the secrets of a stage in SSM, prompted for or generated: make setup STAGE=dev
	@$(BIN)/python -m infra.operate.stage setup

deploy: build  ## Package and deploy a stage; shows the changes and asks for confirmation
	$(SAM) deploy --config-env $(STAGE)

webhook: $(VENV)/.local  ## Register the webhook of a stage with Telegram
	@$(BIN)/python -m infra.operate.stage webhook

teardown: $(VENV)/.local  ## Delete the stack and the webhook of a stage; its table and secrets stay
	@$(BIN)/python -m infra.operate.stage teardown

# ---------------------------------------------------------------- tools

# Each virtual environment gets the locked pip, which installs twice as fast as the pip of Python 3.11.
$(VENV)/.pip $(SAM_VENV)/.pip $(CHECKOV_VENV)/.pip: %/.pip: requirements/pip.txt
	@infra/build/venv.sh $* $(PIP_FLAGS) --quiet --no-compile
	@touch $@

# Python compiles what the service imports when it starts. To compile every file here would take longer than the start.
$(VENV)/.local: requirements/local.txt | $(VENV)/.pip
	@echo "==> Installing the dependencies of the service (once, about half a minute)"
	@$(BIN)/python -m pip install $(PIP_FLAGS) --quiet --progress-bar on --no-compile --requirement requirements/local.txt
	@touch $@

# The tests start many processes, so everything is compiled once, on all processors. Some packages contain files that no
# Python 3 compiles.
$(VENV)/.dev: requirements/dev.txt $(VENV)/.local
	@echo "==> Installing the dependencies of the tests (once, about a minute)"
	@$(BIN)/python -m pip install $(PIP_FLAGS) --quiet --progress-bar on --no-compile --requirement requirements/dev.txt
	@$(BIN)/python -m compileall -qq --workers 0 $(VENV)/lib || true
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	@$(BIN)/python -m pip install $(PIP_FLAGS) --quiet --requirement requirements/fuzz.txt
	@touch $@

# A virtual environment of its own: SAM CLI and the embedded AWS need different versions of the same libraries.
$(SAM_VENV)/.sam: requirements/sam.txt | $(SAM_VENV)/.pip
	@echo "==> Installing the SAM CLI (once, about a minute)"
	@$(SAM_VENV)/bin/python -m pip install $(PIP_FLAGS) --quiet --requirement requirements/sam.txt
	@touch $@

# And another one: checkov pins old versions of what SAM CLI and the embedded AWS need.
$(CHECKOV_VENV)/.checkov: requirements/checkov.txt | $(CHECKOV_VENV)/.pip
	@echo "==> Installing checkov (once, about a minute)"
	@$(CHECKOV_VENV)/bin/python -m pip install $(PIP_FLAGS) --quiet --requirement requirements/checkov.txt
	@touch $@

# Lambda's runtime client, in a folder without other packages: a function must not find a package outside its own.
$(SAM_VENV)/.runtime: requirements/runtime.txt | $(SAM_VENV)/.sam
	@$(SAM_VENV)/bin/python -m pip install $(PIP_FLAGS) --quiet --upgrade --target $(SAM_VENV)/runtime --requirement requirements/runtime.txt
	@touch $@

$(VENV)/.browser: requirements/browser.txt $(VENV)/.dev
	@$(BIN)/python -m pip install $(PIP_FLAGS) --quiet --requirement requirements/browser.txt
	@touch $@

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-annotate

lock:  ## Pin the newest compatible versions with their hashes (needs uv)
	$(LOCK) --upgrade requirements/pip.in --output-file requirements/pip.txt
	$(LOCK) --upgrade pyproject.toml --extra local --extra dev --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra local --constraint requirements/dev.txt --output-file requirements/local.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/functions.txt
	$(LOCK) --upgrade requirements/sam.in --output-file requirements/sam.txt
	$(LOCK) --upgrade requirements/fuzz.in --output-file requirements/fuzz.txt
	$(LOCK) --upgrade requirements/browser.in --constraint requirements/dev.txt --output-file requirements/browser.txt
	$(LOCK) --upgrade requirements/checkov.in --output-file requirements/checkov.txt
	$(LOCK) --upgrade requirements/runtime.in --output-file requirements/runtime.txt

audit-dependencies: $(VENV)/.dev  ## Look up every pinned package in the OSV vulnerability database (exit code 2: not audited)
	@$(BIN)/python -m infra.checks.vulnerabilities

clean:  ## Remove build output and virtual environments; the data in .local stays
	rm -rf $(VENV) $(SAM_VENV) $(CHECKOV_VENV) .aws-sam .mypy_cache .ruff_cache .pytest_cache
