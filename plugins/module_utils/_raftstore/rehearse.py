# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsal: clone the store, convert the clone, convert it back, compare, remove. The store itself is only read.

Each conversion is the real one (migrate.py), with all its checks and syncs, on a Raft directory of the rehearsal's own.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager
from typing import Iterator, List, Tuple

from .._disk.durable import Directory, lock_exclusive
from .._disk.errors import Corrupt, InUse, NoSpace, Refused, StoreError, unreadable
from .._disk.mounts import PROC, mount_of
from .._disk.syscalls import REAL, SystemCalls
from .base.store import BOLTDB, WAL, ProgressSink
from .conversion.outcome import Outcome
from .conversion.request import Request
from .describe import describe
from .directory.locks import in_use
from .directory.observe import Found, observe
from .directory.raftdir import locate
from .migrate import migrate
from .rehearsal import clone, room, scratch
from .rehearsal.clone import CannotClone
from .rehearsal.outcome import Rehearsal, Way, Wish

__all__ = ["Rehearsal", "Wish", "copy_store", "rehearse"]

RAFT = "raft"
NO_CLONE = (
    "Not rehearsed: {kind} cannot clone files; XFS (made with reflink=1) and btrfs can. Nothing was changed, and "
    "migrate does not need this. To rehearse on a copy, for which one follower is stopped for some seconds, run the "
    "playbook rehearse with -e raft_logstore_rehearse_stop=true."
)
APART = (
    "{path} is a file system of its own: there is no place beside it on the same one for a clone or a copy, and "
    "nothing is made in the Raft directory itself. Nothing was rehearsed."
)
NO_COPY = (
    "There is no copy of the store to rehearse on. server_backend with state=copied stops the server, makes one, and "
    "starts it."
)
TELL = "Its store was not touched. Please report this, with the message."


def rehearse(wish: Wish, calls: SystemCalls = REAL, proc: str = PROC) -> Rehearsal:
    """Rehearse the conversion of the store below `data_dir` to the other backend, and back.

    What rules a rehearsal out is a result (`refusal`). Raises StoreError for what goes wrong in one: that is what would
    go wrong in the conversion of this store, or in its file system.
    """
    started = time.monotonic()
    try:
        with closing(locate(wish.data_dir, calls)) as raft:
            left = scratch.is_left(raft) and not wish.copied
            warnings = [] if wish.check or wish.copied else scratch.tidy(raft)
            done, other = _look(wish, proc)
            done.left, done.warnings = left, warnings
            done.refusal = done.refusal or _no_room(done, raft, proc)
            if wish.copied and not wish.check:
                _rehearse_kept(wish, done, other, raft)
            elif not done.refusal and not wish.check:
                _rehearse(wish, done, other, raft, proc)
    except OSError as error:
        raise unreadable(error, wish.data_dir) from error
    done.seconds = round(time.monotonic() - started, 3)
    return done


def copy_store(data_dir: str, calls: SystemCalls = REAL, proc: str = PROC) -> str:
    """Put a copy of the store of a stopped server where a later rehearsal finds it (`copied`): "clone" or "copy".

    Raises InUse while anybody has the store open, NoSpace, Refused for a store that cannot be rehearsed.
    """
    try:
        with closing(locate(data_dir, calls)) as raft:
            scratch.tidy(raft)
            done, _other = _look(Wish(data_dir), proc)
            if done.in_use:
                raise InUse("the store is in use", done.raft_dir, hint="Stop the Nomad server, then run again.")
            refusal = done.refusal or _no_room(done, raft, proc)
            if refusal:
                raise Refused(refusal.rstrip("."))
            with scratch.scratch(raft, keep=True) as place, closing(place.directory.make_directory(RAFT)) as copy:
                return _take(done, raft, copy, proc)
    except OSError as error:
        raise unreadable(error, data_dir) from error


def _look(wish: Wish, proc: str) -> Tuple[Rehearsal, str]:
    """(the rehearsal with what can be told from outside, the other backend)."""
    other = WAL
    store = describe(wish.data_dir, proc=proc, backend=WAL, wal_segment_size=wish.wal_segment_size)
    if store["backend"] == WAL:
        other = BOLTDB
        store = describe(wish.data_dir, proc=proc, backend=BOLTDB, wal_segment_size=wish.wal_segment_size)
    done = Rehearsal(store["raft_dir"], store["backend"], store["size"], store["in_use"])
    if store["state"] not in (BOLTDB, WAL) or store["interrupted"]:
        state = "interrupted" if store["interrupted"] else store["state"]
        done.refusal = f"The store in {done.raft_dir} is not one that can be rehearsed: its state is {state}."
    done.refusal = done.refusal or store["refusal"]
    if not done.refusal:
        there = store["estimated_bytes"] or 0
        done.required_bytes = room.needed_bytes(done.size, there, done.backend or "", wish.wal_segment_size)
        done.plan = _plan(done, other)
    return done, other


def _plan(done: Rehearsal, other: str) -> List[str]:
    name = "raft.db" if done.backend == BOLTDB else "wal/"
    place = os.path.join(os.path.dirname(os.path.realpath(done.raft_dir)), scratch.SCRATCH)
    return [
        f"clone {name} into {place}/",
        f"convert the clone to {other} and compare every entry",
        f"convert that to {done.backend} and compare every entry",
        "compare the digests of the clone and of what came back",
        f"remove {place}/",
    ]


def _no_room(done: Rehearsal, raft: Directory, proc: str) -> str:
    if scratch.is_apart(raft, proc):
        return APART.format(path=done.raft_dir)
    status = os.fstatvfs(raft.fd)
    margin = room.margin_bytes(status.f_blocks * status.f_frsize)
    done.required_bytes += margin
    done.available_bytes = raft.free_bytes()
    if done.available_bytes >= done.required_bytes:
        return ""
    return (
        f"A rehearsal asks for {done.required_bytes} bytes of free space beside {done.raft_dir}, of which {margin} are "
        f"to stay free for the server, and {done.available_bytes} are free. Nothing was rehearsed."
    )


def _rehearse(wish: Wish, done: Rehearsal, other: str, raft: Directory, proc: str) -> None:
    with scratch.scratch(raft) as place, closing(place.directory.make_directory(RAFT)) as copy:
        started = time.monotonic()
        wish.progress("clone", 0, 0, 0)
        try:
            done.method = _take(done, raft, copy, proc)
        except CannotClone:
            kind = mount_of(raft.fd, proc).kind or "its file system"
            done.refusal, done.needs_stop = NO_CLONE.format(kind=kind), True
            return
        done.clone_seconds = round(time.monotonic() - started, 3)
        raft.close()  # and with it the lock: a real conversion does not wait for a rehearsal
        _try(wish, done, other, place, copy)


def _rehearse_kept(wish: Wish, done: Rehearsal, other: str, raft: Directory) -> None:
    with scratch.kept(raft) as place:
        if place is None:
            done.refusal = done.refusal or NO_COPY
        if place is None or done.refusal:
            return
        raft.close()
        done.method = "copy"
        with closing(place.directory.subdirectory(RAFT)) as copy:
            _try(wish, done, other, place, copy)


def _try(wish: Wish, done: Rehearsal, other: str, place: scratch.Scratch, copy: Directory) -> None:
    progress = _guarded(wish.progress, place.home)
    with _speaking_of(f"/proc/self/fd/{place.directory.fd}/{RAFT}", done.raft_dir):
        _there_and_back(wish, done, other, place.directory, copy, progress)
    done.rehearsed = True


def _take(done: Rehearsal, raft: Directory, copy: Directory, proc: str) -> str:
    """Clone the store, or copy one that nobody has open: "clone" or "copy". Raises CannotClone, InUse."""
    lock_exclusive(raft.fd, raft.path, shared=True)
    backend = done.backend or ""
    try:
        clone.take(raft, copy, backend, clone.cloned)
        return "clone"
    except CannotClone:
        if done.in_use:
            raise
    for name in copy.names():
        copy.remove_nosync(name) if name.endswith(".db") else copy.remove_directory(name)
    with closing(Found(raft, False, proc)) as found:
        if observe(found).store_lock == "taken":
            raise in_use(found.openers.pids, raft.path, proc)
        clone.take(raft, copy, backend, clone.copied)
    return "copy"


def _there_and_back(
    wish: Wish, done: Rehearsal, other: str, place: Directory, copy: Directory, progress: ProgressSink
) -> None:
    data_dir = f"/proc/self/fd/{place.fd}"  # not its path, whose last name others may exchange
    progress("digest", 0, 0, 0)
    digest = describe(data_dir, digest=True)["digest"]
    there = _convert(wish, data_dir, other, progress, place.calls)
    done.there = _way(there, other)
    done.dropped_entries = there.dropped_entries
    done.entries, done.first_index, done.last_index = there.entries, there.first_index, there.last_index
    if there.dropped_entries:  # a snapshot covers them, and the new store cannot have the hole before them
        digest = describe(data_dir, digest=True)["digest"]
        done.warnings.append(f"{there.dropped_entries} entries are dropped, which a snapshot covers.")
    _forget(there, copy)
    back = _convert(wish, data_dir, done.backend or "", progress, place.calls)
    done.back = _way(back, done.backend or "")
    done.freed_bytes = there.bytes_written + back.bytes_written
    progress("digest", 0, 0, 0)
    done.digest = describe(data_dir, digest=True)["digest"]
    if done.digest != digest:
        raise Corrupt(f"the digest was {digest} before and is {done.digest} after both ways", copy.path, hint=TELL)


def _convert(wish: Wish, data_dir: str, backend: str, progress: ProgressSink, calls: SystemCalls) -> Outcome:
    def tell(phase: str, done: int, total: int, length: int) -> None:
        progress(f"to {backend}: {phase}", done, total, length)

    request = Request(
        data_dir,
        backend=backend,
        wal_segment_size=wish.wal_segment_size,
        effective_backend=lambda: backend,
        workers=wish.workers,
        progress=tell,
    )
    return migrate(request, calls)


def _way(outcome: Outcome, backend: str) -> Way:
    seconds = outcome.elapsed["total"]
    speed = round(outcome.bytes_read / seconds / 1e6, 1) if seconds else 0.0
    return Way(
        backend, seconds, outcome.elapsed["convert"], outcome.elapsed["verify"],
        outcome.bytes_read, outcome.bytes_written, speed,
    )  # fmt: skip


def _forget(there: Outcome, copy: Directory) -> None:
    """Remove the old store that the first conversion has left: the second one would only put it back."""
    if there.backup is None:
        raise Refused("the conversion has left no old store", copy.path, hint=TELL)
    name = os.path.basename(there.backup)
    (copy.remove if name.startswith("raft.db") else copy.remove_directory)(name)


def _floor(home: Directory) -> int:
    """Half of what is to stay free: below this a rehearsal gives up."""
    status = os.fstatvfs(home.fd)
    return room.margin_bytes(status.f_blocks * status.f_frsize) // 2


def _guarded(progress: ProgressSink, home: Directory) -> ProgressSink:
    """The sink, which also looks at the free space: somebody else may need it meanwhile."""
    floor = _floor(home)

    def tell(phase: str, done: int, total: int, length: int) -> None:
        free = home.free_bytes()
        if free < floor:
            what = f"only {free} bytes are free by now, so the rehearsal was given up"
            raise NoSpace(what, home.path, hint="What it had made is removed. Free some space and run again.")
        progress(phase, done, total, length)

    return tell


@contextmanager
def _speaking_of(inner: str, raft_dir: str) -> Iterator[None]:
    """Errors about the rehearsal's Raft directory are told by the names of the server's own files."""
    try:
        yield
    except StoreError as error:
        error.what = "in a clone of this: " + error.what.replace(inner, raft_dir)
        error.path = error.path.replace(inner, raft_dir)
        error.hint = error.hint.replace(inner, raft_dir)
        raise
