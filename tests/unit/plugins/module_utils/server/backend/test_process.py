# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that outlives who began it: here a program of its own, which is then killed with its whole group."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import process

BEGUN = """
import json, os, signal, subprocess, sys, time
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import process
where = sys.argv[1]
def work():
    about = {"pid": os.getpid(), "session": os.getsid(0)}
    about["files"] = [os.readlink(f"/proc/self/fd/{n}") for n in range(3)]
    about["ignored"] = subprocess.check_output(["grep", "SigIgn", "/proc/self/status"], text=True).split()[1]
    open(where + ".partial", "w").write(json.dumps(about))
    os.rename(where + ".partial", where)
    deadline = time.monotonic() + 20
    while not os.path.exists(where + ".go") and time.monotonic() < deadline:
        time.sleep(0.01)
    open(where + ".done", "w").close()
process.part(work)
print("parted", flush=True)
time.sleep(60)
"""


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


@pytest.fixture
def begun(tmp_path: Path) -> dict[str, Any]:
    """What such a process says of itself, after everything that began it was killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", BEGUN, str(tmp_path / "about")],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert child.stdout is not None and child.stdout.readline() == b"parted\n"
    wait_for(tmp_path / "about")
    os.killpg(child.pid, signal.SIGKILL)
    assert child.stdout.read() == b""  # it has none of the module's streams, or this would not end
    child.wait()
    return {**json.loads((tmp_path / "about").read_text()), "child": child.pid}


def test_it_goes_on_by_itself_and_hears_no_signal_of_a_session(begun: dict[str, Any], tmp_path: Path) -> None:
    assert begun["files"] == ["/dev/null"] * 3
    assert begun["session"] not in (begun["child"], os.getsid(0))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(begun["pid"], number)
    (tmp_path / "about.go").touch()
    wait_for(tmp_path / "about.done")


def test_what_it_starts_hears_them(begun: dict[str, Any], tmp_path: Path) -> None:
    """An agent that it starts must be stopped by SIGINT or SIGTERM later on."""
    (tmp_path / "about.go").touch()
    deaf = int(begun["ignored"], 16)
    assert not any(deaf & (1 << (number - 1)) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))


def test_without_systemd_there_is_no_scope(tmp_path: Path) -> None:
    assert process.own_scope(lambda _command: Ran(1, "", "never"), str(tmp_path / "none")) == ""


def test_a_scope_is_asked_for_and_waited_for(tmp_path: Path) -> None:
    asked = []
    (tmp_path / "cgroup").write_text("0::/user.slice/session-1.scope\n")

    def run(command: Any) -> Ran:
        asked.append(list(command))
        (tmp_path / "cgroup").write_text(f"0::/system.slice/{command[7]}\n")
        return Ran(0, 'o "/org/freedesktop/systemd1/job/1"', "")

    assert process.own_scope(run, str(tmp_path), str(tmp_path / "cgroup")) == ""
    call = " ".join(asked[0])
    assert call.startswith(
        "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
    )
    assert (
        f"StartTransientUnit ssa(sv)a(sa(sv)) raftops-nomad-{os.getpid()}.scope fail 1 PIDs au 1 {os.getpid()} 0"
        in call
    )


def test_where_it_cannot_be_moved_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = process.own_scope(lambda _command: Ran(1, "", "Access denied"), str(tmp_path))
    assert told == "The work could not be moved out of the login session, whose end may kill it: Access denied"
    monkeypatch.setattr(process, "MOVE_S", 0.05)
    (tmp_path / "cgroup").write_text("0::/user.slice/session-1.scope\n")
    assert "it is not in" in process.own_scope(lambda _command: Ran(0, "", ""), str(tmp_path), str(tmp_path / "cgroup"))
