# Two commands get you going:  make lab   (a three-node cluster network on this machine)   and   make test
# Below them: setup, bench, contract, lint, lock, clean; make kubernetes builds the real Kubernetes that the cluster tests use.

PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(wildcard cni/*.c cni/*.h cni/*.py) pyproject.toml

.PHONY: lab test setup bench contract lint kubernetes lock clean
.DEFAULT_GOAL := lab

lab: setup
	@$(BIN)/midonet-kube lab $(ARGS)

test: .venv/.dev
	@$(BIN)/python -m pytest $(ARGS)

bench: .venv/.dev
	@$(BIN)/python -m pytest tests/bench -s -o python_files='bench_*.py' $(ARGS)

# Asks a MidoNet what MidoNet has to answer:  MIDONET_API=http://HOST:8181/midonet-api make contract  (without: minimidonet)
contract: .venv/.dev
	@$(BIN)/python -m pytest tests/contract/midonet_api/test_recorded_cases.py $(ARGS)

lint: .venv/.dev
	@$(BIN)/ruff check src tests cni tools
	@$(BIN)/ruff format --check src tests cni tools
	@$(BIN)/mypy
	@$(BIN)/lint-imports

setup: .venv/.programs

.venv/.locked: requirements/run.txt tools/preflight.sh
	@sh tools/preflight.sh $(PYTHON)
	@echo "setup: virtual environment and locked dependencies (.venv)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt -r requirements/build.txt
	@touch $@

.venv/.programs: .venv/.locked $(SOURCES)
	@echo "setup: programs and the CNI plugin ($(BIN))"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.programs requirements/dev.txt
	@echo "setup: what the tests need"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

kubernetes:
	@tools/kubernetes/build.sh $(ARGS)

lock:
	@for set in run build dev; do (cd requirements && $(CURDIR)/$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --upgrade --quiet $$set.in --output-file $$set.txt); done

clean:
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
