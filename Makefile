# The door for people who type make: `make help` lists the targets.
#
# A recipe exits with 3 where the machine is wrong; make shows that as "Error 3" and itself ends with 2.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo serve test lint soak bench conformance lock system-deps clean

PYTHON ?= python3
LOCK := requirements/base-test.lock
BIN := .venv/bin
# A pip that finds nothing to do takes 3 s; a stamp named after the lock's hash answers at once.
STAMP := .venv/ready-$(shell sha256sum $(LOCK) | cut -c1-16)

help: ## print this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv from the hashed lock, or nothing where it stands (PYTHON=python3.12 chooses)
	@:

# --clear: a package that left the lock must leave .venv too, or it hides a missing declaration.
$(STAMP):
	@command -v $(PYTHON) >/dev/null 2>&1 || \
	  { echo "no '$(PYTHON)' on this machine: install Python 3.11 to 3.14, or name one: make setup PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null || \
	  { echo "'$(PYTHON)' is $$($(PYTHON) --version 2>&1), but 3.11 to 3.14 is needed; name one: make setup PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "'$(PYTHON)' lacks venv: install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 3; }
	@echo "Setting up .venv from $(LOCK) (once, about a minute) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r $(LOCK) || \
	  { echo "the packages did not install (reason above); with the network there, make setup tries again" >&2; exit 3; }
	@touch $@

demo: setup ## run the main job: every story, then the 2020 rollout with its calibration
	@$(BIN)/python sim.py demo

serve: setup ## serve every mock and the control plane on port 8000, until Ctrl-C
	@$(BIN)/python sim.py serve

test: setup ## run what CI runs: lint, format, types, room rules, all tests
	@$(BIN)/python tests/run_all.py

lint: setup ## run the groups of `make test` that run no code of ours
	@$(BIN)/python tests/run_all.py lint format types imports

soak: setup ## run the full counts: long, and with chance let loose
	@HYPOTHESIS_PROFILE=soak $(BIN)/pytest -n auto -o timeout=0

bench: setup ## run the benchmarks: rates and ratios, medians
	@$(BIN)/python tests/bench/run.py

conformance: setup ## check us against published truths, ours or those of VECTORS=DIR
	@$(BIN)/python -m scenarios.conformance $(if $(VECTORS),"$(VECTORS)")

# For maintainers, after a change of dependencies in pyproject.toml; UPGRADE=1 takes the newest of
# everything. No path and no registry address gets into a lock. ray and ocr are held to the
# versions of the first lock, so that they install beside it.
UV_COMPILE = .venv-lock/bin/uv --no-config pip compile pyproject.toml --quiet --universal \
  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade)

lock: ## (maintainers) write requirements/*.lock anew; UPGRADE=1 takes newer versions
	@test -x .venv-lock/bin/uv || { $(PYTHON) -m venv --clear .venv-lock && .venv-lock/bin/python -m pip install --quiet uv; }
	@$(UV_COMPILE) --extra test --extra load --extra s3 -o requirements/base-test.lock
	@$(UV_COMPILE) --extra ray -c $(LOCK) -o requirements/ray.lock
	@$(UV_COMPILE) --extra ocr -c $(LOCK) -o requirements/ocr.lock

# What the tests want of the system today: a PostgreSQL, which they start for themselves; without
# one its tests are skipped and say so. A word moves up when a test is there that needs it.
SYSTEM_DEPS := postgresql fonts-wqy-microhei
SYSTEM_DEPS_LATER := chromium wrk

system-deps: ## (Debian) install what tests want of the system, where we may; LATER=1 for all of them
	@want="$(SYSTEM_DEPS) $(if $(LATER),$(SYSTEM_DEPS_LATER))"; lack=""; \
	command -v dpkg-query >/dev/null 2>&1 || { echo "system-deps: no Debian here; install by hand what you need of:" $$want; exit 0; }; \
	for package in $$want; do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || lack="$$lack $$package"; \
	done; \
	if [ -z "$$lack" ]; then echo "system-deps: nothing is missing (one day: $(SYSTEM_DEPS_LATER))"; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; \
	else echo "system-deps: no right to install; as root: apt-get install$$lack"; exit 0; fi; \
	apt="$$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=20"; \
	{ $$apt update && $$apt install -y --no-install-recommends $$lack; } </dev/null || \
	  echo "system-deps: could not install$$lack; what needs it will be skipped, and says so"

clean: ## remove caches and build leftovers; .venv and out/ stay
	@rm -rf build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find core mocks scenarios loadtests tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@rm -rf __pycache__
