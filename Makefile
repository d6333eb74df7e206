# Every task of the project. `make` alone lists them.
SHELL := bash
PYTHON ?= python3
ARCH ?= arm64
ENV ?= .venv
BIN := $(ENV)/bin
SAM := .tools/sam/bin
CHECKOV := .tools/checkov/bin
UV := .tools/lock/bin
PEERS := .tools/peers/bin
SBOM := .tools/sbom/bin
MUTANTS := .tools/mutants/bin
READY := $(addsuffix /ready,$(BIN) $(SAM) $(CHECKOV) $(UV) $(PEERS) $(SBOM) $(MUTANTS))
LOCK = $(UV)/uv pip compile -q --system-certs --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(ARGS)
# Byte code is kept: hundreds of processes start in the tests.
unexport PYTHONDONTWRITEBYTECODE
# Temporary files stay in the clone.
export TMPDIR := $(CURDIR)/.tools/tmp
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export SAM_CLI_TELEMETRY := 0

.PHONY: help install demo sandbox e2e test coverage lint style types template format build deploy audit soak mutants bench compare lock sbom clean
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F':.*## ' '/^[a-z][a-z0-9-]*:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(BIN)/ready ## Make .venv with the command storekey; the other targets do so by themselves

demo: $(BIN)/ready ## Play the main job on this machine; with STORE=https://... against a real store, reading only
	@$(BIN)/python -m sandbox $(if $(STORE),--store '$(STORE)')

sandbox: $(BIN)/ready ## Start a store and a stack on this machine, for the command storekey; Ctrl-C ends them
	@$(BIN)/python -m sandbox --stay

e2e: $(BIN)/ready ## Prove the deployed stack STACK=name (docs/e2e.md); more options in ARGS="..."
	$(if $(STACK),,$(error STACK is the name of a deployed stack: make e2e STACK=storekey))
	@PYTHONPATH=layers/storekey $(BIN)/python -m tests.e2e --stack '$(STACK)' $(ARGS)

test: lint ## Check all that must hold: style, types, template, tests
	@$(BIN)/python -m pytest

coverage: lint ## The same, and that the tests reach 95 % of the lines and branches of what is deployed and operated
	@$(BIN)/python -m pytest --cov

lint: $(BIN)/ready ## Check format, style, types and the template
	@$(MAKE) --no-print-directory -j3 style types template

style types template: $(BIN)/ready

style:
	@$(BIN)/ruff format --no-cache --check -q . && $(BIN)/ruff check --no-cache -q --output-format concise .

types:
	@$(BIN)/mypy --no-error-summary --num-workers 2

template:
	@$(BIN)/cfn-lint template.yaml --append-rules cfn_lint_serverless.rules

format: $(BIN)/ready ## Format the code
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

build: $(SAM)/ready ## Build what is deployed into .aws-sam/build, for arm64 or ARCH=x86_64
	$(if $(filter arm64 x86_64,$(ARCH)),,$(error ARCH is arm64 or x86_64, not $(ARCH)))
	@find functions -name __pycache__ -prune -exec rm -rf {} +
	@ARCH=$(ARCH) PYTHON="$(CURDIR)/$(SAM)/python" $(SAM)/sam build
	@sed -i.bak 's/arm64/$(ARCH)/g' .aws-sam/build/template.yaml && rm .aws-sam/build/template.yaml.bak

deploy: build ## Deploy the stack (samconfig.toml); more options in ARGS="..."
	@$(SAM)/sam deploy $(ARGS)

audit: $(BIN)/ready $(SAM)/ready $(CHECKOV)/ready ## Check the template with sam and checkov, what build and deploy do, and the status page in Chromium
	@$(SAM)/sam validate --lint
	@$(CHECKOV)/checkov --framework cloudformation --file template.yaml --compact --quiet --skip-download
	@$(BIN)/python -m pytest -n 0 -m "build or browser"

soak: $(BIN)/ready ## Play thousands of histories against the exports, and of webhooks in bursts; ARGS=--histories=N
	@PYTHONPATH=layers/storekey $(BIN)/python -m tests.histories $(ARGS)

mutants: $(MUTANTS)/ready ## Change the pure core bit by bit: do its tests notice? ARGS="--group=calls --survivors"
	@PYTHONPATH=layers/storekey $(MUTANTS)/python -m tests.mutants $(ARGS)

bench: $(BIN)/ready $(PEERS)/ready ## Measure speed and memory, as ratios in one run (docs/performance.md); ARGS=--orders=N
	@PYTHONPATH=layers/storekey $(BIN)/python -m tests.bench $(ARGS)

compare: $(BIN)/ready $(PEERS)/ready ## Play the corpus against other systems (docs/comparison.md); ARGS=--write refreshes that page
	@PYTHONPATH=layers/storekey $(BIN)/python -m tests.comparison $(ARGS)

lock: $(UV)/ready ## Lock the packages of pyproject.toml again; ARGS=--upgrade takes the newest
	@$(LOCK) pyproject.toml --group dev -o requirements/dev.txt
	@$(LOCK) pyproject.toml -c requirements/dev.txt -o layers/storekey/requirements.txt
	@$(LOCK) --group mutants -c requirements/dev.txt -o requirements/mutants.txt
	@for group in sam checkov lock peers sbom; do $(LOCK) --group $$group -o requirements/$$group.txt || exit; done

sbom: $(SBOM)/ready ## List what ships into Lambda as CycloneDX, after `make lock` (docs/sbom.json)
	@rm -rf .tools/layer && $(PYTHON) -m venv --without-pip .tools/layer
	@$(SBOM)/pip --python .tools/layer install -q --no-deps --require-hashes -r layers/storekey/requirements.txt
	@$(SBOM)/cyclonedx-py environment .tools/layer --pyproject pyproject.toml --output-reproducible --of JSON -o docs/sbom.json

clean: ## Remove what the other targets made
	rm -rf $(ENV) .tools .aws-sam .coverage .hypothesis .mypy_cache .ruff_cache
	find functions layers sandbox tests -name __pycache__ -prune -exec rm -rf {} +

# A new environment each time its lock changes; sam and checkov pin a boto3 of their own. RUSTUP_HOME: pip asks rustc for
# its version, and rustup would make itself a home outside the clone.
$(BIN)/ready: requirements/dev.txt
$(SAM)/ready: requirements/sam.txt
$(CHECKOV)/ready: requirements/checkov.txt
$(UV)/ready: requirements/lock.txt
$(PEERS)/ready: requirements/peers.txt
$(SBOM)/ready: requirements/sbom.txt
$(MUTANTS)/ready: requirements/dev.txt requirements/mutants.txt
$(READY): export RUSTUP_HOME := $(TMPDIR)
$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "storekey needs Python 3.11 or newer: make PYTHON=...")'
	@mkdir -p "$(TMPDIR)" && rm -rf $(@:/bin/ready=) && $(PYTHON) -m venv $(@:/bin/ready=)
	@echo "installing $^ into $(@:/bin/ready=)" && $(@D)/pip install -q --no-deps --require-hashes $(addprefix -r ,$^)
	@printf '#!/bin/sh\nPYTHONPATH="%s:%s/layers/storekey" exec "%s/python" -m ops "$$@"\n' \
		"$(CURDIR)" "$(CURDIR)" "$(CURDIR)/$(@D)" > $(@D)/storekey && chmod +x $(@D)/storekey
	@touch $@
