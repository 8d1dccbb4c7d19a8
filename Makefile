# Dermbook: every command a reader, re-runner or teacher needs. `make help` lists them.
#
# Variables:  EDITION=quick|laptop|gpu   CHAPTERS="name name"   PORT=8000   PYTHON=python3.12

EDITION  ?= quick
CHAPTERS ?=
PORT     ?= 8000

# the first Python here that Dermbook supports, unless PYTHON names one
CANDIDATES := python3 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)

BIN   := .venv/bin
STAMP := .venv/.complete
# what Jupyter, matplotlib and others would leave in the home folder stays in the checkout
HOME_IN_BOOK := $(CURDIR)/_build/.home
ISOLATED := env MPLCONFIGDIR=$(HOME_IN_BOOK)/matplotlib IPYTHONDIR=$(HOME_IN_BOOK)/ipython \
  KERAS_HOME=$${KERAS_HOME:-$(HOME_IN_BOOK)/keras} XDG_CACHE_HOME=$(HOME_IN_BOOK)/cache \
  XDG_CONFIG_HOME=$(HOME_IN_BOOK)/config XDG_DATA_HOME=$(HOME_IN_BOOK)/data

.DEFAULT_GOAL := help
.PHONY: help book test lab serve lint format lock clean distclean environment

help:  ## list the commands
	@echo "Dermbook: an executable book. Commands:"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo 'Variables: EDITION=quick|laptop|gpu  CHAPTERS="cnn-from-scratch"  PORT=8000  PYTHON=python3.12'

book: $(STAMP)  ## install, run every stale chapter of an EDITION, build the HTML site
	@$(ISOLATED) $(BIN)/dermbook run $(CHAPTERS) --edition $(EDITION)
	@$(ISOLATED) $(BIN)/dermbook build --edition $(EDITION)

test: $(STAMP)  ## install and run the tests
	@$(ISOLATED) $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lab: $(STAMP)  ## open the chapters in JupyterLab; a .py opens as a notebook, pairs stay in step
	@$(BIN)/dermbook lab

serve: $(STAMP)  ## serve the built site of an EDITION on localhost:PORT
	@test -f _build/$(EDITION)/site/index.html || { echo "There is no site yet. Run: make book EDITION=$(EDITION)"; exit 1; }
	@echo "Serving on http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/$(EDITION)/site

lint: $(STAMP)  ## check style, types of parameters, pairing of notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/dermbook check

format: $(STAMP)  ## format the code and bring the notebook pairs in step
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/dermbook pair

lock: $(STAMP)  ## renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --extra dev \
	  --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --quiet --upgrade --output-file requirements.lock

clean:  ## remove everything that was built (runs, records, site); keep .venv and data
	rm -rf _build .pytest_cache .ruff_cache
	find src tests notebooks tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## also remove .venv
	rm -rf .venv src/dermbook.egg-info

environment: $(STAMP)  ## make .venv and install the locked packages

$(STAMP): requirements.lock pyproject.toml tools/make_environment.py
	@$(PYTHON) tools/make_environment.py
	@touch $@
