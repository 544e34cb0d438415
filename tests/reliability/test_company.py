# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is not alone: Ctrl-C, a second run at the same time, a server that waits for its locks."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.conversions import conversion, invariants, runs
from support.conversions.sampling import chosen, numbers
from support.conversions.seams import Counting, Pause, Strike
from support.conversions.situations import ALL, TO_BOLTDB, TO_WAL, Situation, Template
from support.paths import JUDGE
from support.stores import judge

Templates = Callable[[Situation], Template]
Cover = Callable[..., None]
PLAIN = [TO_WAL[0], TO_BOLTDB[0], TO_BOLTDB[2]]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_ctrl_c_at_every_change(
    situation: Situation, workers: int, templates: Templates, memory_disk: Path, everything: bool, cover: Cover
) -> None:
    template = templates(situation)
    found = invariants.before(template)
    where = memory_disk / f"int-{situation.name}-{workers}"
    changes = runs.record(template, where, workers)
    for number in numbers(changes, everything, 8, runs.switch_of(changes)):
        raft = template.copy(where)
        options = runs.options_of(template, where, workers)
        strike = Strike(number, signal.SIGINT)
        end = conversion.run(raft, strike, **options)
        strike.close()
        # Python loses an interrupt that comes in the middle of fork(); then the worker's death ends the run
        assert end.status == 130 or (workers == 2 and "a worker process" in (end.error or {}).get("what", "")), end
        invariants.intact(raft, template, found)
        invariants.complete(raft, expected=template.expected, clean=situation.is_resumed, by_judge=False, **options)
        shutil.rmtree(where)
        cover(f"Ctrl-C to {situation.backend}")


@pytest.mark.parametrize("situation", PLAIN, ids=lambda situation: situation.name)
def test_a_second_run_meets_the_first_at_every_change(
    situation: Situation, templates: Templates, memory_disk: Path, everything: bool, cover: Cover
) -> None:
    """One that does not wait is refused and changes nothing. One that waits finds the work done, or killed."""
    template = templates(situation)
    found = invariants.before(template)
    where = memory_disk / f"second-{situation.name}"
    for number, _change in chosen(runs.record(template, where, 2), everything):
        raft = template.copy(where)
        options = runs.options_of(template, where, 2)
        pause, uncounted = Pause(number), Counting()
        first = conversion.start(raft, pause, **options)
        assert pause.reached(first.pid)
        refused = conversion.run(raft, **{**options, "lock_timeout_s": 0.0})
        assert refused.error is not None and refused.error["kind"] == "InUse", refused
        assert "another run" in refused.error["what"] and refused.error["hint"]
        second = conversion.start(raft, uncounted, **options)
        if number % 2:
            first.kill()
        pause.go()
        ended, waited = first.end(), second.end()
        pause.close()
        uncounted.close()
        assert ended.succeeded != bool(number % 2)
        assert waited.succeeded and waited.outcome is not None, waited
        assert number % 2 or not waited.outcome["changed"], "the first run had done everything"
        assert invariants.intact(raft, template, found) == ("wal" if situation.backend == "wal" else "raft.db")
        invariants.complete(raft, expected=template.expected, clean=True, by_judge=False, **options)
        shutil.rmtree(where)
        cover(f"second runs to {situation.backend}")


SERVER = """
import fcntl, os, sys
path = sys.argv[1]
fd = os.open(path, os.O_RDWR)
inode = os.fstat(fd).st_ino
print("open", flush=True)
fcntl.flock(fd, fcntl.LOCK_EX)
print("renamed" if not os.path.exists(path) or os.stat(path).st_ino != inode else "kept", flush=True)
"""


@pytest.mark.parametrize("situation", PLAIN, ids=lambda situation: situation.name)
def test_a_server_waits_from_every_change_on(
    situation: Situation, templates: Templates, memory_disk: Path, everything: bool, cover: Cover
) -> None:
    """It opens the store that its configuration names, as Nomad does, and waits: never for a file that was renamed.

    On the way back a server on WAL may: it looks for its segments below wal/ then, and ends without them.
    """
    template = templates(situation)
    found = invariants.before(template)
    where = memory_disk / f"server-{situation.name}"
    changes = runs.record(template, where, 1)
    switch = runs.switch_of(changes)
    for number, _change in chosen(changes, everything):
        raft = template.copy(where)
        options = runs.options_of(template, where, 1)
        pause = Pause(number)
        run = conversion.start(raft, pause, proc="/proc", **options)
        assert pause.reached(run.pid)
        (name,) = {name for name in invariants.starts(raft).values() if name != "refuses"}
        store = raft / name if name == "raft.db" else raft / "wal/wal-meta.db"
        command = [sys.executable, "-S", "-c", SERVER, str(store)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None and server.stdout.readline() == "open\n"
        pause.go()
        end = run.end()
        pause.close()
        retired = name == "wal" and situation.backend == "boltdb" and end.succeeded
        assert server.stdout.readline() == ("renamed\n" if retired else "kept\n"), number
        server.wait()
        server.stdout.close()
        if number <= switch:
            assert (name == "wal" and number == switch) or end.error is not None
        if end.error is not None:
            assert f"PID {server.pid}" in end.error["what"] and end.error["kind"] == "InUse"
        invariants.intact(raft, template, found)
        invariants.complete(raft, expected=template.expected, clean=False, by_judge=False, **options)
        shutil.rmtree(where)
        cover(f"servers that wait for a run to {situation.backend}")


def test_a_server_that_has_waited_puts_nothing_into_a_wal_that_was_renamed(
    templates: Templates, memory_disk: Path
) -> None:
    """raft-wal has wal-meta.db open by then, looks for its segments below wal/, and ends without them."""
    template = templates(TO_BOLTDB[0])
    raft = template.copy(memory_disk / "waited")
    with open(raft / "wal/wal-meta.db", "rb") as meta:
        fcntl.flock(meta, fcntl.LOCK_EX)
        server = subprocess.Popen([JUDGE, "append", raft / "wal"], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 30
        while os.path.realpath(meta.name) not in map(os.path.realpath, Path(f"/proc/{server.pid}/fd").iterdir()):
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.rename(raft / "wal", raft / "wal.migrated.20261122-104750")
    said = server.communicate(timeout=60)[1]
    assert server.returncode and "no such file or directory" in said
    assert judge.digest(raft / "wal.migrated.20261122-104750") == template.expected
    shutil.rmtree(memory_disk / "waited")
