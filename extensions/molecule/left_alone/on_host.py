# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host: waits for a moment of the next transaction, does there what is to be done to the host, and looks on.

on_host.py WAY SECONDS: prints "begun" at once, "now" at the moment, so many seconds after the stop has begun, and, when
nobody is at work any more, what it has seen as one line of JSON.
"""

import fcntl
import glob
import json
import os
import subprocess
import sys
import time
import urllib.request

PLACES = "/run/raftops.nomad/*/"
ON_HOST = {
    "cut": ["pkill -KILL -f '^sshd: ops'"],
    "logged out": ["loginctl terminate-user ops"],
    "sshd stopped": ["systemctl stop ssh", "pkill -KILL -f '^sshd: ops'"],
}
POLL_S = 0.002
ANSWERS_S = 0.5  # a server that answers is not back yet, and has to stay so for two seconds
PATIENCE_S = 120


def read(name):
    """The newest of these files of a transaction's place, as a value; empty if there is none."""
    try:
        path = max(glob.glob(PLACES + name), key=os.path.getmtime)
        with open(path) as file:
            return json.load(file)
    except (ValueError, OSError):
        return {}


def until(condition):
    """Return once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"in vain: {read('note')} {read('progress')}")
        time.sleep(POLL_S)


def is_stopping(last):
    note = read("note")
    return note.get("id") != last and note.get("begun") and read("progress").get("phase") not in (None, "last look")


def is_over():
    """Whether nobody is at work."""
    with open(glob.glob(PLACES + "lock")[0]) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def come(seconds):
    """Return so long after the stop; sooner where the server is sooner back than usual."""
    answered = end = time.monotonic() + seconds
    while time.monotonic() < min(end, answered):
        time.sleep(POLL_S)
        if answered == end and read("progress").get("phase") == "rejoin" and answers():
            answered = time.monotonic() + ANSWERS_S


def answers():
    try:
        return bool(backend())
    except OSError:
        return False


def said(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout.strip()


def backend():
    with urllib.request.urlopen("http://127.0.0.1:4646/v1/agent/self", timeout=10) as answer:
        return json.load(answer)["stats"]["raft"]["logstore_backend"]


def sessions():
    """The login sessions, by number. A look at the progress that is just logging in has none yet."""
    return {line.split()[0] for line in said("loginctl list-sessions --no-legend").splitlines()}


def main(way, seconds):
    last = read("note").get("id")
    print("begun", flush=True)
    until(lambda: is_stopping(last))
    come(seconds)
    print("now", flush=True)
    step = read("progress").get("phase")
    with open(f"/proc/{read('note')['pid']}/cgroup") as file:
        cgroup = file.read().strip().rpartition("/")[2]
    begun = sessions()
    for command in ON_HOST.get(way, []):
        subprocess.run(command, shell=True, check=True)
    until(is_over)
    state = said("systemctl show --property=ActiveState --value nomad")
    barriers = glob.glob("/run/systemd/system/nomad.service.d/90-raft-*")
    seen = {"step": step, "cgroup": cgroup, "state": state, "backend": backend(), "barriers": barriers}
    if ON_HOST.get(way):
        until(lambda: not begun & sessions())  # the module waits there, and ends once the work has ended
    print(json.dumps(seen), flush=True)


main(sys.argv[1], float(sys.argv[2]))
