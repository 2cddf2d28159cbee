# `make run` and `make test` set everything up by themselves; a second call starts at once.
PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-slow bench lint lock messages clean setup

run: setup
	@$(BIN)/pregao

test: setup
	@$(BIN)/python -m pytest -n auto -m "not slow"

test-slow: setup
	@$(BIN)/python -m pytest -m slow

bench: setup
	@for bench in tests/benchmarks/bench_*.py; do \
		name=$$(basename $$bench .py); echo "== $$name"; $(BIN)/python -m tests.benchmarks.$$name || echo "-- a target was missed"; \
	done

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

setup: .venv/.ready

.venv/.ready: pyproject.toml uv.lock requirements.lock
	@if command -v uv >/dev/null 2>&1; then \
		uv sync --frozen --quiet --compile-bytecode; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	fi
	@$(BIN)/python -m compileall -q engine tui
	@touch $@

# After a change of dependencies: both lock files, from one resolution.
lock:
	uv lock
	uv export --frozen --no-hashes --no-emit-project --no-annotate --quiet --output-file requirements.lock

# After a change of texts: extract, bring the catalogue up to date (then translate what is empty in it), compile.
LOCALES := engine/resources/locales
messages: setup
	@$(BIN)/pybabel -q extract -F $(LOCALES)/babel.cfg -k mark:1,1t -k mark:1,2,2t -k ranged:4 --omit-header --sort-by-file --add-location=file -w 130 -o $(LOCALES)/pregao.pot engine tui
	@$(BIN)/pybabel -q update -D pregao -i $(LOCALES)/pregao.pot -d $(LOCALES) -l pt_BR -w 130 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	@$(BIN)/pybabel -q compile -D pregao -d $(LOCALES) -l pt_BR
	@rm $(LOCALES)/pregao.pot

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
