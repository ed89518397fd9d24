# make demo, make test: each sets up .venv once, then runs; nothing else to install.
# PYTHON=/path/to/python3.10 chooses the interpreter (3.9, 3.10 or 3.11).

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.egsc_tf_ready
DOCS_READY := $(VENV)/.egsc_tf_docs_ready
DEMO := runs/demo
CLUSTER := runs/cluster
WORKERS ?= 2
MODELS ?= models
# BATCHING=1: the server merges requests (docs/guides/serving.md).
BATCHING ?=

.PHONY: demo cluster imports test test-slow test-faults test-beam test-cluster test-web \
  test-serving release-check serve docs lint clean

demo: $(READY)
	$(BIN)/python -m egsc_tf.train --flagfile=experiments/demo.flags --workdir=$(DEMO)
	$(BIN)/python -m egsc_tf.evaluate --workdir=$(DEMO)

# Two workers on this machine train one run, for a few steps (docs/guides/distributed.md).
cluster: $(READY)
	$(BIN)/python -m egsc_tf.local_workers --workers=2 --flagfile=experiments/demo.flags \
	  --mask_steps=20 --total_steps=40 --log_every=10 --sample_every=20 \
	  --checkpoint_every=20 --workdir=$(CLUSTER)

# In an installed copy, where export/ lies inside the package.
imports: $(READY)
	rm -rf build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target build/lint .
	cp pyproject.toml build/lint/
	cd build/lint && $(abspath $(BIN))/lint-imports --no-cache

test: $(READY) imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=25 -m "not slow and not faults and not beam_long and not cluster and not web"

test-slow: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow

test-faults: $(READY)
	$(BIN)/python -m pytest -m faults

test-beam: $(READY)
	$(BIN)/python -m pytest -m beam_long

test-cluster: $(READY)
	$(BIN)/python -m pytest -m cluster

# The app, and the page for the browser: the only tests that need a network, for npm's
# packages.
test-web: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -m web

# The real server, which the tests start: they skip in `make test` where there is none.
test-serving: $(READY)
	@command -v tensorflow_model_server >/dev/null 2>&1 || \
	  { echo "make test-serving: expected tensorflow_model_server on PATH, found none" >&2; exit 2; }
	$(BIN)/python -m pytest -m tensorflow_serving

# Builds the wheel and the sdist into dist/, and tries the wheel outside of this folder.
release-check:
	PYTHON='$(or $(PYTHON),$(wildcard $(abspath $(BIN))/python),python3)' .ci/release-check

# Serves every model in the folder MODELS, which egsc_tf.export.saved_model wrote. The
# configs name the paths inside the server's image.
serve:
	@if [ ! -f '$(MODELS)/models.config' ]; then \
	  echo "MODELS=$(MODELS): expected the folder that egsc_tf.export.saved_model wrote its model into (with models.config), found none" >&2; \
	  exit 2; \
	elif command -v tensorflow_model_server >/dev/null 2>&1; then \
	  local="$$(mktemp)"; \
	  sed 's#"/models/#"$(abspath $(MODELS))/#' '$(MODELS)/models.config' >"$$local"; \
	  exec tensorflow_model_server --port=8500 --rest_api_port=8501 \
	    --model_config_file="$$local" \
	    $(if $(BATCHING),--enable_batching --batching_parameters_file='$(MODELS)/batching.config') \
	    --monitoring_config_file='$(MODELS)/monitoring.config'; \
	elif [ -n '$(BATCHING)' ]; then \
	  echo "make serve BATCHING=$(BATCHING): expected tensorflow_model_server on PATH, found none; with Docker, change the two lines of $(MODELS)/docker-compose.yaml" >&2; \
	  exit 2; \
	elif docker compose version >/dev/null 2>&1; then \
	  exec docker compose --project-directory '$(MODELS)' up; \
	else \
	  echo "make serve: expected tensorflow_model_server on PATH, or Docker with compose; found neither" >&2; \
	  exit 2; \
	fi

# The site of docs/, into site/. A link or an anchor that leads nowhere is an error.
docs: $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean
	$(BIN)/python docs/hooks/links.py

lint: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist site *.egg-info

# A shim may exist without an interpreter behind it, so each candidate is run.
$(READY): setup.py
	@set -e; \
	right='import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))'; \
	found=''; \
	for candidate in $(if $(PYTHON),'$(PYTHON)',python3.11 python3.10 python3.9 python3); do \
	  if "$$candidate" -c "$$right" >/dev/null 2>&1; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "egsc_tf needs Python 3.9, 3.10 or 3.11; found none$(if $(PYTHON), at PYTHON=$(PYTHON),). Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	  exit 1; \
	fi; \
	echo "setting up $(VENV) with $$found (a few minutes, once)"; \
	"$$found" -m venv --clear $(VENV); \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'; \
	touch $@

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@
