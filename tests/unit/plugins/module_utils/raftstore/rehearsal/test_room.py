# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The space that a rehearsal asks for: never less than what is made, and always something for the server."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.room import (
    MIB,
    margin_bytes,
    needed_bytes,
)


@pytest.mark.parametrize(("size", "margin"), [(0, 256), (1024, 256), (5 * 1024, 256), (20 * 1024, 1024)])
def test_something_stays_free_for_the_server(size: int, margin: int) -> None:
    assert margin_bytes(size * MIB) == margin * MIB


@pytest.mark.parametrize("backend", ["boltdb", "wal"])
def test_the_clone_and_both_conversions_have_room(backend: str) -> None:
    """The whole clone counts: the server may overwrite every block of its own file meanwhile."""
    least = 100 * MIB + 70 * MIB + 100 * MIB
    assert needed_bytes(100 * MIB, 70 * MIB, backend, 64) > least
    assert needed_bytes(100 * MIB, 70 * MIB, "wal", 128) - needed_bytes(100 * MIB, 70 * MIB, "wal", 64) == 64 * MIB
