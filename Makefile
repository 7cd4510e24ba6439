# `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: help env demo test test-all llamacpp lowest check docs audit constraints wheel bench eval train clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

env: $(VENV)/.ready ## make the virtual environment in .venv and install SenseBind and its dev tools into it

# Two stamps: the demo needs no test and lint tools.
$(VENV)/.ready-core: pyproject.toml constraints.txt
	@echo "making $(VENV) (once; downloads PyTorch's CPU build and some 60 packages, about 2 GB)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: SenseBind needs Python 3.11 or newer, found $$($(PYTHON) -V); set PYTHON=" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(PIP) "torch>=2.6,<2.14"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.ready: $(VENV)/.ready-core
	@echo "adding the tools for tests and checks to $(VENV) (once)" >&2
	@$(PIP) --editable ".[dev]"
	@touch $@

demo: $(VENV)/.ready-core ## talk with the robot of the simulated home (offline; piped stdin is a script)
	@$(BIN)/sensebind demo

test: env ## run the test suite, without the tests marked `extended`
	@folder=$$(mktemp -d /tmp/tests.XXXX) && $(BIN)/python -m pytest -n auto --maxprocesses 4 \
		--dist loadfile --basetemp $$folder/t $(ARGS) && rm -rf $$folder # short: sockets lie there

test-all: env ## run the tests marked `extended` (extras, hundreds of trials, minutes), then `lowest`
	@folder=$$(mktemp -d /tmp/tests.XXXX) && $(BIN)/python -m pytest -n auto --maxprocesses 4 \
		--basetemp $$folder/t -m extended $(ARGS) && rm -rf $$folder
	@$(BIN)/python .ci/lowest.py $(VENV)

llamacpp: env ## build llama.cpp into .venv, five minutes of processor time; see docs/llamacpp.md
	@CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_INCLUDE=$(CURDIR)/.ci/llamacpp.cmake" \
		CMAKE_BUILD_PARALLEL_LEVEL=$$(nproc) $(PIP) --editable ".[llamacpp]"

lowest: env ## a quick part of the suite with the lowest versions that pyproject.toml allows, in build/lowest
	@$(BIN)/python .ci/lowest.py $(VENV)

check: env ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

docs: env ## the documentation as a site, in build/site
	@$(PIP) --editable ".[docs]"
	@$(BIN)/mkdocs build --strict --quiet && echo "build/site/index.html"

audit: env ## known vulnerabilities and licences of what is installed, and a CycloneDX SBOM in build/
	@$(PYTHON) .ci/audit.py $(VENV)

constraints: ## renew constraints.txt: the newest versions that pyproject.toml allows
	@rm -rf build/newest && $(PYTHON) -m venv build/newest
	@build/newest/bin/python -m pip install --quiet "torch>=2.6,<2.14"
	@build/newest/bin/python -m pip install --quiet --editable ".[dev,docs]"
	@{ sed -n 1p constraints.txt; build/newest/bin/python -m pip freeze --exclude-editable \
		| sed -E 's/\+[a-z0-9]+$$//'; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt && rm -rf build/newest

wheel: env ## build dist/*.tar.gz, and from it dist/*.whl; one commit gives one digest
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation > /dev/null
	@sha256sum dist/*.whl

BENCH_PARTS := benchmarks/report.py benchmarks/decode_gguf.py benchmarks/stop_parts.py benchmarks/unknown_material.py benchmarks/voice_sound.py # what benchmarks are made of

bench: env ## all benchmarks in their quick form; `python benchmarks/NAME.py --help` tells the full one
	@missed=0; for file in $(filter-out $(BENCH_PARTS),$(wildcard benchmarks/*.py)); do \
		echo "== $$file"; $(BIN)/python $$file --quick || missed=1; done; exit $$missed

eval: env ## the figures of docs/benchmarks.md on held-out scenes
	@$(BIN)/sensebind eval simhome

train: env ## train weights like those that ship, into runs/simhome (an hour and three quarters on two quiet cores)
	@$(BIN)/sensebind train all --output runs/simhome

clean: ## remove the environment and everything built
	@rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .ruff_cache
