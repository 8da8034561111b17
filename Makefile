# duckshift: make alone prints what there is to make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STAMP_DEV := $(VENV)/.installed-dev
# What the installed program is made of besides the sources, which are used in place.
BUILT_FROM := pyproject.toml hatch_build.py $(wildcard server/wire/native/*.[ch] engine/load/native/*.[ch] sql/native/*.[ch]) tools/build_native.py

##@ Use

.PHONY: install
install: $(STAMP)  ## Make .venv with the pinned dependencies and duckshift itself

$(STAMP): requirements.lock requirements-uv.lock $(BUILT_FROM)
	scripts/install
	@touch $@

.PHONY: serve
serve: install  ## Start the server with its defaults (ARGS="--port 5440" adds options)
	$(BIN)/duckshift serve $(ARGS)

.PHONY: demo
demo: install-dev  ## Play the ticket-sales story from S3 files to reports
	scripts/apt-packages postgresql-client
	$(BIN)/python -m tools.demo $(ARGS)

.PHONY: dbt
dbt: install-dev  ## Build the ticket-sales project of examples/dbt on a fresh server (ARGS="--keep FOLDER")
	scripts/clients dbt
	$(BIN)/python -m tools.dbt_example $(ARGS)

##@ Develop

.PHONY: install-dev
install-dev: $(STAMP_DEV)  ## Add what tests, checks and demo need

$(STAMP_DEV): requirements.lock requirements-dev.lock requirements-uv.lock $(BUILT_FROM)
	scripts/install --dev
	@touch $(STAMP) $@

.PHONY: test
test:  ## Check and test everything, installing what that needs (ARGS go to pytest)
	scripts/test $(ARGS)

.PHONY: conformance
conformance: install-dev  ## Run the conformance suite and print its figures (ARGS="super ddl" chooses)
	scripts/apt-packages postgresql-client
	$(BIN)/python -m tools.conformance $(ARGS)

.PHONY: chaos
chaos: install-dev  ## Injure servers and print what they survive (ARGS="--seconds 60", "kill disk" chooses)
	scripts/apt-packages postgresql libfaketime
	$(BIN)/python -m tools.chaos $(ARGS)

.PHONY: clients
clients: install-dev  ## Run real clients against a fresh server and print their figures (ARGS="psql dbt" chooses)
	scripts/apt-packages --all
	scripts/clients --all
	$(BIN)/python -m tools.clients $(ARGS)

.PHONY: spark
spark: install-dev  ## Compare a Spark cluster's answers with DuckDB's (URL=sc://127.0.0.1:15002)
	SPARK_REMOTE=$(URL) $(BIN)/python -m pytest -q tests/clients/test_spark.py $(ARGS)

.PHONY: check
check: lint test-fast  ## Checks and the tests that need no server

.PHONY: test-fast
test-fast: install-dev
	$(BIN)/python -m pytest -q tests/unit tests/repo $(ARGS)

.PHONY: lint
lint: install-dev  ## Lint, types, import contracts, Dockerfile, documentation in step
	scripts/lint

.PHONY: fmt
fmt: install-dev  ## Sort imports and mend what ruff can mend
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: install-dev  ## Write the generated documentation and example configuration anew
	$(BIN)/python -m tools.gen_docs

.PHONY: lock
lock: install-dev  ## Choose the newest allowed dependencies and pin them
	scripts/lock --upgrade

.PHONY: differential
differential: install-dev  ## Run generated SQL on PostgreSQL too and print what differs (ARGS="--seed 7 --count 9000")
	scripts/apt-packages postgresql
	$(BIN)/python -m tools.differential $(ARGS)

.PHONY: fuzz
fuzz: install-dev  ## Send a million mutated protocol messages to a fresh server (ARGS="--messages 9000 --seed 7")
	$(BIN)/python -m tools.fuzz $(ARGS)

.PHONY: bench
bench: install-dev  ## Compare with PostgreSQL and raw DuckDB, side by side (ARGS="--quick --only a,b")
	scripts/apt-packages postgresql postgresql-client default-jdk-headless libpostgresql-jdbc-java haproxy
	$(BIN)/python -m bench.compare $(ARGS)

.PHONY: bench-before
bench-before: install-dev  ## Time what a repeated statement takes before the engine has it (ARGS="--times 1000")
	$(BIN)/python -m bench.before $(ARGS)

.PHONY: bench-load
bench-load: install-dev  ## Compare COPY and UNLOAD with raw DuckDB's (ARGS="--scale 0.2 --runs 3 --memory 500MB")
	$(BIN)/python -m bench.load $(ARGS)

.PHONY: bench-traffic
bench-traffic: install-dev  ## Compare reports over web traffic, strings and many groups, with raw DuckDB's (ARGS="--rows 1000000")
	$(BIN)/python -m bench.traffic $(ARGS)

.PHONY: bench-recovery
bench-recovery: install-dev  ## Time snapshots and restores of a warehouse of 1 GB (ARGS="--megabytes 100")
	$(BIN)/python -m bench.recovery $(ARGS)

.PHONY: bench-scale
bench-scale: install-dev  ## Time a catalog of 10,000 tables, and growth with rows, columns, connections (ARGS="--tables 2000")
	$(BIN)/python -m bench.scale $(ARGS)
	$(BIN)/python -m bench.idle --tls
	$(BIN)/python -m bench.growth

.PHONY: changelog
changelog: install-dev  ## Show what the next release's notes would say
	$(BIN)/towncrier build --draft --version next

.PHONY: clean
clean:  ## Remove the environment and what was built
	rm -rf $(VENV) .clients .examples dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -f server/wire/native/*.so engine/load/native/*.so sql/native/*.so

##@ Help

.PHONY: help
help:  ## Print this
	@awk 'BEGIN {FS = ":.*##"} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*##/ {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
