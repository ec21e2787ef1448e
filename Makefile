# make demo     the lanes on this machine, end to end
# make test     lint, types and every test but the slow tiers
# make help     the rest
PYTHON  ?= python3
PORT    ?= 8080
SECONDS := 120
VENV    := .venv
BIN     := $(VENV)/bin

.PHONY: demo test check scan image demo-image image-test test-injection test-languages test-browser test-istio test-conformance conformance findings test-cluster \
	soak fuzz bench mutants sbom lint format manifests lock clean help
.DEFAULT_GOAL := help

demo: $(VENV)/mesh.done ## the lanes on this machine: paths, split, fallback; PORT=8080
	@$(BIN)/lanes demo --port $(PORT)

test: lint $(BIN)/helm ## lint, types, unit, chart and mesh tests: about five minutes on two cores
	$(BIN)/pytest -n auto --dist loadscope --no-loadscope-reorder

check: scan ## all about the chart: its tests, schemas, drift, and make scan
	$(BIN)/pytest -n auto tests/chart

WORKFLOWS := $(wildcard .github/workflows/*.yaml) examples/pull-requests/workflow.yaml
ACTIONLINT := github.com/rhysd/actionlint cmd/actionlint v1.7.12
scan: $(VENV)/scan/done $(BIN)/helm ## policy scan of chart and Dockerfile; workflows
	$(VENV)/scan/bin/hadolint Dockerfile
	@mkdir -p build
	@$(BIN)/helm template demo helm/traffic-lanes -n lanes --skip-tests > build/chart.yaml
	$(VENV)/scan/bin/checkov --config-file .checkov.yaml --file build/chart.yaml Dockerfile
	$(VENV)/scan/bin/zizmor --offline --quiet $(WORKFLOWS)
	@if command -v go >/dev/null; then \
		actionlint=$$($(BIN)/python -m scripts.golang $(ACTIONLINT)) && $$actionlint $(WORKFLOWS); \
	else echo "actionlint: skipped, no Go here"; fi

image: ## the image, by docker, podman or buildah; BASE=stand-in where no registry can be reached
	@$(PYTHON) scripts/image.py --base "$(BASE)"

demo-image: ## the laptop mesh as an image: docker run --rm -p 8080:8080 -p 8081:8081 ...
	@$(PYTHON) scripts/image.py --demo --base "$(BASE)"

image-test: $(VENV)/dev.done $(BIN)/helm ## build the image and run it as a strict cluster does
	BASE="$(BASE)" $(BIN)/pytest -n auto --dist loadscope tests/image

test-injection: $(VENV)/dev.done $(BIN)/helm ## lanes under what the OpenTelemetry Operator injects
	$(BIN)/pytest tests/injection

test-languages: $(VENV)/dev.done $(VENV)/languages/done $(BIN)/helm ## a lane through Java, Node, Go, other clients of Python
	$(BIN)/pytest -rs tests/languages

test-browser: $(VENV)/browser.done ## live map and report in a real browser; CHROMIUM=its path, where it is not on PATH
	CHROMIUM="$(CHROMIUM)" $(BIN)/pytest -rs tests/browser

test-istio: $(VENV)/dev.done $(BIN)/helm ## plan and chart compared with the real istiod; SETS=2000 SEED= of manifests
	@istiod=$$($(BIN)/python -m scripts.istiod $(ISTIO)) && ISTIOD=$$istiod SETS="$(SETS)" SEED="$(SEED)" $(BIN)/pytest -n 2 --dist loadscope tests/istio

test-conformance: $(VENV)/dev.done ## plan and lanes up compared with the Gateway API's conformance suite; it needs Go
	$(BIN)/pytest -rs tests/conformance

conformance: $(VENV)/dev.done ## docs/conformance.md from the conformance suite
	$(BIN)/python -m tests.conformance.page

findings: $(VENV)/dev.done $(BIN)/helm ## what kube-score, istioctl analyze and helm lint say of all that is rendered here
	@$(BIN)/python -m scripts.findings

test-cluster: $(VENV)/dev.done $(BIN)/helm ## the docs' commands on a cluster that is there for tests; CLUSTER=its context
	@test -n "$(CLUSTER)" || { echo "which cluster is there for tests? CLUSTER=<its kubeconfig context>" >&2; exit 2; }
	@CLUSTER="$(CLUSTER)" IMAGE="$(IMAGE)" NEXT_IMAGE="$(NEXT_IMAGE)" INJECTED_IMAGE="$(INJECTED_IMAGE)" \
		JAEGER_IMAGE="$(JAEGER_IMAGE)" \
		NODE="$(NODE)" AWAY="$(AWAY)" POLICIES="$(POLICIES)" $(BIN)/pytest -rP tests/cluster

soak: $(VENV)/dev.done ## trouble for the laptop mesh under load, while lanes must hold; SECONDS=120 SEED= MANIFESTS=
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(MANIFESTS)

fuzz: $(VENV)/dev.done ## odd manifests through plan, lint and up, by a seed: no fault of ours; SETS=2000 SEED=
	@$(BIN)/python -m tests.fuzz $(if $(SETS),--count $(SETS)) $(if $(SEED),--seed $(SEED))

bench: $(VENV)/mesh.done $(BIN)/helm ## measure the service beside its peers, the laptop mesh, the chart
	@$(BIN)/python -m scripts.bench

mutants: $(VENV)/mutants/done $(VENV)/dev.done $(BIN)/helm ## what the unit tests let pass: COUNT=300 small changes, drawn by SEED
	@$(BIN)/python -m scripts.mutants $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT))

sbom: $(VENV)/sbom/done ## build/sbom.json: the image's Python packages
	@mkdir -p build
	@PYTHONWARNINGS=ignore $(VENV)/sbom/bin/cyclonedx-py requirements requirements/cli.txt \
		--pyproject pyproject.toml --mc-type application --output-reproducible -o build/sbom.json

lint: $(VENV)/dev.done ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.done ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

manifests: $(VENV)/dev.done $(BIN)/helm ## render k8s/ and examples/ from the chart, docs/lint.md from the rules
	$(BIN)/python scripts/manifests.py
	$(BIN)/python scripts/values_table.py
	$(BIN)/python -m scripts.values_schema
	$(BIN)/python -m scripts.lint_page

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: $(VENV)/dev.done ## renew the locked requirements
	$(LOCK) pyproject.toml -o requirements/service.txt
	$(LOCK) pyproject.toml -c requirements/service.txt --extra cli -o requirements/cli.txt
	$(LOCK) pyproject.toml -c requirements/cli.txt --extra mesh -o requirements/mesh.txt
	$(LOCK) pyproject.toml -c requirements/mesh.txt --extra mesh --extra dev -o requirements/dev.txt
	$(LOCK) pyproject.toml -c requirements/dev.txt --extra mesh --extra dev --extra browser -o requirements/browser.txt
	printf '%s\n' aiohttp fastapi grpcio httpx opentelemetry-distro uvicorn \
		opentelemetry-instrumentation-aiohttp-client opentelemetry-instrumentation-aiohttp-server \
		opentelemetry-instrumentation-fastapi opentelemetry-instrumentation-grpc \
		opentelemetry-instrumentation-httpx \
		| $(LOCK) - -o requirements/languages.txt
	printf 'checkov\nhadolint-bin\nzizmor\n' | $(LOCK) - -o requirements/scan.txt
	printf 'cosmic-ray\ncoverage\n' | $(LOCK) - -c requirements/dev.txt -o requirements/mutants.txt
	printf 'cyclonedx-bom\n' | $(LOCK) - -o requirements/sbom.txt

clean: ## remove the virtual environment and what tools left
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

# The demo installs what it runs; tests and tools come on top, in the same place.
INSTALL := install --quiet --disable-pip-version-check --require-hashes -r
SELF    := install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .

$(VENV)/mesh.done: requirements/mesh.txt pyproject.toml
	@test -x $(BIN)/python || { echo "setting up $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/pip $(INSTALL) requirements/mesh.txt
	@$(BIN)/pip $(SELF)
	@touch $@

$(VENV)/dev.done: requirements/dev.txt $(VENV)/mesh.done
	@$(BIN)/pip $(INSTALL) requirements/dev.txt
	@touch $@

$(VENV)/browser.done: requirements/browser.txt $(VENV)/dev.done
	@$(BIN)/pip $(INSTALL) requirements/browser.txt
	@touch $@

$(BIN)/helm: $(VENV)/dev.done scripts/helm.py
	@$(BIN)/python scripts/helm.py $@

# Tools that pin much of what others need, each in a place of its own.
$(VENV)/%/done: requirements/%.txt
	@$(PYTHON) -m venv $(VENV)/$*
	@$(VENV)/$*/bin/pip $(INSTALL) $<
	@touch $@
