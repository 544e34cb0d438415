# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running server meets what a killed run has left, with each configuration, before the re-run: nothing is lost.

The server is the lab server (NOMAD_BIN: a real one). The start-up rule of invariants.py is held to it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.cluster.cluster import Cluster, Server
from support.cluster.single import backend, refusal, set_block, start_and_lead, write_variable
from support.conversions import conversion, invariants, runs
from support.conversions.seams import Counting, Strike

BLOCKS = {"wal": backend("wal"), "boltdb": backend("boltdb"), "none": ""}
WRITTEN = 40
POINTS = 6
POINTS_ALL = 40


class Lab:
    """One server on its own, with acknowledged writes, stopped; and its data as it was then."""

    def __init__(self, where: Path) -> None:
        self.cluster = Cluster(where / "cluster", size=1)
        self.server: Server = self.cluster.servers[0]
        self.saved = where / "saved"
        self.written: list[str] = []

    def write(self, path: str) -> None:
        write_variable(self.server, path)
        self.written.append(path)

    def keep(self) -> None:
        shutil.copytree(self.server.data_dir, self.saved, symlinks=True)

    def restore(self) -> None:
        shutil.rmtree(self.server.data_dir)
        shutil.copytree(self.saved, self.server.data_dir, symlinks=True)

    def has_all(self) -> None:
        answers = {path: self.server.try_api("GET", f"/v1/var/{path}").status for path in self.written}
        assert set(answers.values()) == {200}, answers


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    start_and_lead(lab.server)
    for number in range(WRITTEN):
        lab.write(f"before/{number}")
    lab.server.stop()
    yield lab
    lab.cluster.stop_all()


def spread(switch: int, total: int, points: int) -> list[int]:
    """Moments of a run: around its switch, and evenly over it."""
    around = {switch - 1, switch, switch + 1, switch + 2}
    evenly = {total * number // max(1, points - 4) for number in range(points - 4)}
    return sorted(number for number in around | evenly if number < total)


@pytest.mark.parametrize("to", ["wal", "boltdb"])
def test_a_server_starts_on_what_a_killed_run_left(
    to: str, lab: Lab, everything: bool, cover: Callable[..., None]
) -> None:
    raft = lab.server.raft_dir
    if to == "boltdb":
        assert conversion.run(raft, backend="wal", workers=2).succeeded
        set_block(lab.server, BLOCKS["wal"])
        start_and_lead(lab.server)
        lab.write("on/wal")
        lab.server.stop()
    lab.keep()
    counting = Counting()
    assert conversion.run(raft, counting, backend=to, workers=2).succeeded
    changes = counting.changes()
    before = list(lab.written)
    for number in spread(runs.switch_of(changes), len(changes), POINTS_ALL if everything else POINTS):
        lab.written = list(before)
        lab.restore()
        end = conversion.run(raft, Strike(number), backend=to, workers=2)
        assert not end.succeeded
        for configuration, block in BLOCKS.items():
            expected = invariants.starts(raft)[configuration]
            set_block(lab.server, block)
            if expected == "refuses":
                refusal(lab.server)
            else:
                start_and_lead(lab.server)
                lab.has_all()
                lab.write(f"after/{number}/{configuration}")
                lab.server.stop()
            cover(f"servers started after a kill to {to}")
        done = conversion.run(raft, backend=to, workers=2)
        assert done.succeeded, done.error
        set_block(lab.server, BLOCKS[to])
        start_and_lead(lab.server)
        lab.has_all()
        lab.server.stop()
