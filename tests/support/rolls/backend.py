# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls server_backend for one server of a test cluster, and follows the transaction that it begins. Judges nothing.

A call is a program of its own, in a process group of its own. The place of the transaction tells the step it is at.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._progress import read_progress
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.place import PROGRESS, Place
from support.cluster.cluster import wait_until
from support.cluster.server import Server
from support.paths import PYTHONPATH, SUPPORT
from support.rolls import leftbehind, playbooks

PROGRAM = SUPPORT / "rolls/run_server_backend.py"
FAULTY = SUPPORT / "cluster/start_faulty.py"
OTHER = {"wal": "boltdb", "boltdb": "wal"}
PATIENCE_S = 120
POLL_S = 0.002
STEPS = ("last look", "stop", "configuration", "conversion", "start", "rejoin")


def arguments(server: Server, **changes: Any) -> dict[str, Any]:
    """What a user has to say of a server that no systemd runs."""
    return {
        "config_path": [str(server.config_dir)],
        "log_file": str(server.log_path),
        "service_manager": "command",
        **{f"{verb}_command": playbooks.command_of(server, verb) for verb in ("start", "stop", "status")},
        "force": True,
        "stable_for": 1,
        "wait_timeout": 60,
        "gate_timeout": 20,
        "interval": 0.1,
        **changes,
    }


class Call:
    """One call of the module that runs."""

    def __init__(self, given: dict[str, Any]) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NOMAD_")}
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(given)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**clean, "PYTHONPATH": PYTHONPATH},
        )

    def result(self) -> dict[str, Any]:
        """What the module has printed, once it has ended. Its answer has arrived then, as its action would say."""
        out, err = self._process.communicate(timeout=300)
        assert out, err
        result = dict(json.loads(out))
        Path(result.pop("untold", None) or "/nonexistent").unlink(missing_ok=True)
        return result

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the module and all of its process group."""
        os.killpg(self._process.pid, number)
        self._process.communicate(timeout=30)


def kill_tree(pid: int) -> None:
    """SIGKILL for a process and all that descends from it: Ansible's workers have sessions of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # so that it begins nothing more
    for child in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        if _parent(child) == pid:
            kill_tree(child)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return 0


def call(server: Server, **changes: Any) -> dict[str, Any]:
    """The result of one call."""
    return Call(arguments(server, **changes)).result()


@functools.lru_cache(maxsize=None)
def _place(data_dir: str) -> Place:
    return Place.of(data_dir)


def place(server: Server) -> Place:
    """Where the transactions of this server are found."""
    return _place(str(server.data_dir))


def step(server: Server) -> str:
    """The step that the transaction is at; "" before the first."""
    progress = read_progress(place(server).path_of(PROGRESS))
    return (
        ""
        if progress is None
        else {"convert": "conversion", "verify": "conversion"}.get(progress.phase, progress.phase)
    )


def wait_for(server: Server, wanted: str, number: str) -> None:
    """Return once another transaction than `number` is at this step, or beyond it."""
    deadline = time.monotonic() + PATIENCE_S
    beyond = STEPS[STEPS.index(wanted) :]
    here = place(server)
    while time.monotonic() < deadline:
        note = here.note()
        if note is not None and note.id != number and note.begun and step(server) in beyond:
            return
        time.sleep(POLL_S)  # the test's own threads may have to play the host
    raise AssertionError(f"the transaction has not come to {wanted}: {step(server)}")


def number(server: Server) -> str:
    """The number of the last transaction."""
    note = place(server).note()
    return note.id if note else ""


def wait_over(server: Server) -> None:
    """Return once nobody is at work on the server."""
    deadline = time.monotonic() + PATIENCE_S
    while place(server).is_at_work():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def configuration(server: Server) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each file of the agent's configuration."""
    return {
        path.name: (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in server.config_dir.iterdir()
        if path.is_file()
    }


def running(server: Server) -> str:
    """The backend on which it says that it runs."""
    answer = wait_until("an answer", lambda: server.try_api("GET", "/v1/agent/self").status == 200, 30)
    assert answer
    return str(server.api("GET", "/v1/agent/self").body["stats"]["raft"]["logstore_backend"])


def is_wholly_on(server: Server, name: str) -> bool:
    return running(server) == name and leftbehind.is_on(server, name) and not leftbehind.is_unfinished(server)


def faulty(server: Server, fault: str, name: str = "wal") -> str:
    return f"{sys.executable} {FAULTY} {fault} {name} {server.root}"


def stop_and(server: Server, shell: str) -> str:
    """A stop command that does something else as well."""
    return f"/bin/sh -c '{arguments(server)['stop_command']} && {shell}'"
