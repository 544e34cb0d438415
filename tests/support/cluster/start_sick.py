# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts one server of a test cluster, which then is not well: start_sick.py SICKNESS SERVER_DIRECTORY

A start command for tests of the gates after a start. SICKNESS is what happens to the started server:

  complains  its log gets an error about its store, as Nomad 2.0.5 writes it when a WAL can no longer be written to
  leaves     it is well and caught up, and some seconds later it is killed
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

# Run as a script, from anywhere: the test helpers are the package support.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.cluster.server import Server, wait_until
from support.cluster.watcher import is_in

ERROR = '[ERROR] nomad.raft: failed to append to logs: error="unable to store logs within log store: segment is sealed"'
UNKNOWN = "[ERROR] nomad.raft: failed to do what no version known here does: error=EOF"
STAYS_S = 3
PATIENCE_S = 60


def complain(server: Server, error: str = ERROR) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with open(server.log_path, "a") as log:
        log.write(f"{now} {error}\n")


def leave_later(server: Server) -> None:
    """In a process of its own, because the start command has to return."""
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    wait_until("caught up", lambda: is_in(server), PATIENCE_S)
    time.sleep(STAYS_S)
    server.kill()
    os._exit(0)


def main(sickness: str, directory: str) -> None:
    server = Server(Path(directory))
    if not server.is_running():
        server.start()
    {"complains": complain, "leaves": leave_later}[sickness](server)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
