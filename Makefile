# `make train` and `make test` start from a fresh clone: they need make and Python 3.11 or newer, nothing else.
#
#   make train ARGS="--help"      train XBot-L; ARGS go to examples/train_ppo.py
#   make test ARGS="-k checker"   run the tests, on all cores; ARGS go to pytest
#                                 (with -s or --pdb in one process, as with -n 0)
#   make check                    formatting, lint and types
#   make format                   fix formatting and imports
#   make install PYTHON=...       only create .venv, from this interpreter
#
# NVIDIA's Isaac Gym needs Python 3.8: all that works with it also runs there, see docs/isaac_gym.md.
#
#   make install-py38 PYTHON38=...   only create .venv-py38 (5 GB: torch brings its CUDA libraries)
#   make test-py38                   run the tests that such a Python can

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

PYTEST := -m pytest -n auto --dist worksteal

VENV38 := .venv-py38
STAMP38 := $(VENV38)/.installed
PYTHON38 ?= $(shell for python in python3.8 $(HOME)/.pyenv/versions/3.8.*/bin/python; do \
	$$python -c '' 2>/dev/null && echo $$python && break; done)
TESTS38 := tests/checker tests/isaacgym tests/mdp tests/tasks tests/terrain tests/trainers/ppo tests/test_configs.py tests/test_contract.py \
	tests/test_plugins.py tests/test_registry.py tests/test_rotations.py tests/test_validation.py

.PHONY: install train test check format python38 install-py38 test-py38

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
	$(BIN)/python $(PYTEST) $(ARGS)

check: install
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright

format: install
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

python38:
	@echo $(PYTHON38)

install-py38: $(STAMP38)

$(STAMP38): pyproject.toml constraints.txt
	@test -n "$(PYTHON38)" || { echo "There is no python3.8 here. Install one, or name it: \
	make $(MAKECMDGOALS) PYTHON38=/path/to/python3.8" >&2; exit 1; }
	$(PYTHON38) -m venv $(VENV38)
	$(VENV38)/bin/python -m pip install --disable-pip-version-check pip==25.0.1
	$(VENV38)/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

test-py38: install-py38
	$(VENV38)/bin/python $(PYTEST) $(TESTS38) $(ARGS)
