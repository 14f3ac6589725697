# Frontdesk. `make chat` and `make test` are all a new machine needs; both do `make install` first.
PYTHON ?= python3
# Extra words for pip, for instance an index with CPU-only torch.
PIP_ARGS ?=
SAMPLE ?= data/outdoor

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PINS := pyproject.toml constraints.txt

# These take minutes to hours: they are run by themselves.
LONG := $(addprefix benchmarks/,quality.py ceiling.py methods.py recipe.py faults.py surges.py certifying.py messages.py importing.py)
BENCHMARKS = $(filter-out $(LONG),$(wildcard benchmarks/[a-z]*.py))

.PHONY: help install chat test check format bench clean

help:
	@echo 'make install  .venv/bin/frontdesk'
	@echo 'make chat     build the sample bot in $(SAMPLE) and talk to it'
	@echo 'make test     run all tests'
	@echo 'make check    formatting, lint and types'
	@echo 'make format   format the code'
	@echo 'make bench    run the benchmarks'
	@echo 'make clean    remove what the other targets made'

install: $(VENV)/.installed

chat: install
	$(BIN)/frontdesk finetune --workspace $(SAMPLE)
	$(BIN)/frontdesk chat --workspace $(SAMPLE)

# One thread: two that wait on each other are slower when a neighbour is busy.
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	@set -e; for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python "$$file"; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
	rm -rf data/*/models data/*/index data/*/frontdesk.db* data/*/replays.db* data/*/.history

# The stamps make a second install cost nothing until the requirements change.
$(VENV)/.installed: $(PINS) | $(BIN)/python
	@echo 'Installing into $(VENV): about 1.7 GB, a few minutes the first time.'
	@$(PIP) install --quiet $(PIP_ARGS) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) install --quiet $(PIP_ARGS) --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Frontdesk needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'No virtual environment could be made: apt-get install python3-venv' >&2; exit 1; }
