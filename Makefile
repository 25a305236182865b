# Everything a developer does, over uv in a virtual environment of the project's own.
# `make` alone lists the targets. Only Python 3.11 or newer and make have to be there before the first one; Node.js, which
# the dashboard is built with, comes with a Python wheel where there is none, or none that is new enough.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Images for containers like to set it; every process of a test would then compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# The first interpreter that is new enough makes the environment; `make PYTHON=… test` chooses another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# Written when the environment holds what requirements/dev.txt says.
INSTALLED := $(VENV)/.installed
# The dashboard, and what it is made from: changes of its tests do not change it.
DASHBOARD := src/modelyard/dashboard/index.html
SOURCES := docs/reference/openapi.json $(shell find web -mindepth 1 \( \( -name node_modules -o -name .vitest \) -prune \) -o \
	\( ! -name 'schema.d.ts' ! -name '*.test.ts*' -print \))
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"
WORKERS ?= auto

.PHONY: help demo serve dashboard try-dashboard test check format bench tour docs features lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) try-dashboard ## train, register, gate, compare, promote, deploy and roll back real models; prints the story
	$(BIN)/python examples/quickstart.py
	$(BIN)/python examples/release.py

serve: $(INSTALLED) try-dashboard ## serve the registry that `make demo` left behind, and the dashboard, on port 5000
	$(BIN)/modelyard serve --home demo_registry

dashboard: $(DASHBOARD) ## build the dashboard, if anything that it is made from has changed

# What has npm's packages to fetch may be cut off from them where Python's could be had. All else works without.
try-dashboard: $(INSTALLED)
	@$(MAKE) dashboard || echo "make: the dashboard was not built, see above; everything else works without it" >&2

test: $(INSTALLED) $(DASHBOARD) ## run every test, on all cores, with the coverage gates
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term
	@report=$$($(BIN)/coverage report --include='*/modelyard/domain/*' --fail-under=100) || \
		{ echo "$$report"; echo "make test: domain/ is pure, so every line and branch of it has to be tested" >&2; exit 1; }

check: $(INSTALLED) ## lint, formatting, types, direction of imports, style figures, links; the dashboard's lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/figures.py
	$(BIN)/python tools/docs.py --check
	$(BIN)/python tools/web.py check

format: $(INSTALLED) ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED) ## measure speed as ratios to yardsticks timed in the same run
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

tour: $(INSTALLED) $(DASHBOARD) ## take the pictures of docs/tour again, of the demo in a real browser
	MODELYARD_REQUIRE=chromium,dashboard MODELYARD_SCREENSHOTS=docs/tour $(BIN)/python -m pytest -q tests/e2e/dashboard/test_newcomer.py

docs: $(INSTALLED) ## write the generated pages: docs/reference and .env.example
	$(BIN)/python tools/docs.py

features: $(INSTALLED) ## list the promises of docs/features.md that no test proves yet
	$(BIN)/python tools/features.py

lock: $(UV) ## resolve the requirements again and write them with their hashes
	$(COMPILE) pyproject.toml --extra all --output-file requirements/runtime.txt
	$(COMPILE) pyproject.toml --all-extras --group dev --constraint requirements/runtime.txt --no-annotate \
		--output-file requirements/dev.txt
	$(COMPILE) requirements/uv.in --output-file requirements/uv.txt
	$(COMPILE) requirements/node.in --output-file requirements/node.txt

clean: ## remove the environment, caches and what the demo left behind
	rm -rf $(VENV) build dist htmlcov demo_registry web/node_modules web/.vitest $(dir $(DASHBOARD)) .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache \
		.hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian leaves ensurepip out of its Python unless python3-venv is installed; pip from outside serves as well.
$(UV): requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer; make PYTHON=/path/to/python3.12 test" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@install() { "$$@" install --quiet --require-hashes --requirement requirements/uv.txt; }; \
	if $(BIN)/python -m pip --version >/dev/null 2>&1; then install $(BIN)/python -m pip; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then install $(PYTHON) -m pip --python $(BIN)/python; \
	else echo "make: $(PYTHON) has no pip; on Debian: apt-get install python3-venv" >&2; exit 1; fi
	@touch $@

$(INSTALLED): $(UV) requirements/dev.txt pyproject.toml src/modelyard/_version.py
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# npm writes it anew each time, so its age is that of the build.
$(DASHBOARD): $(SOURCES) | $(INSTALLED)
	$(BIN)/python tools/web.py build
