# Each target sets up what it needs by itself; Python 3.11 or later and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: up setup test bench check screenshots mutate lock clean
.DEFAULT_GOAL := up

up: setup ## the whole chain on loopback, with a simulated RENTESEG; Ctrl-C stops it
	@exec $(BIN)/renteseg up

setup: .venv/ready .programs/ready ## the environment and the fetched programs

test: .venv/ready-dev .programs/ready ## the whole test suite, in two processes: the running chain, and all else
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

bench: .venv/ready-dev .programs/ready ## the benchmarks against peers; ONLY=NAME runs one of them
	$(BIN)/python -m bench $(ONLY)

check: .venv/ready-dev .programs/ready ## linters, types, import contracts, rules, configuration
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/renteseg check
	$(BIN)/python -m grafana.build --check
	.programs/bin/promtool check rules rules/*.yml
	.programs/bin/promtool test rules tests/rules/*.yml

screenshots: .venv/ready-dev .programs/ready ## take the pictures of docs/manual anew
	$(BIN)/python -m tests.console.screenshots

mutate: .venv/ready-dev .programs/ready ## spoil every rule in every place and see whether its tests notice
	$(BIN)/python -m tests.rules.mutation

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "this Python lacks venv; install it (Debian: apt install python3-venv) or name another with PYTHON=" >&2; exit 1; }
	@echo "setting up the Python environment in .venv (about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	@echo "adding the development tools"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.programs/ready: chain/programs.py | .venv/ready
	@$(BIN)/python -m chain.programs
	@touch $@

lock: .venv/ready ## write the lock files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" --quiet -o requirements-dev.lock

clean: ## remove the environment and the fetched programs; the data in .state stays
	rm -rf .venv .programs
