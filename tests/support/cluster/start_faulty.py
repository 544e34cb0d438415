# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts one server of a test cluster, which then fails on one backend.

start_faulty.py FAULT BACKEND DIRECTORY [OTHER...]

A start command for tests of what a roll does about a server that does not come back. Configured for another backend
than BACKEND the server is started as always. FAULT is what happens to it otherwise:

  fail    the command fails, and it does not start
  refuse  it does not start
  crash   it takes part in the cluster until some entries have reached its store, then it is killed
  hang    the same, but it is stopped where it is and keeps its files open; only SIGKILL ends it
  spread  it stays well, but OTHER is killed, and the leader has noticed
  log     it stays well, but logs an error about its store
  odd     it stays well, but logs an error of Raft that nobody knows
  rot     as crash, and then a byte in a sealed segment is changed, where only a whole reading finds it
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Dict

# Run as a script, from anywhere: the test helpers are the package support.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.cluster.server import Server, wait_until
from support.cluster.start_sick import ERROR, UNKNOWN, complain

ENTRIES = 20
PATIENCE_S = 60


def configured_for(server: Server, backend: str) -> bool:
    """Whether the text of its configuration names the backend; boltdb is also what no name means."""
    text = "".join(path.read_text() for path in server.config_dir.iterdir())
    return f'backend = "{backend}"' in text or (backend == "boltdb" and "raft_logstore" not in text)


def raft(server: Server) -> Dict[str, str]:
    answer = server.try_api("GET", "/v1/agent/self")
    return dict(answer.body["stats"]["raft"]) if answer.status == 200 else {}


def take_part(server: Server) -> None:
    """Return when the server has stored some entries since it was first seen caught up."""
    begun = wait_until("caught up", lambda: caught_up(server), PATIENCE_S)
    wait_until("entries since", lambda: caught_up(server) >= begun + ENTRIES, PATIENCE_S)


def caught_up(server: Server) -> int:
    said = raft(server)
    applied = int(said.get("applied_index", 0))
    return applied if applied == int(said.get("commit_index", 0)) else 0


def is_missed(name: str, server: Server) -> bool:
    """Whether the leader, asked through this server, calls the one of this name unhealthy."""
    answer = server.try_api("GET", "/v1/operator/autopilot/health")
    peers = answer.body["Servers"] if answer.status in (200, 429) else []
    return any(peer["Name"].startswith(f"{name}.") and not peer["Healthy"] for peer in peers)


def rot(server: Server) -> None:
    """Change one byte among the entries of the oldest segment of the WAL; once more changes it back."""
    segment = min((server.raft_dir / "wal").glob("*.wal"))
    data = bytearray(segment.read_bytes())
    data[len(data.rstrip(b"\0")) // 2] ^= 1
    segment.write_bytes(data)


def main(fault: str, backend: str, directory: str, *others: str) -> int:
    """The exit code."""
    server = Server(Path(directory))
    fails = configured_for(server, backend)
    if fails and fault in ("fail", "refuse"):
        return int(fault == "fail")
    if not server.is_running():
        server.start()
    if not fails:
        return 0
    if fault in ("log", "odd"):
        wait_until("caught up", lambda: caught_up(server), PATIENCE_S)
        complain(server, ERROR if fault == "log" else UNKNOWN)
        return 0
    take_part(server)
    pid = server.pid()
    if fault == "hang" and pid is not None:
        os.kill(pid, signal.SIGSTOP)
    if fault in ("crash", "rot"):
        server.kill()
    if fault == "rot":
        rot(server)
    for other in others:
        Server(Path(other)).kill()
        wait_until("the leader has noticed", partial(is_missed, Path(other).name, server), PATIENCE_S)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
