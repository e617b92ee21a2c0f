# Targets install what they need; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE # each worker of pytest and each bot that it starts would compile everything anew

.PHONY: help setup demo run check test bench soak image-check pictures lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/dev ## install everything for demo, run, check and test into .venv

demo: .venv/dev ## start the whole bot in your browser, without any account; PORT=8765 sets the port
	$(BIN)/python -m bot.demo --port $(or $(PORT),0)

run: .venv/run ## run the bot, with the settings in .env
	$(BIN)/python -m bot run

check: .venv/dev ## check style, types and import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/dev ## all tests; a minute on two cores
	$(BIN)/python -m pytest -n 4 --maxschedchunk 1 -rs

bench: .venv/dev ## measure cost and speed into docs/performance.md; half an hour on an idle machine
	$(BIN)/python -m tests.bench

soak: .venv/dev ## long tests: 2,000 results with 200 kills, 320 presses with 80, half an hour of work; an hour in all
	DARKROOM_LONG=1 $(BIN)/python -m pytest -n 2 --timeout 600 tests/crash/test_busy_and_cut_off.py \
	    tests/crash/test_pressing_for_real.py tests/crash/test_pictures_for_real.py \
	    tests/unit/test_formatting_properties.py tests/unit/test_useapi_parsing_properties.py tests/unit/test_buttons.py
	$(BIN)/python -m tests.crash.kill_run --deliveries 2000 --kills 200 --nonce-window 0 --seed $${SEED:-1}
	$(BIN)/python -m tests.crash.submission_run --presses 320 --kills 80 --seed $${SEED:-1}
	$(BIN)/python -m tests.bench.soak --minutes $${MINUTES:-30}

image-check: .venv/dev ## run the Dockerfile's steps in a bare Debian root, without Docker; needs root and debootstrap
	$(BIN)/python -m tests.image

pictures: .venv/dev ## take the screenshots in docs/ again, from the demo; needs Chromium
	$(BIN)/python -m tests.pictures

lock: ## pin the packages again; needs uv
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links --quiet -o requirements.txt
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links --quiet -c requirements.txt -o requirements-dev.txt

clean: ## delete .venv and caches; never touches data/
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Checked first, because pip answers an older Python with a page of version numbers.
NEW_ENOUGH := import sys; sys.version_info >= (3, 11) or sys.exit("Darkroom needs Python 3.11 or newer, and $(PYTHON) \
    is %d.%d. Call make with PYTHON=python3.12, or another one that you have." % sys.version_info[:2])

# Running the bot needs only some of the packages; the development set has all of them at the same versions.
.venv/run: requirements.txt
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	@echo "Downloading the packages, about a minute …"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	@echo "Downloading the packages, about a minute …"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@ .venv/run
