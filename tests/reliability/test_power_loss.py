# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts on real file systems: ext4 and XFS on a loop device are shut down, without flushing their log, mid-run."""

from __future__ import annotations

import errno
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import WriteFailed
from support.conversions import conversion, invariants, runs
from support.conversions.seams import Counting, Pause
from support.conversions.situations import TO_BOLTDB, TO_WAL, Situation, Template
from support.filesystems import Disk, Kind, disk_of

Templates = Callable[[Situation], Template]
DELAY_MAX_S = 0.02
SEED = 20261122

KINDS = [
    Kind("ext4-ordered", 64 << 20, ("mkfs.ext4", "-q", "-F"), "loop,data=ordered,noauto_da_alloc"),
    Kind("ext4-writeback", 64 << 20, ("mkfs.ext4", "-q", "-F"), "loop,data=writeback,noauto_da_alloc"),
    Kind("xfs", 300 << 20, ("mkfs.xfs", "-q", "-f"), "loop"),
]
SITUATIONS = [TO_WAL[0], TO_WAL[2], TO_BOLTDB[0], TO_BOLTDB[2], TO_WAL[3]]
CYCLES = 6  # for each file system and situation: 30 for each file system
CYCLES_ALL = 100


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_power_is_cut_at_random_moments(
    kind: Kind,
    situation: Situation,
    templates: Templates,
    tmp_path: Path,
    everything: bool,
    cover: Callable[..., None],
) -> None:
    template = templates(situation)
    found = invariants.before(template)
    chance = random.Random(f"{SEED} {kind.name} {situation.name}")
    with disk_of(kind, tmp_path) as disk:
        where = disk.top / "data"
        counts = {workers: len(runs.record(template, where, workers)) for workers in (1, 2)}
        for cycle in range(CYCLES_ALL if everything else CYCLES):
            raft = template.copy(where)
            os.sync()
            workers = 1 + cycle % 2
            options = runs.options_of(template, where, workers)
            done = cut_during(raft, disk, options, chance.randrange(counts[workers]), chance.uniform(0, DELAY_MAX_S))
            disk.umount()
            disk.mount()
            opened = invariants.intact(raft, template, found)
            assert not done or opened == ("wal" if situation.backend == "wal" else "raft.db"), "done was undone"
            invariants.complete(raft, expected=template.expected, clean=situation.is_resumed, by_judge=True, **options)
            shutil.rmtree(where)
            cover(f"power cuts on {kind.name}, {'behind' if done else 'before'} the end of the run")


def cut_during(raft: Path, disk: Disk, options: dict[str, object], at: int, delay: float) -> bool:
    """Cut the power some milliseconds after the run's n-th change; whether it had reported its success by then."""
    pause = Pause(at)
    proc = str(disk.top.parent)
    if not os.path.lexists(f"{proc}/self"):
        os.symlink("/proc/self", f"{proc}/self")
    run = conversion.start(raft, pause, proc=proc, **options)
    assert pause.reached(run.pid)
    pause.go()
    time.sleep(delay)  # the moment itself, not a wait for something
    disk.cut()
    end = run.end()
    pause.close()
    return end.succeeded


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_was_lost_is_not_reported_as_durable(kind: Kind, tmp_path: Path) -> None:
    """On XFS the kernel itself says that the sync of a directory has succeeded then."""
    with disk_of(kind, tmp_path) as disk:
        (disk.top / "old").mkdir()
        os.sync()
        directory = Directory.open(str(disk.top))
        os.rename(disk.top / "old", disk.top / "new")
        disk.cut()
        with pytest.raises(WriteFailed, match=os.strerror(errno.EIO)):
            directory.sync()
        directory.close()
        disk.umount()
        disk.mount()
        assert (disk.top / "old").exists()


class NeverSynced(Counting):
    """A product that has forgotten every fsync."""

    def fsync(self, fd: int) -> None:
        return


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_cut_would_show_a_missing_sync(kind: Kind, templates: Templates, tmp_path: Path) -> None:
    """The disk does lose what was not synced: without this the test above could not fail."""
    template = templates(TO_WAL[0])
    with disk_of(kind, tmp_path) as disk:
        raft = template.copy(disk.top / "data")
        os.sync()
        os.symlink("/proc/self", tmp_path / "self")
        end = conversion.run(raft, NeverSynced(), proc=str(tmp_path), **runs.options_of(template, disk.top, 1))
        assert end.succeeded and invariants.starts(raft)["wal"] == "wal"
        disk.cut()
        disk.umount()
        disk.mount()
        assert invariants.starts(raft)["wal"] == "refuses", "it reported its success, and it is undone"
