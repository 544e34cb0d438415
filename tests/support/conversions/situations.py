# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raft directories to start from, one for each row of the state table that changes something, and what must come out.

Stores are made and advanced by HashiCorp's libraries (tests/judge); a WAL beside a raft.db is a conversion of it. They
belong to an unprivileged user, as on a server, so that owner and mode have to be set on everything new.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Callable, NamedTuple

from support.conversions import conversion
from support.stores import judge
from support.stores.judge import Content

UID = 65534
ENTRIES = 400
SEGMENTS_MIN = 5
HOLE = 170  # in the judge's shape of that name
BACKUP = "raft.db.migrated.20261122-104750"


class Situation(NamedTuple):
    """A kind of Raft directory, made once and copied for each point. `make` fills an empty one."""

    name: str
    backend: str
    counts: str  # the store that has everything: raft.db or wal
    make: Callable[[Path], None]
    copies: bool = False  # with a backup_dir
    strict: bool = True  # Nomad can start on anything in it without a loss, as it is
    kept_from: int = 0  # index of the first entry after a hole: a WAL cannot hold what is before it

    @property
    def is_resumed(self) -> bool:
        """Whether a re-run goes on with what a killed run has published, instead of moving it aside."""
        return self.strict and not self.kept_from and "anew" not in self.name


class Template(NamedTuple):
    """A situation on disk, and what HashiCorp's libraries read in the store that counts."""

    situation: Situation
    data_dir: Path
    expected: Content

    @property
    def raft(self) -> Path:
        return self.data_dir / "server/raft"

    def copy(self, where: Path) -> Path:
        """A copy of the data_dir with owners and hard links; its Raft directory is returned."""
        return copied(self.data_dir, where)


def copied(data_dir: Path, where: Path) -> Path:
    subprocess.run(["cp", "-a", str(data_dir), str(where)], check=True)
    return where / "server/raft"


def template(situation: Situation, where: Path) -> Template:
    data_dir = where / situation.name
    raft = data_dir / "server/raft"
    raft.mkdir(parents=True)
    (data_dir / "copies").mkdir()
    situation.make(raft)
    owned_by_nomad(raft)
    aside = where / f"{situation.name}.read"  # reading a WAL with raft-wal makes its tail's file
    copied(data_dir, aside)
    expected = judge.digest(aside / "server/raft" / situation.counts, situation.kept_from)
    shutil.rmtree(aside)
    return Template(situation, data_dir, expected)


def owned_by_nomad(raft: Path) -> None:
    """Give everything to the server's user, but for the journal, which is root's."""
    for path in [raft, *raft.rglob("*")]:
        if not path.name.startswith(".raft-migrate.json"):
            os.chown(path, UID, UID, follow_symlinks=False)


def converted(raft: Path, backend: str) -> None:
    end = conversion.run(raft, backend=backend)
    assert end.succeeded, end


def reopened(raft: Path) -> None:
    """The journal as it is before a run has come to its end."""
    journal = raft / ".raft-migrate.json"
    journal.write_bytes(journal.read_bytes().replace(b'"done"', b'"open"'))


def on_raft_db(raft: Path) -> None:
    """Row 3."""
    judge.judge("gen", "-shape", "plain", "-count", ENTRIES, "-size", 500, raft / "raft.db")
    os.chmod(raft / "raft.db", 0o600)


def with_a_hole(raft: Path) -> None:
    """Row 3: a snapshot was restored on this server; the entries after it are what is converted."""
    judge.judge("gen", "-shape", "hole", "-count", ENTRIES, "-size", 500, raft / "raft.db")
    os.chmod(raft / "raft.db", 0o600)
    judge.judge("snapshot", "-index", HOLE + 20, raft)


def on_wal(raft: Path) -> None:
    """Row 11: converted, and nothing has happened since."""
    on_raft_db(raft)
    converted(raft, "wal")
    assert len(list((raft / "wal").glob("*.wal"))) >= SEGMENTS_MIN


def on_wal_and_on(raft: Path) -> None:
    """Row 11, and the server has appended on the WAL."""
    on_wal(raft)
    judge.append(raft / "wal", count=4, term=300, segment=16384)


def equal(raft: Path) -> None:
    """Row 5: a run that ended before its switch."""
    on_wal(raft)
    os.replace(raft / BACKUP, raft / "raft.db")
    reopened(raft)


def stale_wal(raft: Path) -> None:
    """Row 6: the same, and the server has gone on with raft.db."""
    equal(raft)
    judge.append(raft / "raft.db", count=4, term=300)


def stale_raft_db(raft: Path) -> None:
    """Row 7: the server is on its WAL, and somebody has put the old raft.db back."""
    on_wal_and_on(raft)
    os.replace(raft / BACKUP, raft / "raft.db")


def unguarded(raft: Path) -> None:
    """Row 12: what the Nomad command leaves."""
    on_wal_and_on(raft)
    (raft / "raft.db").unlink()
    (raft / ".raft-migrate.json").unlink()


def interrupted(raft: Path) -> None:
    """Rows 16 and 9: a run to WAL that was killed after its switch, with a partial file."""
    on_wal_and_on(raft)
    reopened(raft)
    (raft / "raft.db.guard.partial").symlink_to("this-server-is-on-wal/see-docs")


TO_WAL = [
    Situation("convert", "wal", "raft.db", on_raft_db),
    Situation("convert-copied", "wal", "raft.db", on_raft_db, copies=True),
    Situation("convert-holed", "wal", "raft.db", with_a_hole, kept_from=HOLE + 1),
    Situation("convert-anew", "wal", "raft.db", stale_wal),
    Situation("equal", "wal", "raft.db", equal),
    Situation("keep-wal", "wal", "wal", stale_raft_db, strict=False),
    Situation("unguarded", "wal", "wal", unguarded, strict=False),
]
TO_BOLTDB = [
    Situation("back", "boltdb", "wal", on_wal_and_on),
    Situation("back-copied", "boltdb", "wal", on_wal_and_on, copies=True),
    Situation("back-put-back", "boltdb", "wal", on_wal),
    Situation("back-interrupted", "boltdb", "wal", interrupted),
    Situation("back-replace", "boltdb", "wal", stale_raft_db, strict=False),
    Situation("back-unguarded", "boltdb", "wal", unguarded, strict=False),
]
ALL = [*TO_WAL, *TO_BOLTDB]
