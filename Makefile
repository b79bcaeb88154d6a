# up           serve everything on http://127.0.0.1:8000 (PORT overrides)
# test         every test: SQLite and the browser first, then PostgreSQL and Redis
# check        ruff, mypy, import-linter, bandit, Django's deployment checks
# bench        the engine beside the bare database; ARGS="steps 50 20" chooses one workload
# bench-context  what keeping context costs: the product beside the article's recipe and full history
# screenshots  every page of a seeded demo, into docs/screenshots
# lock         compute requirements.lock from pyproject.toml (needs uv); UPGRADE=1 takes the latest
# help         this list

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := up
.PHONY: up test check bench bench-context screenshots lock help venv

up: $(STAMP)
	@exec $(PY) manage.py up

test: $(STAMP)
	$(PY) -m pytest
	$(PY) -m tests.on_postgres

check: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m bandit -q -c pyproject.toml -r agents oversight manage.py
	OVERSIGHT_PRODUCTION=1 OVERSIGHT_ORIGINS=https://oversight.example \
	  OVERSIGHT_SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	  $(PY) manage.py check --deploy --fail-level WARNING

bench: $(STAMP)
	$(PY) -m tests.bench $(ARGS)

bench-context: $(STAMP)
	$(PY) -m tests.bench context

screenshots: $(STAMP)
	$(PY) -m tests.demo.screenshots

lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate \
	  --quiet --output-file requirements.lock $(if $(UPGRADE),--upgrade)
	@! grep -nE '(https?|file)://' requirements.lock

help:
	@sed -n 's/^# //p' Makefile

venv: $(STAMP)

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Oversight needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing: install it first (on Debian: apt install python3-venv)." >&2; exit 1; }
	@echo "Installing what Oversight needs into $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@
