# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsals beside bbolt and raft-wal at work: clones are whole stores, plain copies are none, kills leave nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory, NewFile, read_exact
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal import clone
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import SCRATCH
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearse import Wish, rehearse
from support.filesystems import Kind, disk_of
from support.paths import JUDGE
from support.stores import judge

Cover = Callable[..., None]
SIZE = 3 << 30  # of a file that is almost empty
KINDS = {kind: Kind(kind, SIZE, (f"mkfs.{kind}", "-q", "-f"), "loop") for kind in ("xfs", "btrfs")}
BACKENDS = ("boltdb", "wal")
CLONES, CLONES_ALL = 8, 200
COPIES, COPIES_ALL = 3, 15
PHASES = 8  # that many lines of progress come in any case: the clone, its digest, and two or more for each step
WRITTEN = 400  # entries, while a megabyte of a plain copy is read; in all as many as while a larger store is copied
KEPT, FILLED = 1000, 4000  # entries in the log; the second so many that its raft.db has few free pages
PROGRAM = """
import sys
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearse import Wish, rehearse
rehearse(Wish(sys.argv[1], progress=lambda phase, *_far: print(phase, flush=True)))
"""


class Busy:
    """A store that is written to all the time. `last` is the index of the last entry that was acknowledged."""

    def __init__(self, top: Path, backend: str, kept: int = KEPT) -> None:
        self.data_dir = top / "data"
        self.raft = self.data_dir / "server/raft"
        self.backend = backend
        self.kept = kept
        self.store = self.raft / ("raft.db" if backend == "boltdb" else "wal")
        self.last = 0
        self._told = threading.Condition()

    def __enter__(self) -> Busy:
        self.raft.mkdir(parents=True)
        if self.backend == "wal":
            self.store.mkdir(0o700)
            judge.append(self.store, count=self.kept, size="0..4000", batch=1000)
        else:
            judge.judge("gen", "-shape", "plain", "-count", self.kept, "-size", "0..4000", self.store)
        self._process = subprocess.Popen(
            [str(JUDGE), "load", "-keep", str(self.kept), str(self.store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.wait(200)
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)
        self._listener.join(60)

    def end(self) -> None:
        """It ends, and what the server's libraries say of the store: all that was acknowledged is in it."""
        self.__exit__()
        assert self._process.returncode == 0
        judge.judge("check", self.store)
        assert judge.digest(self.store).last_index >= self.last

    def wait(self, entries: int) -> None:
        """Until so many more entries were acknowledged."""
        with self._told:
            seen = self.last
            assert self._told.wait_for(lambda: self.last >= seen + entries, 60), "nothing is written any more"

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if not line.strip().isdigit():
                return  # the digest at its end
            with self._told:
                self.last = int(line)
                self._told.notify_all()


@pytest.fixture(params=sorted(KINDS))
def top(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with disk_of(KINDS[request.param], tmp_path) as disk:
        yield disk.top


def take(busy: Busy, into: Path, fill: clone.Fill) -> None:
    into.mkdir()
    with closing(Directory.open(str(busy.raft))) as old, closing(Directory.open(str(into))) as new:
        clone.take(old, new, busy.backend, fill)


def judged(busy: Busy, into: Path, least: int) -> str:
    """What HashiCorp's libraries find wrong with a clone or copy, or ""; `least` is the index that it has to have."""
    store = into / busy.store.name
    try:
        judge.judge("check", store)
        found = judge.digest(store)
    except judge.Refusal as refusal:
        return str(refusal)
    return "" if found.last_index >= least and found.entries == found.last_index - found.first_index + 1 else str(found)


def clones(top: Path, backend: str, count: int) -> None:
    with Busy(top, backend) as busy:
        for number in range(count):
            least = busy.last
            take(busy, top / str(number), clone.cloned)
            assert judged(busy, top / str(number), least) == ""
            busy.wait(number % 7)
            subprocess.run(["rm", "-r", str(top / str(number))], check=True)
        busy.end()


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_clone_is_a_whole_store(top: Path, backend: str, cover: Cover) -> None:
    clones(top, backend, CLONES)
    cover("clones of stores under load", CLONES)


@pytest.mark.long
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_one_of_many_clones_is_a_whole_store(top: Path, backend: str, cover: Cover) -> None:
    clones(top, backend, CLONES_ALL)
    cover("clones of stores under load", CLONES_ALL)


def copies(top: Path, count: int) -> None:
    """Window by window, as any program copies, while the server writes on."""
    with Busy(top, "boltdb", FILLED) as busy:

        def fill(fd: int, path: str, new: NewFile) -> None:
            size = os.fstat(fd).st_size
            for off in range(0, size, clone.WINDOW_LEN):
                new.write([read_exact(fd, min(clone.WINDOW_LEN, size - off), off, path)])
                busy.wait(WRITTEN)

        for number in range(count):
            take(busy, top / str(number), fill)
            assert judged(busy, top / str(number), 0) != "", f"copy {number} is a whole store"
        busy.end()


def test_no_plain_copy_is_a_store(tmp_path: Path, cover: Cover) -> None:
    copies(tmp_path, COPIES)
    cover("plain copies of a raft.db under load, none of them whole", COPIES)


@pytest.mark.long
def test_none_of_many_plain_copies_is_a_store(tmp_path: Path, cover: Cover) -> None:
    copies(tmp_path, COPIES_ALL)
    cover("plain copies of a raft.db under load, none of them whole", COPIES_ALL)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_rehearsal_beside_a_busy_server(top: Path, backend: str) -> None:
    with Busy(top, backend) as busy:
        for workers in (1, 2):
            least = busy.last
            done = rehearse(Wish(str(busy.data_dir), workers=workers))
            assert done.rehearsed and done.method == "clone" and done.in_use and done.last_index
            assert done.last_index >= least and done.entries == done.last_index - (done.first_index or 0) + 1
            assert os.listdir(busy.raft.parent) == ["raft"]
        busy.wait(50)
        busy.end()


def kills(top: Path, backend: str, phases: Sequence[int]) -> None:
    """Each at another line of its progress, and all of them left something."""
    with Busy(top, backend) as busy:
        for phase in phases:
            line = [sys.executable, "-c", PROGRAM, str(busy.data_dir)]
            running = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment())
            assert running.stdout
            for _line in range(1 + phase):
                running.stdout.readline()
            running.kill()
            running.wait()
            assert (busy.raft.parent / SCRATCH).exists()
            assert rehearse(Wish(str(busy.data_dir))).rehearsed
            assert os.listdir(busy.raft.parent) == ["raft"]
        busy.end()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.parametrize("top", ["xfs"], indirect=True)
@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_in_its_midst_the_next_one_cleans_up(top: Path, backend: str, cover: Cover) -> None:
    kills(top, backend, (1, 4))
    cover("kills of rehearsals", 2)


@pytest.mark.long
@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_in_any_phase_the_next_one_cleans_up(top: Path, backend: str, cover: Cover) -> None:
    kills(top, backend, [number % PHASES for number in range(50)])
    cover("kills of rehearsals", 50)
