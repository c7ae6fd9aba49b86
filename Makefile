# The two commands are `make lab` (or `make demo` in the terminal) and `make test`. All work twice in a row, offline the
# second time, and with an empty home: everything lives in .venv.
PYTHON ?= python3
PIP_ARGS ?=
LAB_ARGS ?=
DEMO_ARGS ?=
PYTEST_ARGS ?=

# A process a core, as far as memory goes (tests/conftest.py), each with whole files, in the order of their names: the
# longest, in the browser, begin first.
IN_PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
BIN := .venv/bin
STAMP := .venv/installed.txt
# All that an installation depends on: where it is, the part of pyproject.toml above the tools' settings, the pins.
WANTED := { echo "$(CURDIR)"; sed '/^\[tool\.ruff/,$$d' pyproject.toml; cat constraints.txt; }

.DEFAULT_GOAL := help
.PHONY: help setup lab demo test check fix pages wheel wheel-check

help:
	@echo "make lab     open the first lesson in JupyterLab          (LAB_ARGS='--port 9999 --no-browser')"
	@echo "make demo    compare full, LoRA and QLoRA in the terminal  (DEMO_ARGS='--steps 20')"
	@echo "make test    run the tests                                 (PYTEST_ARGS='-k lessons'; '-n 0': in one process)"
	@echo "make check   format, lint, types, layers, lessons, tests: what CI runs"
	@echo "make fix     repair format, lint and notebooks where a tool can"
	@echo "make pages   run the lessons and write them with their outputs: dist/pages/*.html"
	@echo "make wheel   build dist/*.whl"
	@echo "make wheel-check   install the wheel into an empty environment outside, and run the lesson there"
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
	@$(BIN)/python -m jupyterlab --notebook-dir=lessons $(LAB_ARGS) lessons/full_lora_qlora.ipynb

demo: setup
	@$(BIN)/finetune-lab compare $(DEMO_ARGS)

test: setup
	@$(BIN)/python -m pytest $(IN_PARALLEL) $(PYTEST_ARGS)

check: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python lessons/address.py --check
	@$(BIN)/python lessons/build.py --check
	@$(BIN)/python -m pytest $(IN_PARALLEL) $(PYTEST_ARGS)

fix: setup
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@$(BIN)/python lessons/build.py

pages: setup
	@for source in lessons/*.ipynb; do name=$$(basename $$source .ipynb); \
	    $(BIN)/python lessons/execute.py $$name --html dist/pages/$$name.html || exit 1; done

wheel: setup
	@rm -rf dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist

# Outside the repository, so that nothing but the wheel is found.
wheel-check: wheel
	@set -e; outside=$$(mktemp -d); trap 'rm -rf "$$outside"' EXIT; \
	echo "Installing the wheel into an empty environment (some minutes)"; \
	$(PYTHON) -m venv "$$outside/venv"; \
	"$$outside/venv/bin/pip" install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt dist/*.whl; \
	cp lessons/execute.py "$$outside"; cd "$$outside"; \
	venv/bin/finetune-lab lessons mine; \
	for lesson in mine/*.ipynb; do venv/bin/python execute.py "$$lesson" --smoke; done; \
	du -h "$(CURDIR)"/dist/*.whl
