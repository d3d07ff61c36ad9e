# The one list of commands; `make help` shows it. `make demo` and `make test` need python3 and make:
# they make .venv from the lock first. CI calls nothing but `make check` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
AZURITE := build/azurite/.ready
JOBS ?= 2

.DEFAULT_GOAL := help

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | awk -F': ' '{printf "  %-12s %s\n", $$1, $$2}'

## demo: an intrusion in AWS, Azure and Google Cloud, each a stand-in here; ends with reports
demo: $(READY)
	@$(BIN)/vigil demo --cloud all

## test: all tests, the end-to-end ones included where their tools are present
test: $(READY) $(if $(shell command -v npm),$(AZURITE))
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

## check: format, lint, types, and that generated files are fresh
check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	@command -v terraform >/dev/null && terraform fmt -check -recursive infra \
	  || { [ "$$CI" != true ] && echo "terraform is not installed: its format was not checked"; }

## fix: format, and mend what lint can mend
fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

## docs: write the generated pages of docs/reference anew
docs: $(READY)
	$(BIN)/python docs/generate.py

## golden: write the golden decodings anew; the diff is the review
golden: $(READY)
	$(BIN)/python tests/aws/golden.py

## azurite: Azure Storage for the tests, from its lock, into build/; needs npm
azurite: $(AZURITE)

$(AZURITE): tests/azure/package.json tests/azure/package-lock.json
	@mkdir -p $(@D) && cp $^ $(@D)
	@echo "Installing Azurite from tests/azure/package-lock.json (once) ..."
	@npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

## package: build the functions' zips, the same bytes each time
package: $(READY)
	$(BIN)/python infra/package.py aws
	$(BIN)/python infra/package.py azure
	$(BIN)/python infra/package.py gcp

## e2e-aws: Terraform, the built zip and one event, end to end against an embedded AWS
e2e-aws: $(READY)
	$(BIN)/pytest -n 0 tests/e2e/test_aws.py

## e2e-azure: the built zip in Azure's own worker, against Azurite and a checked ARM
e2e-azure: $(READY) $(AZURITE)
	$(BIN)/pytest -n 0 tests/e2e/test_azure.py

## e2e-gcp: the built zip and one log entry, end to end on Google's emulators
e2e-gcp: $(READY)
	$(BIN)/pytest -n 0 tests/e2e/test_gcp.py

## bench: speed of a hunt against the floor; RULES=folder takes other rules than the shipped ones
RULES ?= core/rules/aws
bench: $(READY)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bench.txt
	$(BIN)/python -m bench.hunt --rules $(RULES)

# Universal, hashed, without any address; boto3 and what it brings are in the Lambda runtime.
COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-annotate --no-header --no-strip-extras
MANAGED := boto3 botocore s3transfer python-dateutil six

## lock: resolve the hash-pinned requirements anew
lock: $(READY)
	printf 'tf~=1.2\n' | $(COMPILE) --python-version 3.11 - -o requirements/stub.txt
	$(COMPILE) --python-version 3.11 --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) --python-version 3.13 --extra aws $(MANAGED:%=--no-emit-package %) \
	  pyproject.toml -o requirements/aws.txt
	$(COMPILE) --python-version 3.13 --extra azure pyproject.toml -o requirements/azure.txt
	$(COMPILE) --python-version 3.11 --extra bench -c requirements/dev.txt \
	  pyproject.toml -o requirements/bench.txt
	$(COMPILE) --python-version 3.13 --extra gcp pyproject.toml -o requirements/gcp.txt
	printf 'awslambdaric\nboto3\n' | $(COMPILE) --python-version 3.13 - -o requirements/ric.txt
	printf 'azure-functions-runtime\n' | $(COMPILE) --python-version 3.13 - \
	  -o requirements/azure-worker.txt

## clean: remove the environment and everything built
clean:
	rm -rf .venv build dist .vigil

# pip checks every hash; the project itself goes in as a path, so that edits need no reinstall.
$(READY): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing from requirements/dev.txt (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

.PHONY: help demo test check fix docs golden azurite package e2e-aws e2e-azure e2e-gcp bench lock clean
