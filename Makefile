# make demo     the lanes on this machine, end to end
# make test     lint, types and every test but the slow tiers
# make help     the rest
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint format manifests lock clean help
.DEFAULT_GOAL := help

demo: $(VENV)/mesh.done ## run the demo: lanes, split, fallback
	@$(BIN)/lanes demo

test: lint $(BIN)/helm ## lint, types, unit, chart and mesh tests
	$(BIN)/pytest -n auto --dist loadscope

lint: $(VENV)/dev.done ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.done ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

manifests: $(VENV)/dev.done $(BIN)/helm ## render k8s/ from the chart
	$(BIN)/python scripts/manifests.py

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" pyproject.toml
lock: $(VENV)/dev.done ## renew the locked requirements
	$(LOCK) -o requirements/service.txt
	$(LOCK) -c requirements/service.txt --extra mesh -o requirements/mesh.txt
	$(LOCK) -c requirements/mesh.txt --extra mesh --extra dev -o requirements/dev.txt

clean: ## remove the virtual environment and what tools cached
	rm -rf $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

# The demo installs what it runs; tests and tools come on top, in the same place.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r
SELF    := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .

$(VENV)/mesh.done: requirements/mesh.txt pyproject.toml
	@test -x $(BIN)/python || { echo "setting up $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@$(INSTALL) requirements/mesh.txt
	@$(SELF)
	@touch $@

$(VENV)/dev.done: requirements/dev.txt $(VENV)/mesh.done
	@$(INSTALL) requirements/dev.txt
	@touch $@

$(BIN)/helm: $(VENV)/dev.done scripts/helm.py
	@$(BIN)/python scripts/helm.py $@
