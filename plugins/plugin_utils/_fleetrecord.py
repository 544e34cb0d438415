# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a fleet: which run is at work, what its clusters are in, what their children have left.

    runs/ID.json             one run: its process, its waves, the state of each cluster
    looks/ID.json            the same of a run that only looks; any number may look at once
    runs/lock, looks/lock    held while such a record is changed: who looks is in the way of no run
    clusters/NAME/lock       held while a child of this cluster lives, by its keeper
    clusters/NAME/child      the same, by a child whose keeper has died
    clusters/NAME/ID-KIND/   one child: job.json, vars.json, result.json, artifacts/roll/stdout

All of it is the user's alone. A record is changed under a lock and replaced as a whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.plugin_utils._files import put
from ansible_collections.raftops.nomad.plugins.plugin_utils._rolls import born

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")
MODE = 0o600
RUNS, LOOKS = "runs", "looks"
BEGUN = "%Y%m%dT%H%M%SZ"  # how a run's ID begins
Run = Dict[str, Any]


class Fleet:
    """The records below one directory, which is made where there is none."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(os.path.expanduser(path))
        try:
            for place in (self.path, *map(self._place, ("runs", "looks", "clusters"))):
                os.makedirs(place, mode=0o700, exist_ok=True)
        except OSError as error:
            raise AnsibleActionFail(f"Cannot keep records in raft_fleet_dir: {error}") from error
        found = os.stat(self.path)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise AnsibleActionFail(
                f"raft_fleet_dir {self.path} must belong to the user who runs this, and nobody else may write to it."
            )

    def _place(self, *names: str) -> str:
        return os.path.join(self.path, *names)

    def cluster(self, name: str) -> str:
        """The directory of one cluster. Raises AnsibleActionFail for a name that cannot be one."""
        if not NAME.fullmatch(name):
            raise AnsibleActionFail(f"The name of a cluster has letters, digits, dots, dashes and _, not {name!r}.")
        os.makedirs(self._place("clusters", name), mode=0o700, exist_ok=True)
        return self._place("clusters", name)

    def runs(self, where: str = RUNS) -> List[str]:
        """The paths of the records of all runs of a kind, the first one first."""
        return [self._place(where, name) for name in sorted(os.listdir(self._place(where))) if name.endswith(".json")]

    def of(self, pid: int, do: str) -> Optional[Run]:
        """The record of this run of a process that lives; None for none."""
        for path in self.runs(kind(do))[::-1]:
            if path.endswith(f"-{do}-{pid}.json"):
                run = read(path)
                return run if run and run["born"] == born(pid) else None
        return None

    @contextlib.contextmanager
    def _alone(self, where: str) -> Iterator[None]:
        with open(self._place(where, "lock"), "a", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def join(self, pid: int, do: str, names: List[str], command: str) -> Run:
        """The record of this process's run, begun by the first of its workers that comes.

        Raises AnsibleActionFail while another process that lives has a run here.
        """
        with self._alone(kind(do)):
            mine = self.of(pid, do)
            if mine:
                return mine
            other = read(self.runs()[-1]) if kind(do) == RUNS and self.runs() else None
            if other and other["pid"] != pid and other["born"] and born(int(other["pid"])) == other["born"]:
                raise AnsibleActionFail(
                    f"Another run, process {other['pid']}, has been at work on this fleet since {other['since']}. Wait "
                    f"until it has ended, then run this again. (Its record is in {self._place(RUNS)}.)"
                )
            now = time.time()
            since, begun = (time.strftime(form, time.gmtime(now)) for form in ("%Y-%m-%dT%H:%M:%SZ", BEGUN))
            run: Run = {"version": 1, "id": f"{begun}-{do}-{pid}", "kind": kind(do), "do": do, "command": command}
            run.update(pid=pid, born=born(pid), began=now, since=since, clusters=names, waves=[], states={})
            write(self._record(run), run)
            return run

    def _record(self, run: Run) -> str:
        return self._place(run["kind"], f"{run['id']}.json")

    def update(self, run: Run, change: Callable[[Run], None]) -> Run:
        """Change the record of a run, with nobody else at it; the record as it is then."""
        path = self._record(run)
        with self._alone(run["kind"]):
            now = read(path)
            if now is None:
                raise AnsibleActionFail(f"The record of this run is gone: {path}.")
            change(now)
            write(path, now)
            return now

    def note(self, run: Run, name: str, **known: Any) -> Run:
        """Add to what is known of one cluster in a run."""
        return self.update(run, lambda now: now["states"].setdefault(name, {}).update(known))


def kind(do: str) -> str:
    """Where the records of such runs are."""
    return LOOKS if do == "status" else RUNS


def read(path: str) -> Optional[Run]:
    """The record, None where there is none. Raises AnsibleActionFail for a file that is none."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AnsibleActionFail(f"Cannot read the record {path}: {error}. Move it away and run this again.") from error
    if not isinstance(value, dict):
        raise AnsibleActionFail(f"{path} is no record of a fleet. Move it away and run this again.")
    return value


def write(path: str, value: Any) -> None:
    """Replace the record as a whole. Only its user can read it."""
    put(path, json.dumps(value, indent=1), MODE)


def replace(path: str, text: str) -> bool:
    """Put the text in place of what is there, as a whole; whether it is other. Only its user can read it."""
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
        if file.read() == text:
            return False
    put(path, text, MODE)
    return True


def held(path: str) -> Optional[int]:
    """A descriptor that holds this lock now; None while another process holds it.

    Who asks is_held() shares the lock for a moment. That is none who holds it, so it is tried again at once.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while not _locked(fd, fcntl.LOCK_EX):
        if not _locked(fd, fcntl.LOCK_SH):
            os.close(fd)
            return None
        fcntl.flock(fd, fcntl.LOCK_UN)
    return fd


def is_held(path: str) -> bool:
    """Whether a process holds this lock now. Keeps nobody from taking it; see held()."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _locked(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
