# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal as a whole: what it finds is what a conversion finds, and the server's own files stay as they are.

Here a file is cloned by copying it, as nothing writes meanwhile. Real clones are in
tests/reliability/test_rehearse_live.py.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk import durable
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    Corrupt,
    IndexGap,
    InUse,
    NoSpace,
    Refused,
)
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import SystemCalls
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.migrate import Request, migrate
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal import room
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import SCRATCH
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearse import (
    Rehearsal,
    Wish,
    copy_store,
    rehearse,
)
from support.attributes import mounted
from support.stores.builder import (
    NAMES,
    listing,
    log,
    nomad_store,
    raft_directory,
    truth,
    write_boltdb,
    write_guard,
    write_snapshot,
    write_wal,
)
from support.stores.cloning import Cloning, Without, serve


@pytest.fixture
def in_use() -> Iterator[List[int]]:
    """Files that a server has open and locked."""
    fds: List[int] = []
    yield fds
    for fd in fds:
        os.close(fd)


def rehearsed(tmp_path: Path, calls: SystemCalls, **wish: object) -> Rehearsal:
    """The rehearsal, after which everything below the data_dir is as it was."""
    before = listing(tmp_path)
    done = rehearse(Wish(str(tmp_path), **wish), calls)  # type: ignore[arg-type]
    assert listing(tmp_path) == before
    return done


@pytest.mark.parametrize("name", NAMES)
def test_stores_of_nomad_come_back_as_they_were(name: str, tmp_path: Path, in_use: List[int]) -> None:
    raft = nomad_store(name, tmp_path)
    is_wal = (raft / "wal").exists()
    serve(in_use, raft / ("wal/wal-meta.db" if is_wal else "raft.db"))
    done = rehearsed(tmp_path, Cloning())
    assert done.rehearsed and done.refusal == "" and done.method == "clone" and done.in_use
    if not done.dropped_entries:
        assert (done.digest, done.entries) == (truth(name)["digest"], truth(name)["entries"])
    assert (
        done.there
        and done.back
        and (done.backend, done.there.backend) == (("wal", "boltdb") if is_wal else ("boltdb", "wal"))
    )
    assert done.back.backend == done.backend
    assert ", all equal." in done.sentence() and len(done.plan) == 5


def test_both_ways_are_conversions(tmp_path: Path) -> None:
    """The old store is not just put back."""
    write_boltdb(raft_directory(tmp_path) / "raft.db", log(200))
    done = rehearsed(tmp_path, Cloning())
    assert done.there and done.back
    assert done.there.bytes_read > 0 < done.there.bytes_written
    assert done.back.bytes_read > 0 < done.back.bytes_written and done.back.verify > 0


def test_a_person_is_told_the_seconds_and_the_speed(tmp_path: Path) -> None:
    write_boltdb(raft_directory(tmp_path) / "raft.db", log(3000))
    done = rehearsed(tmp_path, Cloning())
    told = re.match(r"boltdb -> wal (\d+\.\d) s \((\d+\.\d) MB/s\), back (\d+\.\d) s; 3000 entries", done.sentence())
    assert told and done.there and done.back
    seconds, speed, back = map(float, told.groups())
    assert abs(seconds - done.there.seconds) <= 0.06 and abs(back - done.back.seconds) <= 0.06
    assert abs(speed - done.there.bytes_read / done.there.seconds / 1e6) <= 0.11


def test_entries_that_a_conversion_drops_are_told(tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", [*log(20), *log(60, first=41)])
    write_snapshot(raft, 45)
    done = rehearsed(tmp_path, Cloning())
    assert done.rehearsed and (done.dropped_entries, done.entries, done.first_index) == (20, 20, 41)
    assert done.sentence().endswith("all equal. 20 are dropped.")


def test_what_a_conversion_refuses_is_refused_in_its_words_about_the_servers_own_file(
    tmp_path: Path, in_use: List[int]
) -> None:
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(60, first=41))
    with pytest.raises(IndexGap) as real:
        migrate(Request(str(tmp_path)))
    serve(in_use, raft / "raft.db")
    before = listing(tmp_path)
    with pytest.raises(IndexGap) as tried:
        rehearse(Wish(str(tmp_path)), Cloning())
    assert str(tried.value) == str(real.value).replace("the log's", "in a clone of this: the log's", 1)
    assert listing(tmp_path) == before


def test_damage_is_found(tmp_path: Path, in_use: List[int]) -> None:
    raft = nomad_store("compacted", tmp_path)
    content = bytearray((raft / "raft.db").read_bytes())
    page = next(off for off in range(8192, len(content), 4096) if content[off + 8] == 2)
    content[page + 8] = 0x55
    (raft / "raft.db").write_bytes(content)
    serve(in_use, raft / "raft.db")
    with pytest.raises(Corrupt) as raised:
        rehearse(Wish(str(tmp_path)), Cloning())
    assert raised.value.path == str(raft / "raft.db") and "/proc/" not in str(raised.value)
    assert not (tmp_path / "server" / SCRATCH).exists()


def test_where_nothing_can_be_cloned_a_store_in_use_is_not_rehearsed(tmp_path: Path, in_use: List[int]) -> None:
    raft = nomad_store("compacted", tmp_path)
    serve(in_use, raft / "raft.db")
    done = rehearsed(tmp_path, Without())
    assert not done.rehearsed and done.there is None and done.digest is None
    assert done.needs_stop and re.match(r"Not rehearsed: \S+ cannot clone files; XFS", done.refusal)
    assert "Nothing was changed, and migrate does not need this." in done.refusal
    assert done.refusal.endswith("run the playbook rehearse with -e raft_logstore_rehearse_stop=true.")
    assert done.sentence() == done.refusal


@pytest.mark.parametrize("name", ["compacted", "wal"])
def test_there_the_store_of_a_stopped_server_is_copied(name: str, tmp_path: Path) -> None:
    name = next(one for one in NAMES if (one == name or one.startswith(name)))
    nomad_store(name, tmp_path)
    done = rehearsed(tmp_path, Without())
    assert done.rehearsed and done.method == "copy" and done.digest == truth(name)["digest"]


def test_a_server_that_starts_before_its_store_is_copied_is_let_alone(tmp_path: Path, in_use: List[int]) -> None:
    raft = nomad_store("compacted", tmp_path)

    class Starts(Without):
        def clone(self, fd: int, source_fd: int) -> None:
            serve(in_use, raft / "raft.db")
            super().clone(fd, source_fd)

    with pytest.raises(InUse, match="in use by"):
        rehearse(Wish(str(tmp_path)), Starts())
    assert not (tmp_path / "server" / SCRATCH).exists()


def both(raft: Path) -> None:
    write_boltdb(raft / "raft.db", log(9))
    write_wal(raft / "wal", log(9))


@pytest.mark.parametrize(
    ("make", "state"),
    [(lambda _raft: None, "empty"), (both, "both"), (write_guard, "lost")],
    ids=["empty", "both", "lost"],
)
def test_only_a_settled_store_is_rehearsed(make: object, state: str, tmp_path: Path) -> None:
    raft = raft_directory(tmp_path)
    if state == "lost":
        write_snapshot(raft, 9)
    make(raft)  # type: ignore[operator]
    done = rehearsed(tmp_path, Cloning())
    assert not done.rehearsed and f"its state is {state}" in done.refusal


def test_check_mode_says_what_would_be_done(tmp_path: Path, in_use: List[int]) -> None:
    raft = nomad_store("compacted", tmp_path)
    serve(in_use, raft / "raft.db")
    (tmp_path / "server" / SCRATCH).mkdir(0o700)
    done = rehearsed(tmp_path, Without(), check=True)
    assert not done.rehearsed and done.refusal == "" and done.left
    assert done.plan[0] == f"clone raft.db into {tmp_path}/server/{SCRATCH}/"
    assert done.required_bytes > 256 << 20 and done.available_bytes > 0
    assert done.sentence() == "Nothing is in the way of a rehearsal."


def test_the_file_system_of_a_server_is_never_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nomad_store("compacted", tmp_path)
    enough = rehearsed(tmp_path, Cloning(), check=True).required_bytes
    free = [enough]
    monkeypatch.setattr(durable.Directory, "free_bytes", lambda _directory: free[0])
    assert rehearsed(tmp_path, Cloning()).rehearsed
    free[0] = enough - 1
    done = rehearsed(tmp_path, Cloning())
    assert not done.rehearsed and f"asks for {enough} bytes" in done.refusal and "are to stay free" in done.refusal


def test_a_file_system_of_its_own_has_no_place_beside_it(tmp_path: Path) -> None:
    """A copy would go to another file system, whose space nobody has looked at: stopping a server would not help."""
    raft = raft_directory(tmp_path)
    with mounted("-t", "tmpfs", "none", raft):
        write_boltdb(raft / "raft.db", log(20))
        for check in (True, False):
            done = rehearsed(tmp_path, Without(), check=check)
            assert f"{raft} is a file system of its own" in done.refusal and not done.rehearsed and not done.needs_stop
        with pytest.raises(Refused, match="is a file system of its own"):
            copy_store(str(tmp_path), Without())
        assert [path.name for path in raft.parent.iterdir()] == ["raft"]
    with mounted("--bind", raft, raft):
        write_boltdb(raft / "raft.db", log(20))
        assert rehearsed(tmp_path, Without()).rehearsed, "the same file system, by another mount"


def test_it_gives_up_when_somebody_else_takes_the_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nomad_store("compacted", tmp_path)
    real = durable.Directory.free_bytes
    free: List[int] = []
    monkeypatch.setattr(durable.Directory, "free_bytes", lambda directory: free[0] if free else real(directory))

    def progress(phase: str, done: int, _total: int, _length: int) -> None:
        if phase == "to boltdb: convert" and done:
            free.append(room.MIB)

    with pytest.raises(NoSpace, match=r"only 1048576 bytes are free by now, so the rehearsal was given up"):
        rehearse(Wish(str(tmp_path), progress=progress), Cloning())
    assert not (tmp_path / "server" / SCRATCH).exists()


def test_progress_names_every_phase(tmp_path: Path) -> None:
    nomad_store("compacted", tmp_path)
    told: List[Tuple[str, int]] = []
    rehearse(Wish(str(tmp_path), progress=lambda phase, _done, total, _length: told.append((phase, total))), Cloning())
    ways = [f"to {backend}: {step}" for backend in ("wal", "boltdb") for step in ("convert", "verify")]
    assert list(dict(told)) == ["clone", "digest", *ways]


def test_a_conversion_that_has_begun_here_is_not_disturbed(tmp_path: Path) -> None:
    raft = nomad_store("compacted", tmp_path)
    fd = os.open(raft, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(InUse):
        rehearse(Wish(str(tmp_path)), Cloning())
    os.close(fd)
    assert not (tmp_path / "server" / SCRATCH).exists()


def test_a_conversion_may_begin_while_a_rehearsal_is_at_work(tmp_path: Path) -> None:
    """It does not wait for the rehearsal, which goes on with what it has, and does not take it for a leftover."""
    write_boltdb(raft_directory(tmp_path) / "raft.db", log(50))
    converted: List[object] = []

    def progress(phase: str, _done: int, _total: int, _length: int) -> None:
        if phase == "to boltdb: convert" and not converted:
            converted.append(migrate(Request(str(tmp_path), lock_timeout_s=0)).backend)

    done = rehearse(Wish(str(tmp_path), progress=progress), Cloning())
    assert done.rehearsed and done.backend == "boltdb" and converted == ["wal"]


def test_a_store_that_comes_back_as_another_one_is_told(tmp_path: Path) -> None:
    """Nothing that is known does this. It is put there before the last digest."""
    raft = raft_directory(tmp_path)
    write_boltdb(raft / "raft.db", log(50))
    digests: List[int] = []

    def progress(phase: str, _done: int, _total: int, _length: int) -> None:
        digests.extend([1] if phase == "digest" else [])
        if len(digests) == 2:
            (raft.parent / SCRATCH / "raft/raft.db").unlink()
            write_boltdb(raft.parent / SCRATCH / "raft/raft.db", log(50, note="another"))

    with pytest.raises(Corrupt, match=r"the digest was [0-9a-f]{64} before and is [0-9a-f]{64} after both ways"):
        rehearse(Wish(str(tmp_path), progress=progress), Cloning())
