# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot import the size of a segment repeats it: the modules' documentation, the role, the pages."""

from __future__ import annotations

import importlib
import re

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.module_utils._disk.segmentsize import DEFAULT_SEGMENT_MIB, SEGMENT_MIB
from support.paths import CHECKOUT, ROLE

LEAST, MOST = SEGMENT_MIB[0], SEGMENT_MIB[-1]
MODULES = "ansible_collections.raftops.nomad.plugins.modules."
SAY_THE_SIZES = [
    "README.md",
    "docs/configuration.md",
    "docs/gates.md",
    "docs/troubleshooting.md",
    "plugins/modules/raft_logstore_config.py",
    "plugins/modules/raft_migrate_backend.py",
    "roles/raft_logstore/meta/argument_specs.yml",
]


@pytest.mark.parametrize("module", ["raft_migrate_backend", "raft_store_info"])
def test_the_default_that_a_module_documents(module: str) -> None:
    options = yaml.safe_load(importlib.import_module(MODULES + module).DOCUMENTATION)["options"]
    assert options["wal_segment_size"]["default"] == DEFAULT_SEGMENT_MIB


def test_what_nomad_does_without_the_setting() -> None:
    text = importlib.import_module(MODULES + "raft_logstore_config").DOCUMENTATION
    assert re.findall(r"Nomad's\s+default is (\d+)", text) == [str(DEFAULT_SEGMENT_MIB)]


def test_the_default_of_the_role() -> None:
    assert yaml.safe_load((ROLE / "defaults/main.yml").read_text())["raft_logstore_wal_segment_size"] == (
        DEFAULT_SEGMENT_MIB
    )
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]
    options = [spec["options"]["raft_logstore_wal_segment_size"] for spec in specs.values() if "options" in spec]
    assert {option["default"] for option in options} == {DEFAULT_SEGMENT_MIB}


@pytest.mark.parametrize("page", SAY_THE_SIZES)
def test_the_sizes_that_are_said(page: str) -> None:
    lines = [line for line in (CHECKOUT / page).read_text().splitlines() if "segment" in line]
    said = re.findall(r"\b(\d+) to (\d+)\b", "\n".join(lines))
    assert set(said) == {(str(LEAST), str(MOST))}
