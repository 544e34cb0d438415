# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server starts on every recorded store, keeps term and vote, takes writes; runs unchanged on a real Nomad."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Iterator

import pytest
from e2e.conformance import STORES
from e2e.recovery import assert_works, found_in_store, is_lab, recovered
from e2e.server import Server
from e2e.single import start_and_lead


@pytest.fixture(params=sorted(path.stem for path in STORES.glob("*.json")))
def recording(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(recording: str, tmp_path: Path) -> Iterator[Server]:
    with tarfile.open(STORES / f"{recording}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="tar")
    backend = json.loads((STORES / f"{recording}.json").read_text())["backend"]
    server = recovered(tmp_path / "raft", tmp_path / "cluster", backend)
    yield server
    server.kill()


def test_starts_on_recorded_store(server: Server, recording: str) -> None:
    oracle = json.loads((STORES / f"{recording}.json").read_text())["oracle"]
    start_and_lead(server)
    if is_lab(server):
        assert found_in_store(server) == {
            "first_index": str(oracle["first_index"]),
            "last_index": str(oracle["last_index"]),
            "current_term": str(oracle["current_term"]),
            "last_vote_term": str(oracle["last_vote_term"]),
            "last_vote_candidate": oracle["last_vote_cand"],
        }
    assert_works(server, oracle["current_term"])
