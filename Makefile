# Two commands set everything up on a machine with python3 (3.11+), make and git: `make demo` and `make test`.
# All paths are relative to this file, so `make -C cotjudge demo` works from anywhere.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO_DB := build/demo.duckdb

export LITELLM_LOCAL_MODEL_COST_MAP := True
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types imports wheel-test bench test-inspect bench-inspect test-duckdb14 test-frames fuzz docs validation clean

help:            ## what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

# The stamp names the tools and pins it was made from: a second call does nothing, a changed pin installs again.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "cotjudge needs Python 3.11 or newer; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed  ## score data/samples with the embedded judge, then ask the database two questions
	@mkdir -p build && rm -rf $(DEMO_DB) $(DEMO_DB).journal
	$(BIN)/cotjudge score data/samples --judge lexical --rubric all --db $(DEMO_DB)
	$(BIN)/cotjudge sql --db $(DEMO_DB) "SELECT rubric, label, count(*) AS traces, round(avg(score), 2) AS mean_score FROM verdicts GROUP BY ALL ORDER BY ALL"
	$(BIN)/cotjudge sql --db $(DEMO_DB) "SELECT v.trace_id[:8] AS trace, s.model, v.severity, e.quote FROM verdicts v JOIN evidence e USING (key) JOIN sources s ON s.trace_id = v.trace_id WHERE v.rubric = 'goal_directed_scheming' AND v.label = 'present' AND e.criterion = 'conceals' AND e.verified ORDER BY v.score DESC, trace LIMIT 5"

test: $(VENV)/.installed  ## the tests, but for the slowest, which `make check` runs
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

check: lint types imports wheel-test  ## what CI runs: lint, types, architecture, the built wheel, the tests with coverage
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-branch --cov-report=term:skip-covered

lint: $(VENV)/.installed
	$(BIN)/ruff check src tests benchmarks data
	$(BIN)/ruff format --check src tests benchmarks data

types: $(VENV)/.installed
	$(BIN)/mypy

imports: $(VENV)/.installed
	$(BIN)/lint-imports

wheel-test: $(VENV)/.installed  ## install the built wheel into its own environment and judge with it
	$(BIN)/python tests/wheel_smoke.py

bench: $(VENV)/.installed  ## the benchmarks, one after the other
	$(BIN)/python benchmarks/run_all.py

# Inspect wants another openai than litellm does, so it has an environment of its own (250 MB).
.venv-inspect/.installed: pyproject.toml
	@test -x .venv-inspect/bin/python || $(PYTHON) -m venv .venv-inspect
	@echo "installing inspect_ai into .venv-inspect (once; about a minute)"
	@.venv-inspect/bin/python -m pip install --quiet inspect-ai==0.3.285 pandas pytest pytest-asyncio hypothesis -e .
	@touch $@

test-inspect: .venv-inspect/.installed  ## logs that inspect_ai itself writes, read by its reader and by ours
	.venv-inspect/bin/python -m pytest tests/readers/test_harness_logs.py tests/readers/test_inspect.py tests/harness

bench-inspect: .venv-inspect/.installed  ## our reader of Inspect logs beside read_eval_log, tables beside pandas
	.venv-inspect/bin/python benchmarks/inspect_logs.py

# The oldest DuckDB that we support, with long-term support by its makers, beside the newest one in $(VENV).
.venv-duckdb14/.installed: pyproject.toml
	@test -x .venv-duckdb14/bin/python || $(PYTHON) -m venv .venv-duckdb14
	@echo "installing DuckDB 1.4 into .venv-duckdb14 (once; half a minute)"
	@.venv-duckdb14/bin/python -m pip install --quiet 'duckdb>=1.4,<1.5' pytest pytest-asyncio pytest-xdist pyarrow -e .
	@touch $@

test-duckdb14: .venv-duckdb14/.installed $(VENV)/.installed  ## the store and its commands with DuckDB 1.4, and files of either in the other
	.venv-duckdb14/bin/python -m pytest -n 2 --dist worksteal tests/store tests/cli/test_db.py tests/cli/test_output.py
	OTHER_DUCKDB_PYTHON=$(CURDIR)/.venv-duckdb14/bin/python $(BIN)/python -m pytest tests/store/test_two_duckdbs.py

# What people read an export with (about 400 MB).
.venv-frames/.installed: pyproject.toml
	@test -x .venv-frames/bin/python || $(PYTHON) -m venv .venv-frames
	@echo "installing pandas, polars and datasets into .venv-frames (once; a minute)"
	@.venv-frames/bin/python -m pip install --quiet pandas polars datasets pyarrow pytest pytest-asyncio -e .
	@touch $@

test-frames: .venv-frames/.installed  ## exports in pandas, polars and Hugging Face's datasets
	.venv-frames/bin/python -m pytest tests/store/test_exports_elsewhere.py

fuzz: $(VENV)/.installed  ## damage real and invented dumps for two minutes; no reader may stumble
	$(BIN)/python tests/fuzz_readers.py --seconds 120

docs: $(VENV)/.installed  ## regenerate the generated pages
	$(BIN)/python docs/generate.py

validation: $(VENV)/.installed  ## measure the embedded judge on every labelled set, and write docs/validation.md
	$(BIN)/python docs/validation.py

clean:           ## everything that was built
	rm -rf $(VENV) .venv-inspect .venv-duckdb14 .venv-frames build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
