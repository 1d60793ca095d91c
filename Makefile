# `make train` and `make test` start from a fresh clone: they need make and Python 3.11 or newer, nothing else.
#
#   make train ARGS="--help"      train XBot-L; ARGS go to examples/train_ppo.py
#   make test ARGS="-k checker"   run the tests; ARGS go to pytest
#   make check                    formatting, lint and types
#   make format                   fix formatting and imports
#   make install PYTHON=...       only create .venv, from this interpreter

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.PHONY: install train test check format

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "humanoid_envs needs Python 3.11 or newer, and neither python3 nor \
	python3.13, python3.12 or python3.11 is that. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

train: install
	$(BIN)/python examples/train_ppo.py $(ARGS)

test: install
	$(BIN)/python -m pytest $(ARGS)

check: install
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright

format: install
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
