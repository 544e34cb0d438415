# SPDX-License-Identifier: GPL-3.0-or-later
# Everything runs from a fresh clone: `make demo` and `make test` do their own set-up (.venv and .build, nothing else).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

COLLECTION := .build/ansible_collections/raftops/nomad
VENV := .venv
BIN := $(abspath $(VENV))/bin
NOMAD_BIN ?= $(abspath .build/bin/lab)
export NOMAD_BIN
export ANSIBLE_COLLECTIONS_PATH := $(abspath .build)
export PATH := $(BIN):$(PATH)
PYTEST := $(BIN)/python -m pytest -q
# The one place that decides what is left out: tests with the marker `long`. test-long runs them.
SHORT := $(PYTEST) -m "not long"
# Tests of one file share a cluster. In the order of their names: by default those with few tests, the rolls, would come last.
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo demo-rollback test lint test-unit test-model test-interop test-conformance test-e2e test-molecule test-reliability test-long test-collection test-cores bench bench-roll clean

help:
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: .build/setup.done .build/bin/judge .build/bin/lab ## .venv, the link that makes the checkout a collection, the Go programs of the tests

.build/setup.done: tests/tools/setup requirements/dev.txt tests/tools/pythons
	tests/tools/setup
	touch $@

GO_SOURCES = $(wildcard tests/$(1)/*.go tests/$(1)/*.json tests/$(1)/*/*.go tests/$(1)/go.mod tests/$(1)/go.sum)

.build/bin/judge: $(call GO_SOURCES,judge) | .build/setup.done
	tests/tools/go-build judge

.build/bin/lab: $(call GO_SOURCES,lab) | .build/setup.done
	tests/tools/go-build lab

demo: .build/setup.done .build/bin/lab ## a three-server cluster on loopback is migrated before your eyes (NOMAD_BIN=/path/to/nomad: a real one)
	$(BIN)/python tests/e2e/demo.py

demo-rollback: .build/setup.done .build/bin/lab ## the same with a second act: back to BoltDB, and all writes are still there
	$(BIN)/python tests/e2e/demo.py rollback

test: ## everything that a change can break; .ci/run: this, and two scenarios of test-molecule
	tests/tools/run-tests

lint: .build/setup.done ## ruff, mypy --strict, yamllint, ansible-lint --profile production
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd .build && MYPYPATH=. $(BIN)/mypy --config-file ../pyproject.toml -p ansible_collections.raftops.nomad.plugins.module_utils
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint --offline --profile production
	cd tests/judge && $$(../tools/go-path) vet ./...
	cd tests/lab && $$(../tools/go-path) vet ./...

test-unit: .build/setup.done ## unit tests and house rules, on the Python of .venv and, for the stores, on the oldest one found
	$(SHORT) -n 2 tests/unit
	tests/tools/oldest-python

test-model: .build/setup.done ## the protocol as models: spin searches all orders of events within bounds, and must find what breaks them (docs/model.md)
	$(SHORT) -n 2 tests/model

test-interop: .build/setup.done .build/bin/judge ## our stores against HashiCorp's own libraries
	$(SHORT) -n 2 tests/interop

test-conformance: .build/setup.done .build/bin/lab ## what an agent answers, and the modules that ask it (NOMAD_BIN=/path/to/nomad: a real one)
	$(SHORT) -n 2 $(BY_FILE) tests/conformance

test-e2e: .build/setup.done .build/bin/judge .build/bin/lab ## ad-hoc runs, gates and rolls on clusters (NOMAD_BIN=/path/to/nomad: real ones)
	$(SHORT) -n 2 $(BY_FILE) tests/e2e

test-molecule: .build/setup.done .build/bin/judge .build/bin/lab ## rolls on systemd hosts over ssh, in podman (NOMAD_BIN=/path/to/nomad: real Nomads)
	tests/tools/molecule

test-reliability: .build/setup.done .build/bin/judge .build/bin/lab ## kills, power loss, full disks, hostile files and users: a stated sample
	$(SHORT) -n 2 tests/reliability

test-long: .build/setup.done .build/bin/judge .build/bin/lab ## what `make test` leaves out: tests marked long, all of test-reliability, the soak (SOAK_S=3600)
	$(PYTEST) -m long -n 2 $(BY_FILE) tests
	RELIABILITY=all $(PYTEST) -n 2 tests/reliability
	$(PYTEST) -s tests/reliability/soak_rolls.py

test-collection: .build/setup.done ## build the tarball, install it elsewhere, use it from there
	tests/tools/installed-collection

test-cores: .build/setup.done ## ansible-test sanity and unit tests on every supported ansible-core whose Python is found
	tests/tools/every-core

bench: .build/setup.done .build/bin/judge ## our converter beside HashiCorp's own; BENCH="--runs 5 --stores ..." for slices (NOMAD_BIN: the real command, too)
	PYTHONPATH=tests $(BIN)/python -m bench.bench $(BENCH)

bench-roll: .build/setup.done .build/bin/lab ## a roll there and back, on loopback and over a long way; BENCH="--runs 1 --links ..." for slices (NOMAD_BIN: a real Nomad)
	PYTHONPATH=tests $(BIN)/python -m bench.roll $(BENCH)

clean: ## remove .venv and .build
	rm -rf .venv .build
