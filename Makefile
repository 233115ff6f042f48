# What a developer and CI run. Nothing is installed globally: uv puts everything into .venv/.

UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
VENV := .venv/.synced
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help setup demo up down test lint types unit workflow integration e2e format clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(VENV) ## Install everything into .venv/

.uv/bin/uv:
	@python3 -m venv .uv >/dev/null 2>&1 || { echo "make: install uv (https://docs.astral.sh/uv/) or Python's venv module first" >&2; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV): pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --locked --quiet
	@touch $@

lint: $(VENV) ## Check style with ruff
	ruff check .
	ruff format --check .

format: $(VENV) ## Let ruff rewrite what it can
	ruff check --fix .
	ruff format .

types: $(VENV) ## Check types with mypy
	mypy layers/mailroom/mailroom functions mailroomctl

unit workflow integration e2e: %: $(VENV) ## Run the tests of one size
	pytest tests/$*

test: lint types unit workflow integration e2e ## Run everything

clean: ## Remove everything that can be made again
	rm -rf .venv .uv .aws-sam .local
