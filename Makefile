# What a developer and CI run. Nothing is installed globally: uv puts everything into .venv/.

UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
VENV := .venv/.synced
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# The tests start Python some hundred times, which takes a second more where nothing that was compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup cli-docs pictures demo up down test strace dovecot chromium lint types unit checkov crash workflow \
	integration e2e e2e-shared e2e-own chaos-short sam-local dovecot-versions chaos nfs bench format clean

# Run a command as a target's only one, and say how long it took.
timed = @start=$$(date +%s); { $1; }; code=$$?; echo "make $@: $$(($$(date +%s) - start)) s"; exit $$code

help: ## Show this list
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 28

setup: $(VENV) ## Install everything into .venv/

.uv/bin/uv:
	@python3 -m venv .uv >/dev/null 2>&1 || { echo "make: install uv (https://docs.astral.sh/uv/) or Python's venv module first" >&2; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV): pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --locked --quiet --all-extras
	@touch $@

# A tool of its own: what it needs would hold back half of uv.lock.
CHECKOV_VERSION := 3.3.30

# typer's own reference of every command.
cli_reference = python -m typer mailroomctl.main utils docs --name mailroomctl

lint: $(VENV) ## Check style with ruff, spelling, the template, the layout of the workflows, and the reference of the commands
	$(call timed,ruff check . && ruff format --check . && codespell \
		&& sam validate --lint --region eu-west-1 >/dev/null \
		&& python -m tools.format_asl --check statemachine/*.asl.json \
		&& { $(cli_reference) | diff -u docs/cli.md - || { echo "make: docs/cli.md is stale: run make cli-docs" >&2; false; }; })

cli-docs: $(VENV) ## Write docs/cli.md, the reference of every command
	$(cli_reference) >docs/cli.md

format: $(VENV) ## Let ruff rewrite what it can, and lay out the workflows
	ruff check --fix .
	ruff format .
	python -m tools.format_asl statemachine/*.asl.json

types: $(VENV) ## Check types with mypy
	$(call timed,mypy layers/mailroom/mailroom functions mailroomctl tools)

checkov: $(VENV) ## Check what CloudFormation makes of the template, in all ways to deploy it, with cfn-lint and checkov
	$(call timed,ways=$$(mktemp -d) && trap 'rm -rf "$$ways"' EXIT && python -m tools.deployed_template "$$ways" \
		&& cfn-lint "$$ways"/*.json \
		&& $(UV) tool run --quiet --from checkov==$(CHECKOV_VERSION) checkov --directory "$$ways" --framework cloudformation \
			--quiet --compact --skip-download)

demo: $(VENV) ## Send sample mails from SMTP to Maildir on this machine, and stop
	@python -m mailroomctl.local.demo

up: $(VENV) ## Start the embedded AWS for your own mail client
	@mailroomctl local up

down: $(VENV) ## End the embedded AWS
	@mailroomctl local down

unit workflow integration: %: $(VENV) ## Run the tests of one size
	$(call timed,pytest tests/$*)

e2e: $(VENV) $(if $(PACKAGES_READY),,dovecot chromium) ## Run the deployed application on the embedded AWS, with Dovecot and a browser
	$(call timed,pytest tests/e2e)

# The same in two halves, which can run beside each other: the tests that share one application, and those that do not.
e2e-shared e2e-own: e2e-%: $(VENV) $(if $(PACKAGES_READY),,dovecot chromium)
	$(call timed,pytest tests/e2e --world=$*)

chaos-short: $(VENV) ## Let everything fail while a few mails come in
	$(call timed,pytest tests/chaos)

sam-local: $(VENV) ## Run each built function in a container with sam local (DOCKER_HOST, or Docker)
	@python -m tests.sam_local.engine
	$(call timed,pytest tests/sam_local)

dovecot-versions: $(VENV) dovecot ## Run the printed configuration and users in Dovecot 2.3 and 2.4 (as root, on Debian)
	$(call timed,tools/dovecot-roots .local/dovecot && pytest tests/dovecot)

crash: $(VENV) $(if $(PACKAGES_READY),,strace) ## Kill the writer at each of its system calls, and worse
	$(call timed,pytest tests/crash)

strace:
	@$(call debian,strace,strace)

dovecot:
	@( $(call debian,/usr/lib/dovecot/imap,dovecot-imapd) ) 2>/dev/null \
		|| echo "make: Dovecot is not installed here: the IMAP part is left out" >&2

chromium:
	@( $(call debian,chromium,chromium fonts-dejavu-core) ) 2>/dev/null \
		|| echo "make: Chromium is not installed here: the browser part is left out" >&2

pictures: $(VENV) chromium ## Take the pictures of the console anew
	MAILROOM_PICTURES=docs/pictures pytest tests/e2e/test_console.py

chaos: $(VENV) ## Let everything fail while 500 mails come in (SEED=n repeats, MAILS=n)
	python -m tests.chaos --mails $(or $(MAILS),500) $(if $(SEED),--seed $(SEED))

# What needs most time comes first; three at a time, also on two processors, because the longest ones mostly wait. Packages
# come before, because apt-get runs once at a time.
test: $(VENV) strace dovecot chromium ## Check style and types, and run every test that needs no container and no machine of its own, but the long chaos
	$(call timed,$(MAKE) --no-print-directory -j3 --output-sync=target PACKAGES_READY=1 \
		e2e-shared integration e2e-own crash workflow unit chaos-short types lint)

# In the machine without pytest's plugins: these tests use none, and to import them takes seconds there.
nfs: $(VENV) ## Run the writer on a real NFS mount: a machine of its own, or MAIL_ROOT=folder (SEED=n, KILLS=all)
ifdef MAIL_ROOT
	$(call timed,MAIL_ROOT="$(MAIL_ROOT)" pytest tests/nfs)
else
	$(call timed,tools/nfs-machine run --timeout 1200 -- env MAIL_ROOT=/mnt/mail SECOND_MAIL_ROOT=/mnt/dovecot PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 \
		$(if $(SEED),SEED=$(SEED)) $(if $(KILLS),KILLS=$(KILLS)) pytest tests/nfs)
endif

bench: $(VENV) ## Measure the writer, on a disk and on NFS, and the cold starts (JSON=1 for JSON lines)
	@$(call debian,/usr/sbin/dovecot,dovecot-core dovecot-lmtpd)
	@$(call debian,strace,strace)
	@code=0; python -m benchmarks $(if $(JSON),--json) || code=$$?; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		tools/nfs-machine run --rtt 1 --timeout 3600 -- python -m benchmarks nfs --directory /mnt/mail $(if $(JSON),--json) || code=$$?; \
	else \
		echo "make: the machine for the group nfs needs root on Debian" >&2; \
	fi; exit $$code

# Install Debian packages when a program is missing and we may; else say what to do.
debian = command -v $1 >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	&& apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $2 >/dev/null; } \
	|| { echo "make: install $2 first" >&2; exit 1; }

clean: ## Remove everything that can be made again
	rm -rf .venv .uv .aws-sam .local
