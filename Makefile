# Everything a person does with this repository. Nothing but python3, make and a package index is needed.
#
#   PYTHON=python3.13 make up      another interpreter for a new environment
#   make test ARGS="-k delay"      options for pytest

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Each worker of the test run may start servers of its own; more than four do not pay.
WORKERS ?= auto
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install -qq
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: $(RUNTIME) ## start everything on this machine: Temporal, API, worker, sample data (Ctrl-C stops it)
	@exec $(BIN)/followthrough up

.PHONY: test
test: $(DEV) ## run the tests (ARGS="-k name" chooses)
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadgroup $(ARGS)

.PHONY: test-long
test-long: $(DEV) ## also run the tests marked long (much longer; ARGS="--database postgresql" as in production)
	$(BIN)/python -m pytest -m "long or not long" -n $(WORKERS) --maxprocesses 4 --dist loadgroup --timeout 1800 $(ARGS)

.PHONY: lint
lint: $(DEV) ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: bench
bench: $(DEV) ## measure; prints numbers, asserts nothing; keep them in docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: docs
docs: $(DEV) ## write the generated reference in docs/
	$(BIN)/python -m docs.build

.PHONY: lock
lock: $(DEV) ## choose newer versions within the ranges of pyproject.toml
	$(PIP) uv
	$(BIN)/uv pip compile -q $(LOCK_OPTIONS) --upgrade --group build -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile -q $(LOCK_OPTIONS) --upgrade --all-extras --group build -c requirements.lock -o requirements-extras.lock pyproject.toml
	$(BIN)/uv pip compile -q $(LOCK_OPTIONS) --upgrade --group dev -c requirements-extras.lock -c requirements.lock -o requirements-dev.lock pyproject.toml

# Names, versions and hashes only: where packages come from is each machine's own business.
LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: clean
clean: ## remove the environment and everything built; data/ stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Followthrough needs Python 3.11 or newer; $(PYTHON) is not. Choose one with: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

# Installing twice costs a second, so the project itself is part of both stamps.
$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the pinned requirements (the first time about a minute) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME) | $(BIN)/python
	@echo "Installing what tests and checks need ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
