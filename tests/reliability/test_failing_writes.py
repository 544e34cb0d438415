# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each change of the disk fails once, or from then on: full disk, quota, broken or read-only disk, short writes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.conversions import conversion, invariants, runs
from support.conversions.conversion import End
from support.conversions.sampling import numbers
from support.conversions.seams import Counting, Failing, Pause, ShortWrite
from support.conversions.situations import ALL, TO_BOLTDB, TO_WAL, Situation, Template

Templates = Callable[[Situation], Template]
Cover = Callable[..., None]
ERRORS = {"ENOSPC": errno.ENOSPC, "EDQUOT": errno.EDQUOT, "EIO": errno.EIO, "EROFS": errno.EROFS}


def assert_harmless(
    end: End, error: int, raft: Path, template: Template, found: invariants.Before, switched: bool
) -> None:
    """A failure with path and reason; or, once the new store counts, at least a warning."""
    if end.error is None:
        assert end.succeeded and end.outcome is not None and switched, end
        assert os.strerror(error) in str(end.outcome["warnings"])
    else:
        assert end.status == 1 and os.strerror(error) in end.error["what"] and end.error["hint"]
        assert end.error["path"].startswith(str(raft.parents[1]))
        assert end.error["kind"] == ("NoSpace" if error in (errno.ENOSPC, errno.EDQUOT) else "WriteFailed")
    invariants.intact(raft, template, found)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_every_change_fails(
    situation: Situation,
    name: str,
    workers: int,
    templates: Templates,
    memory_disk: Path,
    everything: bool,
    cover: Cover,
) -> None:
    template = templates(situation)
    found = invariants.before(template)
    where = memory_disk / f"fail-{situation.name}-{name}-{workers}"
    changes = runs.record(template, where, workers)
    switch = runs.switch_of(changes)
    phase = 2 * sorted(ERRORS).index(name) + workers - 1
    for number in numbers(changes, everything, 96, switch, phase):
        for onwards in (False, True):
            raft = template.copy(where)
            options = runs.options_of(template, where, workers)
            failing = Failing(number, ERRORS[name], onwards)
            end = conversion.run(raft, failing, **options)
            failing.close()
            assert_harmless(end, ERRORS[name], raft, template, found, number > switch)
            invariants.complete(raft, expected=template.expected, clean=False, by_judge=False, **options)
            shutil.rmtree(where)
            cover(f"failing changes to {situation.backend} ({name})")


@pytest.mark.parametrize("then_full", [False, True], ids=["and goes on", "and is full"])
@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_every_write_is_cut_short(
    situation: Situation, then_full: bool, templates: Templates, memory_disk: Path, everything: bool, cover: Cover
) -> None:
    template = templates(situation)
    found = invariants.before(template)
    where = memory_disk / f"short-{situation.name}-{then_full}"
    changes = runs.record(template, where, 1)
    writes = [number for number, change in enumerate(changes) if change.name == "pwritev"]
    for number in writes[:: 1 if everything else 8]:
        raft = template.copy(where)
        options = runs.options_of(template, where, 1)
        short = ShortWrite(number, then_full)
        end = conversion.run(raft, short, **options)
        short.close()
        if then_full:
            assert_harmless(end, errno.ENOSPC, raft, template, found, number > runs.switch_of(changes))
        else:
            assert end.succeeded, end
        invariants.complete(raft, expected=template.expected, clean=False, by_judge=False, **options)
        shutil.rmtree(where)
        cover(f"short writes to {situation.backend}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "small"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(where)], check=True)
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


PLAIN = [TO_WAL[0], TO_BOLTDB[0]]


@pytest.mark.parametrize("situation", PLAIN, ids=lambda situation: situation.name)
def test_a_real_disk_gets_full(
    situation: Situation, templates: Templates, small_disk: Path, everything: bool, cover: Cover
) -> None:
    """Another process fills the disk while the run writes, after the free space was counted."""
    template = templates(situation)
    found = invariants.before(template)
    where = small_disk / "data"
    changes = runs.record(template, where, 1)
    writing = [number for number, change in enumerate(changes) if change.name in ("pwritev", "open")]
    for number in writing[:: 1 if everything else 6]:
        raft = template.copy(where)
        options = runs.options_of(template, where, 1)
        pause = Pause(number)
        run = conversion.start(raft, pause, **options)
        assert pause.reached(run.pid)
        filler = fill(small_disk)
        pause.go()
        end = run.end()
        pause.close()
        if number <= runs.switch_of(changes) or not end.succeeded:
            assert_harmless(end, errno.ENOSPC, raft, template, found, False)
        filler.unlink()
        invariants.complete(raft, expected=template.expected, clean=False, by_judge=False, **options)
        shutil.rmtree(where)
        cover(f"full disks to {situation.backend}")


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        while True:
            try:
                if not file.write(b"\0" * 4096):
                    return filler
            except OSError as error:
                assert error.errno == errno.ENOSPC
                return filler


@pytest.mark.parametrize("situation", PLAIN, ids=lambda situation: situation.name)
def test_a_disk_that_is_read_only(situation: Situation, templates: Templates, small_disk: Path) -> None:
    template = templates(situation)
    raft = template.copy(small_disk / "data")
    before = invariants.fingerprints(raft)
    options = runs.options_of(template, small_disk / "data", 1)
    (small_disk / "proc").mkdir()
    (small_disk / "proc/self").symlink_to("/proc/self")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    end = conversion.run(raft, Counting(), proc=str(small_disk / "proc"), **options)
    assert end.error is not None and os.strerror(errno.EROFS) in end.error["what"] and str(raft) in end.error["path"]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert invariants.fingerprints(raft) == before
    invariants.complete(raft, expected=template.expected, clean=True, by_judge=True, **options)
