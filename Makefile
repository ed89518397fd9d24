# make demo, make test: each sets up .venv once, then runs; nothing else to install. The
# newest Python of 3.9 to 3.13 on PATH is taken; PYTHON=/path/to/python3.10 chooses another.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.egsc_tf_ready
DOCS_READY := $(VENV)/.egsc_tf_docs_ready
LEG_VENV := .venv-other-leg
LEG_READY := $(LEG_VENV)/.egsc_tf_ready
DEMO := runs/demo
CLUSTER := runs/cluster
WORKERS ?= 2
MODELS ?= models
# BATCHING=1: the server merges requests (docs/guides/serving.md).
BATCHING ?=

.PHONY: demo cluster imports test test-legs test-slow test-faults test-beam test-cluster \
  test-web test-serving release-check serve docs lint clean

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
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=25 -m "not slow and not faults and not beam_long and not cluster and not web and not legs"

# The other leg, OTHER_PYTHON's: what depends on TensorFlow and Keras, 50 steps of the demo,
# and runs that one leg begins and the other ends.
LEG_TESTS := tests/test_training/test_golden.py tests/test_training/test_training.py \
  tests/test_models tests/test_losses.py tests/test_face.py tests/test_run \
  tests/test_export/test_saved_model.py tests/test_export/test_serving.py \
  tests/test_export/test_tflite.py
test-legs: $(LEG_READY)
	$(LEG_VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal --durations=10 -m "not slow and not faults and not web and not legs" $(LEG_TESTS)
	EGSC_OTHER_PYTHON=$(abspath $(LEG_VENV))/bin/python $(BIN)/python -m pytest -m legs
	rm -rf runs/demo_other_leg
	$(LEG_VENV)/bin/python -m egsc_tf.train --flagfile=experiments/demo.flags --mask_steps=25 --total_steps=25 --workdir=runs/demo_other_leg

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
	rm -rf $(VENV) $(LEG_VENV) build dist site *.egg-info

$(READY): setup.py
	@.ci/venv $(VENV) test $(if $(PYTHON),'$(PYTHON)',python3.13 python3.12 python3.11 python3.10 python3.9 python3 uv:3.13)
	@touch $@

# The other leg: of Python up to 3.11, or of 3.12 and newer.
$(LEG_READY): setup.py $(READY)
	@pythons="$$(.ci/other-pythons $(BIN)/python)"; \
	if [ -z "$(OTHER_PYTHON)$$pythons" ]; then \
	  echo "make test-legs: expected a Python of the other leg than .venv's, found none. Install one, or uv, or name it: OTHER_PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	.ci/venv $(LEG_VENV) test $(if $(OTHER_PYTHON),'$(OTHER_PYTHON)',$$pythons)
	@touch $@

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@
