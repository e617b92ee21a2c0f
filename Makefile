# Targets install what they need; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE # each worker of pytest and each bot that it starts would compile everything anew

.PHONY: help demo run doctor clean setup check test bench soak image-check pictures lock stale

help: ## show this list
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' Makefile

## For admins

demo: .venv/dev ## start the whole bot in your browser, without any account; PORT=8765, PROVIDER=midjourney-proxy
	$(BIN)/python -m bot demo --port $(or $(PORT),0) --provider $(or $(PROVIDER),useapi)

run: .venv/run ## run the bot, with the settings in .env
	$(BIN)/python -m bot run

doctor: .venv/run ## check settings, tokens, database and disk, and say what to do; changes nothing
	$(BIN)/python -m bot check

clean: ## delete .venv and caches; never touches data/
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

## For developers

setup: .venv/dev ## install everything for demo, run, check and test into .venv

check: .venv/dev ## check style, types, import layers and workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet --strict-collection .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml \
	    .github/ISSUE_TEMPLATE/idea.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml compose.override.yaml

# In a new checkout each worker would compile every file: one process does it for all.
test: .venv/dev ## all tests; a minute on two cores
	@[ -d tests/__pycache__ ] || $(BIN)/python -m pytest --collect-only -qq >/dev/null || true
	$(BIN)/python -m pytest -n 5 --maxschedchunk 1 -rs

bench: .venv/dev ## measure cost and speed into docs/performance.md; an hour on an idle machine
	$(BIN)/python -m tests.bench

soak: .venv/dev ## long tests: 4,000 results with 450 kills, 640 presses with 160, half an hour of work; 90 minutes
	DARKROOM_LONG=1 $(BIN)/python -m pytest -n 2 --timeout 600
	$(BIN)/python -m tests.crash.kill_run --deliveries 2000 --kills 200 --nonce-window 0 --seed $${SEED:-1} --starboard
	$(BIN)/python -m tests.crash.kill_run --deliveries 1000 --kills 100 --nonce-window 0 --seed $${SEED:-1} \
	    --provider midjourney-proxy
	$(BIN)/python -m tests.crash.chaos_run --deliveries 1000 --kills 150 --seed $${SEED:-1}
	$(BIN)/python -m tests.crash.submission_run --presses 320 --kills 80 --seed $${SEED:-1}
	$(BIN)/python -m tests.crash.submission_run --presses 320 --kills 80 --seed $${SEED:-1} --provider midjourney-proxy
	$(BIN)/python -m tests.bench.soak --minutes $${MINUTES:-30}

image-check: .venv/dev ## run the wheel in an empty environment, and the Dockerfile's steps in a bare Debian root
	$(BIN)/python -m tests.image.wheel
	$(BIN)/python -m tests.image

pictures: .venv/dev ## take the screenshots in docs/ again, from the demo; needs Chromium
	$(BIN)/python -m tests.pictures

lock: ## pin the packages again; needs uv
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links --quiet -o requirements.txt
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links --quiet -c requirements.txt -o requirements-dev.txt

# Checked first, because pip answers an older Python with a page of version numbers.
NEW_ENOUGH := import sys; sys.version_info >= (3, 11) or sys.exit("Darkroom needs Python 3.11 or newer, and $(PYTHON) \
    is %d.%d. Call make with PYTHON=python3.12, or another one that you have." % sys.version_info[:2])

# After an upgrade of the system's Python, .venv holds packages that the new one does not see. Empty if all is well.
HAS_PACKAGES := import os, sys, sysconfig; sys.exit(not os.path.isdir(sysconfig.get_path("purelib")))
STALE := $(if $(wildcard .venv/bin),$(shell $(BIN)/python -c '$(HAS_PACKAGES)' >/dev/null 2>&1 || echo stale))

stale:
	@echo "The Python that .venv was made with is gone or was upgraded; .venv is made again."

# Running the bot needs only some of the packages; the development set has all of them at the same versions.
.venv/run: requirements.txt $(STALE)
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	@echo "Downloading the packages, about a minute …"
	$(PYTHON) -m venv $(if $(STALE),--clear) .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	touch $@

.venv/dev: requirements-dev.txt $(STALE)
	@$(PYTHON) -c '$(NEW_ENOUGH)'
	@echo "Downloading the packages, about a minute …"
	$(PYTHON) -m venv $(if $(STALE),--clear) .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@ .venv/run
