# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The child of one cluster, on the controller: begin it, or wait for the one that is there."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import states
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.outcome import (
    ASSESS,
    LOOK,
    PLAN,
    ROLL,
    latest,
    outcome,
)
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.recorded import Outcome, times
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.table import at_work
from ansible_collections.raftops.nomad.plugins.plugin_utils import _fleetkeeper
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import held, is_held, read, write

POLL_S = 0.2
OUTPUT = os.path.join("artifacts", "roll", "stdout")
ASSESSMENT, REPORT = "assessment", "report"  # .json: what it leaves itself
COMMAND_S = 60.0
MAX_OUTPUT = 4 << 20  # of a child's output, its end


class Job(NamedTuple):
    """One child. `kind` is one of outcome.py; `command` runs its playbook."""

    kind: str
    dir: str  # its own
    command: Sequence[str]
    variables: Mapping[str, Any]
    environment: Mapping[str, str]
    engine: str  # auto, ansible-runner or ansible-playbook


class Ended(NamedTuple):
    """How a child has ended. `engine`: what has run it, "" where nobody knows. `ran`: whether it was started."""

    outcome: Outcome
    began: float
    ended: float
    engine: str
    ran: bool = True


class UnderWay(NamedTuple):
    """A roll that is under way: a sentence about it, the path of its output."""

    line: str
    log: str


def never(state: str, why: str) -> Ended:
    """What is kept of a child that could not be started."""
    return Ended(Outcome(state, why), 0, 0, "", ran=False)


def output(directory: str) -> str:
    """The path of what a child has printed."""
    return os.path.join(directory, OUTPUT)


def where(known: Mapping[str, Any]) -> str:
    """The directory of the last child of a cluster, from what is known of it; "" for none."""
    return str(known.get("log", ""))[: -len(OUTPUT) - 1]


def own_lock(job: Job) -> int:
    """A descriptor that holds a lock which no other child needs."""
    os.makedirs(job.dir, mode=0o700, exist_ok=True)
    lock = held(os.path.join(job.dir, "lock"))
    if lock is None:
        raise AnsibleActionFail(f"Another process is at work in {job.dir}.")
    return lock


def free(cluster_dir: str) -> Optional[int]:
    """A descriptor that holds the cluster's lock; None while a child of this cluster lives."""
    child = held(os.path.join(cluster_dir, "child"))
    if child is None:
        return None
    os.close(child)
    return held(os.path.join(cluster_dir, "lock"))


def wait_free(cluster_dir: str) -> int:
    """The same, once no child of this cluster lives any more."""
    while True:
        lock = free(cluster_dir)
        if lock is not None:
            return lock
        time.sleep(POLL_S)


def alive(cluster_dir: str) -> bool:
    """Whether a child of this cluster lives. Takes no lock that a child or a run needs."""
    return any(is_held(os.path.join(cluster_dir, name)) for name in ("child", "lock"))


def under_way(cluster_dir: str) -> Optional[UnderWay]:
    """The roll of this cluster that is under way, None for none. Takes no lock either."""
    kinds = tuple(f"-{kind}" for kind in (ASSESS, PLAN, ROLL))
    newest = max((name for name in os.listdir(cluster_dir) if name.endswith(kinds)), default="")
    place = os.path.join(cluster_dir, newest)
    if not newest.endswith(f"-{ROLL}") or os.path.exists(os.path.join(place, "result.json")) or not alive(cluster_dir):
        return None
    with contextlib.suppress(FileNotFoundError):  # it begins just now
        began = os.stat(os.path.join(place, "job.json")).st_mtime
        return UnderWay(at_work(began, latest(_end_of(output(place)))), output(place))
    return None


def begin(job: Job, lock: int) -> subprocess.Popen[bytes]:
    """Start the keeper of a child, in a session of its own. It takes over the lock, which the caller closes."""
    os.makedirs(job.dir, mode=0o700, exist_ok=True)
    write(os.path.join(job.dir, "vars.json"), dict(job.variables))
    command = [*job.command, "-e", f"@{os.path.join(job.dir, 'vars.json')}"]
    told = {"command": command, "cwd": os.getcwd(), "dir": job.dir, "engine": job.engine}
    # A look has one of its own: it must neither wait for a roll nor be taken for one.
    told["child_lock"] = os.path.join(job.dir if job.kind == LOOK else os.path.dirname(job.dir), "child")
    path = os.path.join(job.dir, "job.json")
    write(path, told)
    with open(os.open(os.path.join(job.dir, "keeper"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as log:
        return subprocess.Popen(
            [sys.executable, _fleetkeeper.__file__, path, str(lock)],
            env=dict(job.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )


def run(job: Job, lock: int) -> Ended:
    """Start a child and wait for its end."""
    keeper = begin(job, lock)
    os.close(lock)
    keeper.wait()
    if job.kind != LOOK:  # a keeper may be killed; its child goes on
        os.close(wait_free(os.path.dirname(job.dir)))
    return ended(job.kind, job.dir)


def ended(kind: str, directory: str) -> Ended:
    """How the child in this directory has ended, from what it has left."""
    left = ASSESSMENT if kind == ASSESS else REPORT
    result, record = (read(os.path.join(directory, f"{name}.json")) or {} for name in ("result", left))
    text = _end_of(output(directory)) or _end_of(os.path.join(directory, "keeper"))  # what Python says of an error
    found, (began, end) = outcome(kind, result.get("code"), text, record), times(record)
    return Ended(found, result.get("began", began), result.get("ended", end), result.get("engine", ""))


def settle(known: Dict[str, Any]) -> None:
    """Bring up to date what is known of a cluster: a roll may have outlived who has noted it as rolling."""
    place = where(known)
    if known.get("state") != states.ROLLING or not place or alive(os.path.dirname(place)):
        return
    found = ended(ROLL, place)
    known.update(state=found.outcome.state if found.ended else states.UNKNOWN, line=found.outcome.line)
    if found.ended:
        known.update(began=found.began, ended=found.ended)


def _end_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_OUTPUT))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def token(env_name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The cluster's token: the value of a variable of the controller's environment, or what a command prints."""
    if env_name:
        if not environment.get(env_name):
            raise AnsibleActionFail(f"raft_fleet_token_env names {env_name}, which is not set in the environment.")
        return environment[env_name]
    if not command:
        return ""
    try:
        done = subprocess.run(
            list(command), stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = (
            f"exit code {error.returncode}"
            if isinstance(error, subprocess.CalledProcessError)
            else type(error).__name__
        )
        raise AnsibleActionFail(f"raft_fleet_token_command, {command[0]}, has failed: {why}.") from None
    found = done.stdout.decode(errors="replace").strip()
    if not found or len(found.split()) != 1:
        raise AnsibleActionFail(f"raft_fleet_token_command, {command[0]}, must print the token and nothing else.")
    return found


def words(given: Any) -> List[str]:
    """A command as a list of its words. A text is split as a shell would; no shell runs it."""
    return shlex.split(given) if isinstance(given, str) else [str(one) for one in given or ()]
