# One place for every command that a maintainer needs; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_OPTIONS ?=
FUZZ_OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-links test lint format types layers fuzz conformance picture picture-check clean

help:  ## List the commands.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The stamps say for which constraints the environment was made: a change makes it anew.
$(VENV)/.base: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing hereditary_kg into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.learn: $(VENV)/.base
	@echo "Installing what training needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[learn]'
	@touch $@

$(VENV)/.test: $(VENV)/.base
	@echo "Installing what the tests need into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@touch $@

demo: $(VENV)/.base  ## Build four synthetic sites, serve them and ask three federated questions.
	@$(BIN)/python -m endpoints.demo.run $(DEMO_OPTIONS)

demo-links: $(VENV)/.learn  ## Train a model over the four sites and predict ten links.
	@$(BIN)/python -m endpoints.demo.links $(DEMO_OPTIONS)

test: $(VENV)/.test  ## Run all tests.
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.test  ## Check style.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

format: $(VENV)/.test  ## Format the code.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(VENV)/.test  ## Check types.
	@$(BIN)/mypy
	@$(BIN)/mypy --strict -p endpoints -p ontologies

layers: $(VENV)/.test  ## Check that imports run down the floors only.
	@$(BIN)/lint-imports

fuzz: $(VENV)/.test  ## Search for wrong answers until one is found: FUZZ_OPTIONS="--cases 1000".
	@$(BIN)/python -m tests.fuzzing $(FUZZ_OPTIONS)

conformance: $(VENV)/.test  ## Run the W3C's tests over dealt data and write docs/conformance.md.
	@$(BIN)/python -m tests.conformance.report

picture: $(VENV)/.test  ## Draw the picture of docs/architecture.md from the code.
	@$(BIN)/python docs/draw_architecture.py

picture-check: $(VENV)/.test  ## Check that the picture is what the code gives.
	@$(BIN)/python docs/draw_architecture.py --check

clean:  ## Remove the environment and everything that was built.
	rm -rf $(VENV) build *.egg-info endpoints/demo/sites .pytest_cache .mypy_cache .ruff_cache .hypothesis
