# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server starts on every recorded store, keeps term and vote, takes writes; runs unchanged on a real Nomad."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
from support.cluster.recovery import assert_works, found_in_store, is_lab, recovered
from support.cluster.server import Server
from support.cluster.single import start_and_lead
from support.recordings import STORE_NAMES, store_facts, unpack_store


@pytest.mark.parametrize("recording", STORE_NAMES)
def test_starts_on_recorded_store(tmp_path: Path, recording: str) -> None:
    known = store_facts(recording)
    server = recovered(unpack_store(recording, tmp_path), tmp_path / "cluster", known["backend"])
    try:
        assert_starts_and_keeps(server, known["oracle"])
    finally:
        server.kill()


def assert_starts_and_keeps(server: Server, oracle: Dict[str, Any]) -> None:
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
