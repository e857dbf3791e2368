# The same commands for people and for continuous integration. `make` alone lists them.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup ground demo test check fix bench prove lock clean

PYTHON_BIN := .venv/bin/python
KIT := PYTHONPATH=.:tests/kit
# Each test process computes on one core: two of them share the machine.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup:  ## Make .venv with all that is needed, Chromium for the tests included
	@bash .ci/setup

ground:
	@bash .ci/setup --no-browser

demo: ground  ## Train, score and serve on real orders (SERVE=0 stops after scoring, WORKSPACE=folder)
	@.venv/bin/fedele demo $(if $(filter 0,$(SERVE)),--no-serve) $(if $(WORKSPACE),--workspace "$(WORKSPACE)")

test: setup  ## Run every test (ARGS="tests/guards -k wheel" narrows)
	$(ONE_THREAD) $(PYTHON_BIN) -m pytest -n 2 --dist loadgroup $(ARGS)

check: ground  ## Lint, format, types, import contracts, changelog
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m ruff format --check .
	$(PYTHON_BIN) -m mypy
	.venv/bin/lint-imports --no-logo
	@grep -q 'Unreleased' CHANGELOG.md || { echo "CHANGELOG.md has no Unreleased part: say what changed for users."; exit 1; }

fix: ground  ## Mend what ruff can mend by itself
	$(PYTHON_BIN) -m ruff check --fix .
	$(PYTHON_BIN) -m ruff format .

bench: ground  ## Measure the promised figures
	$(KIT) $(PYTHON_BIN) -m testkit.bench $(ARGS)
	$(if $(ARGS),,$(KIT) $(PYTHON_BIN) -W ignore -m testkit.bench_service)

prove: ground  ## Show one claim of the documentation to be true (CLAIM=name)
	$(KIT) $(PYTHON_BIN) -m testkit.prove $(CLAIM)

lock: ground  ## Compile requirements.lock from pyproject.toml (UPGRADE=1 moves every version)
	.venv/bin/uv pip compile pyproject.toml --output-file requirements.lock --quiet \
		--universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url --no-header \
		--only-binary :all: --no-binary venn-abers $(if $(filter 1,$(UPGRADE)),--upgrade)
	.venv/bin/uv pip compile deploy/serving.in --output-file serving/requirements.txt --quiet --no-annotate \
		--constraint requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --only-binary :all: --no-binary venn-abers
	@sed -i '1i # Compiled by `make lock` from deploy/serving.in, bound by requirements.lock; do not edit by hand.' \
		serving/requirements.txt
	@sed -i '1i # Compiled by `make lock` from pyproject.toml for Python 3.11 to 3.13; do not edit by hand.' requirements.lock

clean:  ## Remove what was built and cached; .venv and workspaces stay
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage*
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
