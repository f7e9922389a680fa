# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
BASE := .venv-base/bin
INSTALLED := .venv/.installed
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-header --no-annotate --quiet
export DO_NOT_TRACK := 1
# Compiled modules are kept, in .venv and ignored folders, even where the shell forbids it: torch then loads in a third of the time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: docs help install wheel demo demo-paper test test-all coverage test-slow test-server test-gpu lint format bench lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

install: $(INSTALLED)  ## create .venv with the locked versions

$(INSTALLED): requirements.lock requirements-base.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"python: expected 3.11 or newer, but got {v[0]}.{v[1]}. Run: make PYTHON=python3.11 ...")'
	@echo "Installing the locked versions into .venv (about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -E '^uv==' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --build-constraints requirements.lock --editable .
	@# a second environment with nothing but the base install, hard links into the first one's cache: its tests run there
	@test -x $(BASE)/python || $(PYTHON) -m venv --without-pip .venv-base
	@$(BIN)/uv pip sync --quiet --python $(BASE)/python requirements-base.lock
	@$(BIN)/uv pip install --quiet --python $(BASE)/python --no-deps --build-constraints requirements.lock --editable .
	@touch $@

wheel: install  ## build the wheel into dist/
	@$(BIN)/python -m hatchling build --target wheel

demo: install  ## run the main job on the embedded default: about 90 s, no network, no GPU
	@$(BIN)/t2c demo

demo-paper: install  ## the paper's experiments on a drawn world, written to docs/paper.md: about 5 minutes, no network, no GPU
	@$(BIN)/python -m t2c.flows.paper

# three workers on two cores: tests of servers wait; more threads of BLAS only spin against each other
test: export OMP_NUM_THREADS := 1
test: lint  ## lint, types, import contracts and every test a bare machine can run
	$(BIN)/python -m pytest -n 3 --dist loadfile -q -m 'not slow and not gpu'

coverage: install  ## the tests with line and branch coverage, at least 90 %
	$(BIN)/python -m pytest -n 3 --dist loadfile -q --cov --cov-report=term

test-all: lint  ## every test that a bare machine can run, the minutes-long ones too: random kills, full statistics
	$(BIN)/python -m pytest -n 3 --dist loadfile -q -m 'not gpu'

test-slow: install  ## the minutes-long tests alone
	$(BIN)/python -m pytest -m slow -q

test-server: install  ## the tests that start a Prefect server and a worker on loopback
	$(BIN)/python -m pytest -m server -q

test-gpu: install  ## the tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu -q

lint: install  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## format and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## every speed and memory claim, as ratios measured side by side in one run
	$(BIN)/python -m benchmarks

docs: install  ## write docs/tables.md and docs/commands.md from the code
	@$(BIN)/python docs/generate.py

lock: install  ## resolve the newest allowed versions into requirements.lock and requirements-base.lock
	$(LOCK) --group dev --extra all --upgrade -o requirements.lock
	$(LOCK) --constraint requirements.lock -o requirements-base.lock

clean:  ## remove what the demo and the tests left
	rm -rf demo-store demo-out paper-out tour-store concepts.txt report.html audit.html .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
