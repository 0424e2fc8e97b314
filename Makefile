# The verbs of daily work. `make run` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install run stack test test-connected lint format bench prove screenshots lock

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

run: install
	$(BIN)/python -m deploy.standalone

# Real Kafka, MongoDB protocol, Redis and MinIO on this machine, in the foreground.
stack: install
	$(BIN)/python -m deploy.stack

test: install
	$(BIN)/python -m pytest -m "not connected" --numprocesses auto --dist loadfile \
		--cov --cov-report=term:skip-covered --cov-fail-under=90

# What `make test` leaves out, on a stack of its own; the first time it downloads and builds.
test-connected: install
	$(BIN)/python -m deploy.stack run -- $(BIN)/python -m pytest -m connected \
		--cov --cov-config=tests/connected.coveragerc --cov-report=term:skip-covered \
		--cov-fail-under=90

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Some 25 minutes for docs/benchmarks.md, on a machine that has nothing else to do, and the rest.
bench: install
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.two_windows
	$(BIN)/python -m tests.bench.two_gateways
	$(BIN)/python -m tests.bench.first_message

prove: install
	$(BIN)/python -m tests.prove

# What docs/screenshots shows, anew from a demo freshly started.
screenshots: install
	$(BIN)/python -m tests.system.screenshots

# What CI installs: the newest versions that fit pyproject.toml, as found today.
lock:
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt
