# `make run` shows the desk at work; `make test` passes every test. Both need Debian 12 (or its like) with Python 3.11.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= auto

.PHONY: run test check chaos constraints relay fuzz properties bench man completion wheel deb servers clean

run: .venv/installed
	@$(BIN)/mailgate demo

test: .venv/installed-tests servers
	@$(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

check: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

chaos: .venv/installed-tests servers  ## a hundred kills under load; CI does ten
	@MAILGATE_KILLS=100 $(BIN)/python -m pytest tests/chaos --timeout 3600 -s

relay: .venv/installed-tests servers  ## 500 letters through a Postfix that takes 30 a minute, in real minutes: 17 of them
	@MAILGATE_MINUTE=60 $(BIN)/python -m pytest tests/chaos/test_limited_relay.py --timeout 3600

fuzz: .venv/installed-tests  ## coverage-guided, until it is stopped; FUZZ_SECONDS bounds it; what it finds is in .fuzz
	@$(BIN)/pip install --quiet --disable-pip-version-check 'atheris>=2.3'
	@mkdir -p .fuzz
	@$(BIN)/python tests/fuzz/fuzz_parse.py -max_total_time=$${FUZZ_SECONDS:-3600} -timeout=10 -artifact_prefix=.fuzz/ \
		.fuzz tests/fuzz/seeds tests/mails

properties: .venv/installed-tests  ## the laws of routing with new cases; MAILGATE_EXAMPLES says how many of each
	@MAILGATE_EXAMPLES=$${MAILGATE_EXAMPLES:-5000} $(BIN)/python -m pytest -n $(JOBS) --timeout 3600 \
		tests/unit/routing/test_properties.py

bench: .venv/installed-tests
	@$(BIN)/python benchmarks/parse.py
	@$(BIN)/python benchmarks/ingest.py
	@$(BIN)/python benchmarks/conversations.py

man: .venv/installed  ## manual pages, from `--help` and the settings
	@rm -rf build/man
	@$(BIN)/python docs/manual.py build/man

completion: .venv/installed
	@mkdir -p build/completion
	@$(BIN)/mailgate completion bash >build/completion/mailgate
	@$(BIN)/mailgate completion zsh >build/completion/_mailgate
	@$(BIN)/mailgate completion fish >build/completion/mailgate.fish

wheel: man completion  ## dist/mailgate-VERSION-py3-none-any.whl
	@mkdir -p dist
	@rm -f dist/mailgate-*.whl
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/mailgate-*.whl

constraints: .venv/installed-tests  ## the versions that package and container hold, from those that are here
	@mkdir -p build
	@$(BIN)/python packaging/constraints.py >build/constraints.txt
	@mv build/constraints.txt packaging/constraints.txt

deb: wheel  ## dist/mailgate_VERSION_ARCHITECTURE.deb, for the Debian this runs on
	@.ci/servers debhelper
	@rm -f dist/mailgate_*.deb
	@packaging/deb
	@ls dist/mailgate_*.deb

# What the tests talk to: real servers from Debian's packages, started by the tests themselves.
SERVERS := dovecot-imapd faketime opendkim opendmarc postfix postgresql-15
# What builds and tries what is installed: a Debian of its own is made from packages that are here.
INSTALLING := adduser ca-certificates debhelper fish lintian mandoc pipx python3 python3-venv systemd systemd-container zsh
servers:
	@.ci/servers $(SERVERS) $(INSTALLING)

.venv/bin/python:
	@.ci/python $(PYTHON)

.venv/installed: pyproject.toml .venv/bin/python
	@echo "installing mailgate into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --editable .
	@touch $@

.venv/installed-tests: pyproject.toml .venv/bin/python
	@echo "installing mailgate and what its tests need into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 --editable '.[test]'
	@touch $@ .venv/installed

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
