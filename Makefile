# The two commands are `make lab` (or `make demo` in the terminal) and `make test`. All work twice in a row, offline the
# second time, and with an empty home: everything lives in .venv.
PYTHON ?= python3
PIP_ARGS ?=
LAB_ARGS ?=
DEMO_ARGS ?=
PYTEST_ARGS ?=

BIN := .venv/bin
STAMP := .venv/installed.txt
# All that an installation depends on: where it is, the part of pyproject.toml above the tools' settings, the pins.
WANTED := { echo "$(CURDIR)"; sed '/^\[tool\.ruff/,$$d' pyproject.toml; cat constraints.txt; }

.DEFAULT_GOAL := help
.PHONY: help setup lab demo test check fix wheel

help:
	@echo "make lab     open the first lesson in JupyterLab          (LAB_ARGS='--port 9999 --no-browser')"
	@echo "make demo    compare full, LoRA and QLoRA in the terminal  (DEMO_ARGS='--steps 20')"
	@echo "make test    run the tests                                 (PYTEST_ARGS='-k lessons')"
	@echo "make check   format, lint, types, layers, lessons, tests: what CI runs"
	@echo "make fix     repair format, lint and notebooks where a tool can"
	@echo "make wheel   build dist/*.whl"
	@echo "make setup   only make .venv and install               (PYTHON=python3.12 PIP_ARGS='...')"

# The stamp holds what was installed: pip runs only when something else is wanted.
setup:
	@if ! $(WANTED) | cmp -s - $(STAMP); then $(MAKE) --no-print-directory .install; fi

.PHONY: .install
.install:
	@command -v $(PYTHON) > /dev/null || { echo "error: there is no $(PYTHON). Install Python 3.11, 3.12 or 3.13, or name yours: make setup PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit("error: $(PYTHON) is Python %d.%d; this needs 3.11, 3.12 or 3.13. Name another: make setup PYTHON=python3.11" % v[:2])' || exit 2
	@grep -qsF "$(CURDIR)/" $(BIN)/pip || { echo "Making .venv"; $(PYTHON) -m venv --clear .venv; } # also after a move
	@echo "Installing into .venv (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@$(WANTED) > $(STAMP)

lab: setup
	@$(BIN)/python -m jupyterlab --notebook-dir=lessons $(LAB_ARGS) lessons/00_three_tunes.ipynb

demo: setup
	@$(BIN)/finetune-lab compare $(DEMO_ARGS)

test: setup
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python lessons/build.py --check
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

fix: setup
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@$(BIN)/python lessons/build.py

wheel: setup
	@rm -rf dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist
