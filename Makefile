# The two commands a stranger needs: `make audit` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
BROWSER_STAMP := tests/support/browser/node_modules/.package-lock.json
VALIDATORS_STAMP := tests/support/validators/node_modules/.package-lock.json
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=
SOURCES := src tests benchmarks tools

.PHONY: help audit test check unit bench fuzz fleet lock schemas docs system-packages clean

help:
	@echo "make audit   audit this machine with the shipped policies"
	@echo "make test    install what the tests need, then run every check and test"
	@echo "make unit    the fast tests alone"
	@echo "make check   formatting, lint, types, import direction and the shipped content"
	@echo "make bench   the benchmarks"
	@echo "make fuzz    fuzz all that reads what hosts and users send, FUZZ_SECONDS for each target"
	@echo "make fleet   20 hosts to audit over SSH, as namespaces of this machine (root, Linux)"

# A finding is a result, not a build error: only exit code 2 is an error.
audit: $(RUN_STAMP)
	@$(BIN)/portproof audit || [ $$? -ne 2 ]

test: $(DEV_STAMP) system-packages $(BROWSER_STAMP) $(VALIDATORS_STAMP) check
	$(BIN)/pytest -n 2 --dist loadfile --durations 8

check: $(DEV_STAMP)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/pytest tests/unit/test_structure.py
	$(BIN)/portproof lint policies
	$(BIN)/portproof test policies

unit: $(DEV_STAMP)
	$(BIN)/pytest tests/unit

bench: $(DEV_STAMP)
	$(BIN)/python benchmarks/run.py

# atheris has wheels for some platforms only; without it hypothesis drives.
fuzz: $(DEV_STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
	  'atheris>=3' 2>/dev/null || echo "no atheris for this Python and platform: hypothesis drives"
	PYTHONPATH=tests $(BIN)/python -m support.fuzz $(FUZZ_TARGETS) --seconds $(FUZZ_SECONDS)

fleet: $(DEV_STAMP) system-packages
	PYTHONPATH=tests $(BIN)/python -m support.fleet

# What is generated from the code and checked in.
docs: schemas
	$(BIN)/python tools/cli_reference.py > docs/cli.md
	$(BIN)/python tools/policy_reference.py
	$(BIN)/python tools/architecture.py

lock: $(DEV_STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" \
	  pyproject.toml --group dev -o requirements-dev.lock

schemas: $(DEV_STAMP)
	$(BIN)/portproof schema policy > docs/schemas/policy.schema.json
	$(BIN)/portproof schema check > docs/schemas/check.schema.json
	$(BIN)/portproof schema test > docs/schemas/test.schema.json
	$(BIN)/portproof schema audit > docs/schemas/audit.schema.json

system-packages:
	@tools/system-packages.sh

clean:
	rm -rf $(VENV) dist build tests/support/*/node_modules .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "portproof needs Python 3.11 or newer; try: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# The lock names every package, so nothing is resolved again: for an extra such as
# `pydantic[email]`, pip takes the newest release, which has no hash in an older lock.
$(DEV_STAMP): requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m pip check --quiet
	@touch $@ $(RUN_STAMP)

$(BROWSER_STAMP): tests/support/browser/package-lock.json
	@if command -v npm >/dev/null; then cd tests/support/browser && npm ci --silent --no-audit --no-fund; \
	 else echo "npm is missing: the browser tests will be skipped"; fi

$(VALIDATORS_STAMP): tests/support/validators/package-lock.json
	@if command -v npm >/dev/null; then cd tests/support/validators && npm ci --silent --no-audit --no-fund; \
	 else echo "npm is missing: the SARIF tests will be skipped"; fi
