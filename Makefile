# make demo     the whole weekly job on sample data      (make demo ARGS=--once ends by itself)
# make test     everything that CI runs, but the audit
# make audit    known holes of the dependencies, where there is somebody to ask
# make faults   kills, failing relays and a simulated year, at full length
# make oracles  what independent programs say of the mail and of the API
# make bench    measurements                             (make bench ARGS=queue)
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

# What was read once is kept: each of the processes that test would read all tests anew. They are read beside the types.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test audit faults oracles bench clean

demo: .venv/.installed
	$(BIN)/newsletter demo $(ARGS)

test: .venv/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest --collect-only -qq >/dev/null & $(BIN)/mypy; typed=$$?; wait; exit $$typed
	$(BIN)/pytest -n 4 --dist worksteal $(ARGS)

audit:
	.ci/audit

faults: .venv/.tested
	$(BIN)/pytest tests/faults --full $(ARGS)

oracles: .venv/.tested
	$(BIN)/pytest tests/oracles --full -rs -s $(ARGS)

bench: .venv/.tested
	$(BIN)/python -m tests.benchmarks $(ARGS)

.venv/.installed: pyproject.toml .ci/constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e .
	$(BIN)/python -m compileall -q newsletter db scheduler  # a checkout starts as fast as what pip installs
	touch $@

.venv/.tested: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e '.[postgres,dev]'
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache
