# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An unprivileged user who owns a data_dir, and exchanges names in it for links to what is not theirs while root works.

`Scene` is the directory and what lies outside; `swap` is one exchange; `Attacker` a process of that user that makes
exchanges without pause. renameat2(2) exchanges two names in one step, so that no name is ever missing.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import random
import shutil
import signal
import tempfile
from pathlib import Path

from support.paths import MEMORY
from support.stores import builder

USER = 64321
RENAME_EXCHANGE = 2
AT_FDCWD = -100
_LIBC = ctypes.CDLL(None, use_errno=True)
INSIDE = (
    "raft.db", "wal", "raft.db.partial", "wal.partial", "raft.db.guard.partial", ".raft-migrate.json",
    ".raft-migrate.json.partial", ".raft-hold.json", ".raft-hold.json.partial", "snapshots",
    f"raft.db.migrated.{builder.STAMP}", f"wal.migrated.{builder.STAMP}", f"raft.db.superseded.{builder.STAMP}",
    "wal/wal-meta.db", "wal/00000000000000000001-0000000000000001.wal",
    "wal.partial/wal-meta.db", "wal.partial/00000000000000000001-0000000000000001.wal",
    "snapshots/3-5-1795344470000", "snapshots/3-5-1795344470000/meta.json", "snapshots/3-5-1795344470000/state.bin",
)  # fmt: skip
KINDS = ("link to a file", "link to a directory", "link to a name that is free", "hard link", "FIFO", "other directory")


class Scene:
    """A data_dir of the user, made anew by `reset`; `outside`, which is root's; and one file that anybody may link."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="security-", dir=MEMORY))
        self.root.chmod(0o755)
        self.outside, self.data_dir, self.shared = self.root / "outside", self.root / "data", self.root / "shared.db"
        raft = builder.raft_directory(self.outside)
        builder.write_boltdb(raft / "raft.db", builder.log(9, note="secret"))
        builder.write_wal(raft / "wal", builder.log(9, note="secret"))
        builder.write_snapshot(raft, 5)
        (raft / ".raft-migrate.json").write_text("{}")
        self.outside.chmod(0o755)
        shutil.copyfile(raft / "raft.db", self.shared)
        self.shared.chmod(0o666)
        self.reset()

    @property
    def raft(self) -> Path:
        return self.data_dir / "server/raft"

    def reset(self, backend: str = "boltdb") -> None:
        """A small sound store in a new data_dir."""
        shutil.rmtree(self.data_dir, ignore_errors=True)
        raft = builder.raft_directory(self.data_dir)
        if backend == "boltdb":
            builder.write_boltdb(raft / "raft.db", builder.log(9))
        else:
            builder.write_wal(raft / "wal", builder.log(9))
            builder.write_guard(raft)
        builder.write_snapshot(raft, 5)
        for path in [self.data_dir, *self.data_dir.rglob("*")]:
            os.lchown(path, USER, USER)

    def shared_state(self) -> tuple[object, ...]:
        """All of the file that the user may link, except its number of names."""
        status = self.shared.stat()
        content = hashlib.sha256(self.shared.read_bytes()).hexdigest()
        return status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, content

    def close(self) -> None:
        shutil.rmtree(self.root)


def exchange(one: str, other: str) -> bool:
    """Exchange two names; False when one of them is missing."""
    done = _LIBC.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    return bool(done == 0)


def make(kind: str, name: str, scene: Scene, spare: str) -> None:
    """Put at `spare` what is to stand under `name`."""
    outside = str(scene.outside / "server/raft")
    if kind == "link to a file":
        os.symlink(os.path.join(outside, "raft.db" if name.endswith("db") else ".raft-migrate.json"), spare)
    elif kind == "link to a directory":
        os.symlink(os.path.join(outside, name.split("/")[0].split(".partial")[0]), spare)
    elif kind == "link to a name that is free":
        os.symlink(os.path.join(outside, "new"), spare)
    elif kind == "hard link":
        os.link(scene.shared, spare)
    elif kind == "FIFO":
        os.mkfifo(spare)
    else:
        os.mkdir(spare)
        os.symlink(os.path.join(outside, "wal/wal-meta.db"), os.path.join(spare, "wal-meta.db"))


def swap(kind: str, name: str, scene: Scene, spare: str) -> bool:
    """Let something else stand under a name of the Raft directory, which may be absent; whether that was possible.

    What stood there stands at `spare` then, for `swap_back`.
    """
    path = str(scene.raft / name)
    try:
        make(kind, name, scene, spare)
        if exchange(path, spare):
            return True
        os.rename(spare, path)
        return True
    except OSError:
        return False


def remove(path: str) -> None:
    """Remove whatever stands there, as far as the user can."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


class Attacker:
    """A process of the user that exchanges names until it is ended; it can be paused, for a new scene."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self._counted = scene.root / f"swaps-{seed}"
        self._counted.touch()
        os.chown(self._counted, USER, USER)
        self.pid = os.fork()
        if not self.pid:
            try:
                os.setgroups([])
                os.setgid(USER)
                os.setuid(USER)
                self._attack(scene, random.Random(seed))
            finally:
                os._exit(1)
        self.pause()

    def _attack(self, scene: Scene, rng: random.Random) -> None:
        count = 0
        with open(self._counted, "r+b", buffering=0) as counted:
            while True:
                try:
                    count += self._once(scene, rng)
                except OSError:  # root, or the scene, was faster
                    continue
                os.pwrite(counted.fileno(), b"%20d" % count, 0)

    def _once(self, scene: Scene, rng: random.Random) -> int:
        spare = str(scene.data_dir / f"spare-{rng.randrange(10**9)}")
        if rng.random() < 0.15:
            target, behind = rng.choice(((scene.raft, "server/raft"), (scene.raft.parent, "server")))
            os.symlink(scene.outside / behind, spare)
            done = exchange(str(target), spare)
        else:
            name = rng.choice(INSIDE)
            target, done = scene.raft / name, swap(rng.choice(KINDS), name, scene, spare)
        for _spin in range(rng.choice((0, 0, 10, 1000, 20_000))):
            pass
        exchange(str(target), spare)
        remove(spare)
        return int(done)

    @property
    def swaps(self) -> int:
        return int(self._counted.read_bytes() or b"0")

    def pause(self) -> None:
        """Returns when it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
