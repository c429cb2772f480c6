# Every target does its own set-up in .venv; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo check test mutants schemas bench

demo: .venv/ready
	$(BIN)/reversa demo

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -m "not servers and not long"

test: .venv/ready
	$(MAKE) check
	$(BIN)/pytest -n 2 -m "long and not servers"
	$(BIN)/pytest -m servers
	$(BIN)/python -m tests.mutation --changed

mutants: .venv/ready
	$(BIN)/python -m tests.mutation

schemas: .venv/ready
	$(BIN)/python -m reversa.schema

bench: .venv/ready
	$(BIN)/python -m benchmarks.road
	$(BIN)/python -m benchmarks.export
	$(BIN)/python -m benchmarks.archive
	$(BIN)/python -m benchmarks.csv_loss

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reversa needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[postgresql,mariadb,mapped,documents,columnar,testing]" --group dev
	touch $@
