# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run on one Raft directory: what the steps share. It decides nothing; names are chosen here, under the lock."""

from __future__ import annotations

import os
from typing import Callable, List, Optional, Sequence

from ..._disk.attributes import Attributes
from ..._disk.durable import Directory
from ..._disk.errors import Refused
from ..._disk.freename import stamp
from ..base.names import RAFT_DB, WAL_DIR, free_name
from ..base.store import BOLTDB, WAL, StoreReader
from ..base.workers import process_count
from ..directory.evidence import Evidence
from ..directory.journal import Promise
from ..directory.locks import openers
from ..directory.observe import Found
from ..directory.raftdir import StoreFile
from ..directory.shape import Shape
from .outcome import Outcome
from .request import Request
from .table import LINK_SUPERSEDED


class Run:
    """The request, what was found, the names chosen, and what the steps have made so far."""

    def __init__(self, request: Request, found: Found, evidence: Evidence, clock: Callable[[], float]) -> None:
        self.request = request
        self.found = found
        self.evidence = evidence
        self.clock = clock
        self.raft: Directory = found.raft
        self.outcome = Outcome(raft_dir=found.raft.path)
        self.steps: Sequence[str] = ()
        self.stamp = stamp(clock())
        self.backup = self.free_name(RAFT_DB, "migrated")
        self.superseded = self.aside_name(RAFT_DB)
        self.retired_wal = self.free_name(WAL_DIR, "migrated")
        self.shape = Shape([], 0, None)
        self.source = Promise()
        self.copied = Promise()
        self.run_id = os.urandom(4).hex()
        self.journal_before: Optional[bytes] = None
        self.new_directory: Optional[Directory] = None
        self.new_file: Optional[StoreFile] = None
        self.new_store: Optional[StoreReader] = None
        self.old_file: Optional[StoreFile] = None
        self.old_store: Optional[StoreReader] = None
        self.began = False
        self.committed = False  # begun to publish, link or switch: nothing is undone then

    @property
    def names(self) -> List[str]:
        """The names in the Raft directory when it was looked at."""
        return self.found.names

    @property
    def source_store(self) -> Optional[StoreReader]:
        """The store that is converted, None while it is in use."""
        return self.found.wal if self.request.backend == BOLTDB else self.found.raft_db

    @property
    def old_name(self) -> str:
        """The name of the backup that is put back, "" when none is."""
        return os.path.basename(self.old_file.path) if self.old_file is not None else ""

    @property
    def second_name(self) -> str:
        """The name under which the old raft.db stays."""
        return self.superseded if LINK_SUPERSEDED in self.steps else self.backup

    @property
    def newest_backup(self) -> str:
        """The newest backup of a raft.db that was here before, "" when there is none."""
        old = [name for name in self.found.backups if name.startswith(RAFT_DB)]
        return old[-1] if old else ""

    def free_name(self, name: str, kind: str) -> str:
        """A name that nothing has: for a backup, or for something moved aside."""
        return free_name(self.names, name, kind, self.stamp)

    def aside_name(self, name: str) -> str:
        """A free name for something moved aside: a file that is not ours, or a store that does not count."""
        return self.free_name(name, "superseded")

    def attributes(self) -> Attributes:
        """Owner, mode and label for new files: those of the locked file that is converted."""
        files = (self.found.raft_db_file, self.found.wal_file)
        first, second = files if self.request.backend == WAL else reversed(files)
        file = first or second
        return Attributes.of(file.fd) if file is not None else Attributes(os.geteuid(), os.getegid(), 0o600)

    def others(self, *files: Optional[StoreFile]) -> List[int]:
        """PIDs of other processes that have one of these files open now."""
        return openers([file.inode for file in files if file is not None], self.found.proc).pids

    def workers(self) -> int:
        """The number of processes that read, convert and compare."""
        return process_count(self.request.workers)

    def close(self) -> None:
        """Close what this run has opened; whoever found the rest closes it."""
        for file in (self.new_file, self.old_file):
            if file is not None:
                file.close()
        if self.new_directory is not None:
            self.new_directory.close()


def check_configuration(run: Run) -> None:
    """Raises Refused if the configuration was given and does not say wal."""
    if run.request.effective_backend is None:
        return
    backend = run.request.effective_backend()
    if backend != WAL:
        raise Refused(
            f"the agent's configuration says backend = {backend}; Nomad could not start on the WAL",
            run.raft.path,
            hint='Set server { raft_logstore { backend = "wal" } } first, then run the same command again.',
        )
