# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend is begun over ssh on one server after the other, and left alone: left_alone.py INVENTORY MOMENTS

Prints a line for each moment. Ends with an exception as soon as a server is not back, or nothing is said of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / ".build")]

from support.rolls import adhoc, backend
from support.rolls.moments import HUNG_UP, KILLED, SSHD_STOPPED, Moment, moments

SEED = 2
MODULE = "raftops.nomad.server_backend"
ON_HOST = Path(__file__).with_name("on_host.py").read_text()
RAFT = "/opt/nomad/data/server/raft"
OPTIONS = {"force": True, "stable_for": 2, "gate_timeout": 120, "origin": "controller-1"}


def inside(host: str, *command: str) -> str:
    """What a command prints on the host; no login session is involved."""
    return subprocess.run(["podman", "exec", host, *command], check=True, capture_output=True, text=True).stdout


def followers() -> list[str]:
    """The hosts that do not lead. A roll is not what is tried here, so nobody else has to lead meanwhile."""
    ask = "import json, urllib.request as r; print(json.load(r.urlopen('http://127.0.0.1:4646/v1/agent/self'))['stats']['raft']['state'])"
    return [host for host in ("n1", "n2", "n3") if inside(host, "python3", "-c", ask).strip() == "Follower"]


def command(inventory: str, host: str, program: str, options: dict[str, Any], work: Path) -> list[str]:
    if program == "ansible":
        return ["ansible", host, "-i", inventory, "-m", MODULE, "-a", json.dumps(options)]
    play = work / "play.yml"
    tasks = [{"name": "One server", MODULE: options}]
    play.write_text(json.dumps([{"hosts": host, "gather_facts": False, "tasks": tasks}]))
    return ["ansible-playbook", "-i", inventory, str(play)]


def in_peace(inventory: str, host: str, name: str, work: Path) -> dict[str, Any]:
    """The result of a run that nobody disturbs."""
    ran = subprocess.run(
        command(inventory, host, "ansible", {**OPTIONS, "backend": name}, work),
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise AssertionError(ran.stdout + ran.stderr)
    return adhoc.results_in(ran.stdout)[host]


def left_alone(inventory: str, host: str, moment: Moment, usual_s: float, work: Path) -> dict[str, Any]:
    """What was seen on the host after this moment."""
    watch = subprocess.Popen(
        ["podman", "exec", host, "python3", "-c", ON_HOST, moment.way, str(moment.share * usual_s)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout and watch.stdout.readline() == "begun\n"
    options = {**OPTIONS, "backend": moment.backend}
    log = work / "log"
    with open(log, "w") as output:
        child = subprocess.Popen(
            command(inventory, host, moment.program, options, work),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    if watch.stdout.readline() != "now\n" or child.poll() is not None:
        raise AssertionError(f"{moment}: it has ended before its moment came: {log.read_text()}")
    if moment.way == KILLED:
        backend.kill_tree(child.pid)
    if moment.way == HUNG_UP:
        os.killpg(child.pid, signal.SIGHUP)
    seen = json.loads(watch.communicate(timeout=180)[0])
    assert child.wait(90) != 0
    return seen


def assert_back(moment: Moment, seen: dict[str, Any], told: dict[str, Any]) -> None:
    """The server was back by itself, and the next run says so."""
    assert (seen["state"], seen["backend"], seen["barriers"]) == ("active", moment.backend, []), seen
    assert seen["cgroup"].startswith("raftops-nomad-") and seen["cgroup"].endswith(".scope"), seen
    assert not told["changed"] and told["earlier"], told
    assert told["earlier"]["sentence"].endswith("its own host finished it: the server is back."), told
    conversion = told["earlier"]["result"]["conversion"]
    assert conversion["verified"] == conversion["entries"] > 0, told


def assert_nothing_lost(host: str) -> int:
    """Each store that was left as a backup is in raft.db, entry by entry, says the judge; how many there were."""
    backups = inside(host, "sh", "-c", f"cd {RAFT} && ls -d *.migrated.*").split()
    for name in backups:
        then = json.loads(inside(host, "judge", "digest", f"{RAFT}/{name}"))
        span = f"-from {then['first_index']} -to {then['last_index']}"
        now = f"cp {RAFT}/raft.db /tmp/raft.db && judge digest {span} /tmp/raft.db"
        assert json.loads(inside(host, "sh", "-c", now))["digest"] == then["digest"], name
    return len(backups)


def main(inventory: str, count: int) -> None:
    hosts = followers()
    assert len(hosts) == 2
    with tempfile.TemporaryDirectory() as work:
        usual_s = {
            (host, name): in_peace(inventory, host, name, Path(work))["phases"]["total"]
            for host in hosts
            for name in ("wal", "boltdb")
        }
        for number, drawn in enumerate(moments(SEED, count)):
            moment = drawn._replace(fails=False)
            host = hosts[number // 2 % 2]
            seen = left_alone(inventory, host, moment, usual_s[host, moment.backend], Path(work))
            if moment.way == SSHD_STOPPED:
                inside(host, "systemctl", "start", "ssh")
            told = in_peace(inventory, host, moment.backend, Path(work))
            print(f"{moment} on {host}: at {seen['step']}, in {seen['cgroup']}", flush=True)
            assert_back(moment, seen, told)
        print(f"{2 * count} moments; nothing lost in {sum(map(assert_nothing_lost, hosts))} conversions")


main(sys.argv[1], int(sys.argv[2]))
