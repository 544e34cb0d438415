# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for ansible-playbook: the "roll" of a cluster that is a file, its inventory.

The inventory says how it goes: {"end": "well", "seconds": 1, "test": 4711}. `end` is well, fail, die (by SIGKILL),
refuse or hang (until the file has another end, or the process of the test is gone: a stand-in is in a session of its
own, so nothing else would end it). What has been called, from when to when and by which process, is in INVENTORY.calls.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Dict

STATUS_HEAD = "server  role    health   version  running  config  disk  applied"
HEAD = "order  server  role    backend  disk    action   index  size"


def said(path: Path) -> Dict[str, Any]:
    """What the file says now."""
    found: Dict[str, Any] = json.loads(path.read_text())
    return found


def note(path: Path, **what: Any) -> None:
    """One line for what was called; appended as a whole."""
    with open(f"{path}.calls", "a", encoding="utf-8") as calls:
        calls.write(json.dumps({"pid": os.getpid(), "time": time.time(), **what}) + "\n")


def digest(token: str) -> str:
    """What says which token it was, without saying the token."""
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


def fails(message: str) -> None:
    """End as ansible-playbook does after a failed task."""
    print(f"fatal: [s1]: FAILED! => {json.dumps({'changed': False, 'msg': message})}")
    sys.exit(2)


def hangs(path: Path) -> bool:
    """Whether it is to hang on."""
    cluster = said(path)
    try:
        os.kill(cluster["test"], 0)
    except ProcessLookupError:
        return False
    return bool(cluster["end"] == "hang")


def assess(backend: str, refuses: bool) -> None:
    """Leave what the playbook assess leaves."""
    given = json.loads(Path(sys.argv[-1].lstrip("@")).read_text())
    found = {"version": 1, "verdict": "some gain on s1: 40 writes a second.", "longest_out_s": 1.8, "refused": refuses}
    found.update(refusal="The cluster is not healthy." if refuses else "", servers=[{"backend": backend}])
    Path(given["raft_logstore_assess_file"]).write_text(json.dumps({**found, "given": given}))


def main() -> None:
    """Plan, roll, look or assess."""
    playbook = sys.argv[1].rpartition(".")[2]
    path = Path(sys.argv[sys.argv.index("-i") + 1])
    plans = "--check" in sys.argv
    cluster = said(path)
    rolled = Path(f"{path}.rolled")
    token = digest(os.environ.get("NOMAD_TOKEN", ""))
    note(path, what="plan" if plans else playbook, end="begins", token=token, environment=sorted(os.environ))
    backend = "wal" if rolled.exists() else "boltdb"
    if playbook == "status":
        print(f"{STATUS_HEAD}\ns1      leader  healthy  2.0.5  {backend}  {backend}  {backend}  9")
        print(f"1 server: on {backend}. {'Look at it.' if cluster['end'] == 'refuse' else 'All is well.'}")
        return
    if playbook == "assess":
        assess(backend, cluster["end"] == "refuse")
        return
    print(
        f"{HEAD}\n1      s1      leader  {backend}  {backend}  {'nothing' if rolled.exists() else 'migrate'}  6  32KB\n"
    )
    if cluster["end"] == "refuse":
        fails("The cluster is not healthy. Nothing was changed.")
    if plans or rolled.exists():
        return
    print("TASK [raftops.nomad.raft_logstore : Take it out] ***\ns1: converting 3 / 10 entries", flush=True)
    time.sleep(cluster["seconds"])
    while hangs(path):
        time.sleep(0.05)
    if cluster["end"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    note(path, what=playbook, end=cluster["end"])
    if cluster["end"] == "fail":
        fails("s1 is not back. Look at its log.")
    rolled.touch()


if __name__ == "__main__":
    main()
