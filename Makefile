# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything runs from a fresh clone: `make demo` and `make test` do their own set-up: .venv, .build and,
# as root on a Debian-like machine, the packages that tests/tools/setup names. Go and pip keep their caches where they always do.

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
# A test that hangs fails, after a time far longer than any takes on a busy machine.
SHORT := $(PYTEST) --timeout 900 -m "not long"
# Tests of one file share a cluster. In the order of their names: by default those with few tests, the rolls, would come last.
BY_FILE := --dist loadfile --no-loadscope-reorder
# They mostly wait for servers, and count no seconds: they run beside other parts.
BACKEND := tests/e2e/server_backend tests/e2e/sshd

.PHONY: help setup tarball demo demo-rollback test lint test-unit test-model test-interop test-conformance test-backend test-e2e test-molecule test-reliability test-long test-collection test-cores docs changelog release-check bench bench-roll screens pictures test-field clean

help:
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: .build/setup.done .build/bin/judge .build/bin/lab ## .venv, the link that makes the checkout a collection, the Go programs of the tests

.build/setup.done: tests/tools/setup requirements/dev.txt requirements/go.txt tests/tools/pythons
	tests/tools/setup
	touch $@

ACTIONLINT := .build/bin/actionlint-1.7.12

GO_SOURCES = $(wildcard tests/$(1)/*.go tests/$(1)/*.json tests/$(1)/*/*.go tests/$(1)/go.mod tests/$(1)/go.sum)

.build/bin/judge: $(call GO_SOURCES,judge) | .build/setup.done
	tests/tools/go-build judge

.build/bin/lab: $(call GO_SOURCES,lab) | .build/setup.done
	tests/tools/go-build lab

$(ACTIONLINT): | .build/setup.done
	GOBIN=$(abspath .build/bin) GOTOOLCHAIN=local CGO_ENABLED=0 $$(tests/tools/go-path) install github.com/rhysd/actionlint/cmd/actionlint@v$(lastword $(subst -, ,$@))
	mv .build/bin/actionlint $@

demo: .build/setup.done .build/bin/lab ## a three-server cluster on loopback is migrated before your eyes (NOMAD_BIN=/path/to/nomad: a real one)
	$(BIN)/python tests/e2e/demo.py

demo-rollback: .build/setup.done .build/bin/lab ## the same with a second act: back to BoltDB, and all writes are still there
	$(BIN)/python tests/e2e/demo.py rollback

test: ## everything that a change can break; .ci/run: this, and two scenarios of test-molecule
	tests/tools/run-tests

lint: .build/setup.done $(ACTIONLINT) ## ruff, mypy --strict of plugins/module_utils, yamllint, ansible-lint --profile production, shellcheck, actionlint, go vet
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd .build && MYPYPATH=. $(BIN)/mypy --config-file ../pyproject.toml -p ansible_collections.raftops.nomad.plugins.module_utils
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint --offline --profile production
	$(BIN)/shellcheck $$(git grep -lE '^#!.*\b(ba)?sh$$')
	$(ACTIONLINT) -shellcheck= -pyflakes=
	cd tests/judge && $$(../tools/go-path) vet ./...
	cd tests/lab && $$(../tools/go-path) vet ./...

# What the tests run is counted from Python 3.12 on: before, counting costs half of their time.
test-unit: .build/setup.done ## unit tests and house rules, on the Python of .venv and, for the stores, on the oldest one found; how much of plugins/ they run
	$(SHORT) -n 2 $$($(BIN)/python -c 'import sys; hasattr(sys, "monitoring") and print("--cov --cov-report=")') tests/unit
	tests/tools/oldest-python

test-model: .build/setup.done ## the protocol as models: spin searches all orders of events within bounds, and must find what breaks them (docs/model.md)
	$(SHORT) -n 2 tests/model

test-interop: .build/setup.done .build/bin/judge ## our stores against HashiCorp's own libraries
	$(SHORT) -n 2 tests/interop

test-conformance: .build/setup.done .build/bin/lab ## what an agent answers, and the modules that ask it (NOMAD_BIN=/path/to/nomad: a real one)
	$(SHORT) -n 2 $(BY_FILE) tests/conformance

test-backend: .build/setup.done .build/bin/judge .build/bin/lab ## server_backend alone, with each fault; over ssh (NOMAD_BIN=/path/to/nomad: a real one)
	$(SHORT) -n 3 $(BY_FILE) $(BACKEND)

test-e2e: .build/setup.done .build/bin/judge .build/bin/lab ## ad-hoc runs, gates and rolls on clusters (NOMAD_BIN=/path/to/nomad: real ones)
	$(SHORT) -n 3 $(BY_FILE) tests/e2e $(BACKEND:%=--ignore=%)

test-molecule: .build/setup.done .build/bin/judge .build/bin/lab ## rolls on systemd hosts over ssh, in podman (NOMAD_BIN=/path/to/nomad: real Nomads)
	tests/tools/molecule

test-reliability: .build/setup.done .build/bin/judge .build/bin/lab ## kills, power loss, full disks, hostile files and users: a stated sample
	$(SHORT) -n 3 tests/reliability

test-long: .build/setup.done .build/bin/judge .build/bin/lab ## what `make test` leaves out: tests marked long, all of test-reliability, every Python of each core, the soak (SOAK_S=3600)
	tests/tools/browser
	$(PYTEST) --timeout 10800 -m long -n 2 $(BY_FILE) tests
	RELIABILITY=all $(PYTEST) --timeout 10800 -n 2 tests/reliability
	EVERY_PYTHON=yes tests/tools/every-core
	$(PYTEST) -s tests/reliability/soak_rolls.py

test-collection: .build/setup.done ## build the tarball, twice the same; install it elsewhere, use it from there
	$(SHORT) tests/collection
	tests/tools/installed-collection

test-cores: .build/setup.done ## ansible-test sanity and unit tests on every supported ansible-core whose Python is found
	tests/tools/every-core

test-field: .build/setup.done .build/bin/lab ## docs/observe.md and docs/awx.md with ARA, OpenTelemetry, ansible-runner and others, from a package index; no part of `make test`
	tests/tools/test-field

docs: .build/setup.done ## the site of the documentation, .build/docs/html
	tests/tools/docs

changelog: .build/setup.done ## CHANGELOG.md from the fragments in changelogs/
	tests/tools/changelog write

tarball: .build/setup.done ## the tarball of the collection, by the Python and ansible-core of .venv, in .build/tarball
	tests/tools/build-collection .build/tarball

release-check: .build/setup.done ## what a release must pass besides the tests; leaves what is published in .build/dist (docs/release.md)
	tests/tools/release-check

bench: .build/setup.done .build/bin/judge ## our converter beside HashiCorp's own; BENCH="--runs 5 --stores ..." for slices (NOMAD_BIN: the real command, too)
	PYTHONPATH=tests $(BIN)/python -m bench.bench $(BENCH)

bench-roll: .build/setup.done .build/bin/lab ## a roll there and back, on loopback and over a long way; BENCH="--runs 1 --links ..." for slices (NOMAD_BIN: a real Nomad)
	PYTHONPATH=tests $(BIN)/python -m bench.roll $(BENCH)

screens: .build/setup.done .build/bin/lab ## docs/screens*.md: what an operator sees, from a real terminal (tmux); SCREENS="--columns 80" for one width
	PYTHONPATH=tests $(BIN)/python -m screens.take $(SCREENS)

pictures: .build/setup.done .build/bin/lab ## docs/images/*.png: the plan and the record of a roll, of `make demo` (needs Chromium, which it installs as root)
	tests/tools/browser
	$(BIN)/python tests/e2e/demo.py
	PYTHONPATH=tests $(BIN)/python -m screens.pictures

clean: ## remove .venv and .build
	rm -rf .venv .build
