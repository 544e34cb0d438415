# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One roll at a time through the same servers, as far as one controller can tell. Runs on the controller.

Each roll leaves a note that names its ansible-playbook process and its servers, where all users of the controller see
it. A note counts only while that very process lives, so it ends with the run, however that ends. It is keyed by the
servers' ids, not by an inventory. A roll writes its note before it reads the others: of two rolls that begin at once,
at least one sees the other. Controllers do not see each other's notes; that is what the hold in the cluster is for.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import stat
import subprocess
import tempfile
import time
from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.module_utils._disk.plainjson import loads
from ansible_collections.raftops.nomad.plugins.plugin_utils._user import user

DIRECTORY = "/tmp"  # not TMPDIR, which may differ from user to user
PREFIX = "raftops-nomad-roll-"
MAX_LEN = 1 << 20
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Roll(NamedTuple):
    """One roll: its process and when that began (process numbers are reused), its user, its start time, its servers."""

    pid: int
    born: str
    user: str
    since: str
    servers: Tuple[str, ...]


def is_orphan() -> bool:
    """Whether this is a worker of Ansible whose parent is gone, so that nobody gets its results."""
    parent = multiprocessing.parent_process()
    return parent is not None and os.getppid() != parent.pid


def ansible() -> int:
    """The process of the whole run, of which this one is a worker.

    Raises AnsibleActionFail where that has ended: a worker that outlives it must begin nothing, and would note its work
    for process 1, which never ends.
    """
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None:
        return os.getppid()
    if is_orphan():
        raise AnsibleActionFail(f"The run of which this is a part, process {parent.pid}, has ended.")
    return parent.pid


def born(pid: int) -> str:
    """When this process began, as text that no other process with its number shares; "" when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat_file:
            fields = stat_file.read().rpartition(")")[2].split()
        with open(BOOT_ID, encoding="ascii") as boot_file:
            boot = boot_file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return "" if os.path.exists(BOOT_ID) else _born_elsewhere(pid)
    return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"  # proc(5): state, start time in ticks after the boot


def _born_elsewhere(pid: int) -> str:
    """The same where there is no /proc."""
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def begin(pid: int, servers: Sequence[str], keep: bool, directory: str = DIRECTORY) -> None:
    """Note that process `pid` rolls these servers. Raises AnsibleActionFail while another one does.

    Without `keep` it only looks for another one. Calling it again for the same process is fine.
    """
    mine = Roll(pid, born(pid), user(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), tuple(servers))
    try:
        note = _write(mine, directory) if keep else ""
        found = [(path, roll) for path, roll in _notes(directory) if set(roll.servers) & set(servers)]
        for path, other in found:
            if (other.pid, other.born) == (mine.pid, mine.born):
                continue
            if note:
                os.unlink(note)
            raise AnsibleActionFail(
                f"Process {other.pid} of {other.user} on this controller has been rolling these servers since "
                f"{other.since}. Wait until it has ended, then run this again. (Its note is {path}.)"
            )
    except OSError as error:
        raise AnsibleActionFail(f"Cannot see whether another roll is under way, in {directory}: {error}") from error


def _write(roll: Roll, directory: str) -> str:
    """Put the note in place, as a whole; its path. One for each process and set of servers."""
    path = os.path.join(directory, f"{PREFIX}{roll.pid}-{roll.servers[0] if roll.servers else 'none'}.json")
    fd, partial = tempfile.mkstemp(prefix=f".{PREFIX}", dir=directory)
    with open(fd, "w", encoding="utf-8") as file:
        os.fchmod(fd, 0o644)
        json.dump(roll._asdict(), file)
    os.rename(partial, path)
    return path


def _notes(directory: str) -> Iterator[Tuple[str, Roll]]:
    """The notes of live processes. Those of dead ones are removed, as far as they are ours to remove."""
    for name in sorted(os.listdir(directory)):
        if not name.startswith(PREFIX):
            continue
        path = os.path.join(directory, name)
        roll = _read(path)
        if roll is not None and roll.born and born(roll.pid) == roll.born:
            yield path, roll
        else:
            with contextlib.suppress(OSError):  # another user's, or removed by another run
                os.unlink(path)


def _read(path: str) -> Optional[Roll]:
    """The note, or None for anything else: everybody can write to the directory, so the file may be anything."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    with open(fd, "rb") as file:
        content = file.read(MAX_LEN)
    try:
        values = loads(content)
        born_at, user, since = (str(values[name]) for name in ("born", "user", "since"))
        return Roll(int(values["pid"]), born_at, user, since, tuple(map(str, values["servers"])))
    except (ValueError, KeyError, TypeError):
        return None
