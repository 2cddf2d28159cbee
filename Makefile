# `make run` and `make test` set everything up by themselves; a second call starts at once.
PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-slow bench lint lock clean setup

run: setup
	@$(BIN)/pregao

test: setup
	@$(BIN)/python -m pytest -n auto -m "not slow"

test-slow: setup
	@$(BIN)/python -m pytest -m slow

bench: setup
	@for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

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

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
