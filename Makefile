# GNU make, pip and Python 3.10, 3.11 or 3.12 are all that is needed: make PYTHON=python3.12 test
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .build/airflow/bin
FEDERATION_BIN := .build/federation/bin
UNIT := not federation and not airflow and not browser and not store
PYTEST_OPTIONS ?=
# How many processes share the tests; 0: all in one.
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist loadscope --no-loadscope-reorder
KILLS ?= 200
# Environments that nothing but test-all-versions needs.
OTHER_VERSIONS := flare-2.7 flare-2.8

.PHONY: help environments demo test test-unit test-all-versions chaos outages compose-check bench lint format typecheck constraints federation-code clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | \
		while IFS='|' read -r name what; do printf '  make %-18s %s\n' "$$name" "$$what"; done

environments: ## Build Airflow's environment and the federation's, below .build/
	@$(PYTHON) demo/environments.py

demo: environments ## Start a federation and Airflow, run the example DAG; CHECK=1 ends after it
	@$(BIN)/python -m demo $(if $(CHECK),--check)

test: lint typecheck ## Run all checks and all tests
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS)

test-unit: environments ## Run the tests that start no federation, Airflow, browser or object store
	$(BIN)/python -m pytest $(PARALLEL) -m "$(UNIT)" $(PYTEST_OPTIONS)

test-all-versions: environments ## Try four nvflare versions, and write docs/versions.md; takes a quarter of an hour
	@$(PYTHON) demo/environments.py $(OTHER_VERSIONS)
	FLARE_VERSIONS=all FLARE_VERSIONS_TABLE=docs/versions.md $(BIN)/python -m pytest tests/versions $(PYTEST_OPTIONS)

chaos: environments ## Kill every process at every step, KILLS times, and write docs/kill-matrix.md; takes an hour
	@$(BIN)/python -m tests.chaos --kills $(KILLS) --table docs/kill-matrix.md $(CHAOS_OPTIONS)

outages: environments ## Run the tests with long outages and many tasks; takes most of an hour, and root for some
	OUTAGES=long $(BIN)/python -m pytest tests/outages $(PYTEST_OPTIONS)

compose-check: environments ## Try the cluster of docker-compose.yaml; STAND_INS=1 where no image registry is reached, KEEP=1 keeps images
	$(BIN)/python -m tests.compose $(if $(STAND_INS),--stand-ins) $(if $(KEEP),--keep)

bench: environments ## Measure what waiting costs and what large results need, see benchmarks/README.md
	$(BIN)/python -m benchmarks.waiting
	$(BIN)/python -m benchmarks.many_sets
	$(BIN)/python -m benchmarks.large_results
	$(BIN)/python -m benchmarks.large_values
	$(BIN)/python -m benchmarks.large_downloads

lint: environments ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: environments ## Put the code in format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

typecheck: environments ## Check the types
	$(BIN)/mypy

constraints: ## Resolve the versions afresh for this Python, into constraints/
	$(PYTHON) -m demo.make_constraints

federation-code: environments ## Generate the federations' code from their configurations
	cd demo/federation && ../../$(FEDERATION_BIN)/dfm fed -c federations.yaml gen code weather --output-dir .
	cd tests/federation && ../../$(FEDERATION_BIN)/dfm fed -c federations.yaml gen code trials --output-dir .
	rmdir demo/federation/workspace tests/federation/workspace

clean: ## Remove the environments and all caches
	rm -rf .build .mypy_cache .pytest_cache .ruff_cache dist
