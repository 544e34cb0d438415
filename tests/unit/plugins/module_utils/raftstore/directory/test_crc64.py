# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRC-64/ECMA: known answers, a snapshot's checksum that Raft itself wrote, both implementations alike."""

from __future__ import annotations

import base64
import json
import os
import random
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory import crc64
from support.stores.builder import nomad_store

RUNS = sorted(crc64.IMPLEMENTATIONS)


@pytest.mark.parametrize("name", RUNS)
def test_known_answers(name: str) -> None:
    run = crc64.IMPLEMENTATIONS[name]
    assert run(b"123456789", 0) == 0x995DC9BBDF1939FA
    assert run(b"", 0) == 0
    assert run(b"6789", run(b"12345", 0)) == 0x995DC9BBDF1939FA


@pytest.mark.parametrize("name", RUNS)
def test_the_checksum_that_raft_wrote(name: str, tmp_path: Path) -> None:
    raft = nomad_store("restored-gap", tmp_path)
    for snapshot in (raft / "snapshots").iterdir():
        wanted = base64.b64decode(json.loads((snapshot / "meta.json").read_text())["CRC"])
        assert crc64.IMPLEMENTATIONS[name]((snapshot / "state.bin").read_bytes(), 0).to_bytes(8, "big") == wanted


def test_both_implementations_agree_and_python_is_always_there() -> None:
    assert "python" in RUNS
    chooser = random.Random(1)
    for length in [*range(20), 4095, 4096, 4097]:
        data, start = os.urandom(length), chooser.getrandbits(64)
        assert len({crc64.IMPLEMENTATIONS[name](data, start) for name in RUNS}) == 1
