# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: a three-server cluster on loopback is rolled from BoltDB to WAL while somebody writes to it.

With the argument `rollback` there is a second act, in which it is rolled back to BoltDB. Owns the order of what is
shown and the report at the end: exit code 0 only when everything is as it should be. Stops what it started, also on
Ctrl-C. Leaves its directory (.build/demo) for those who want to look at stores and snapshots.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Run as a script, from anywhere: the test helpers are the package support.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.cluster.cluster import Cluster, server_binary
from support.cluster.watcher import Watcher
from support.cluster.writer import Writer, fill
from support.paths import BUILD, CHECKOUT
from support.rolls import leftbehind, playbooks

sys.path.insert(0, str(BUILD))

from ansible_collections.raftops.nomad.plugins.plugin_utils import _record as record

ROOT = BUILD / "demo"
REPORTS = ROOT / "reports"
FILL_MB = 30
PLAYBOOK_LIMIT_S = 1800
END_LIMIT_S = 30.0
BACKENDS = {"migrate": "wal", "rollback": "boltdb"}


def say(text: str) -> None:
    """A headline of the demonstration itself, apart from what Ansible prints."""
    line = f"==> {text}"
    print(f"\n\033[1;36m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)


def play(name: str, inventory: Path) -> int:
    """Run a playbook with its own live output; its exit code. Ended when it takes more than PLAYBOOK_LIMIT_S."""
    environment = dict(playbooks.environment(), ANSIBLE_DISPLAY_SKIPPED_HOSTS="false")
    child = subprocess.Popen(
        playbooks.command(name, inventory), cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL
    )
    try:
        return child.wait(PLAYBOOK_LIMIT_S)
    except subprocess.TimeoutExpired:
        say(f"The playbook {name} was not done within {PLAYBOOK_LIMIT_S} s: ending it")
        return 1
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """End it as Ctrl-C does; kill it when that takes more than END_LIMIT_S."""
    if child.poll() is not None:
        return
    child.send_signal(signal.SIGINT)
    try:
        child.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def make_cluster() -> Cluster:
    """A running, healthy cluster on BoltDB with some tens of MB in each raft.db."""
    if ROOT.exists():
        Cluster(ROOT).stop_all()
        shutil.rmtree(ROOT)
    say(f"Starting three servers on loopback ({server_binary()})")
    return Cluster(ROOT)


def fill_cluster(cluster: Cluster) -> None:
    cluster.start()
    cluster.wait_healthy(60)
    say(f"Writing some {FILL_MB} MB, so that there is something to move")
    fill([(server.address, server.http_port) for server in cluster.servers], FILL_MB)
    for server in cluster.servers:
        size_mb = (server.raft_dir / "raft.db").stat().st_size / 1e6
        print(f"    {server.name}  http://{server.address}:{server.http_port}  raft.db {size_mb:.0f} MB")


def note_writes(reports: Path, act: str, writer: Writer, lost: Sequence[str]) -> None:
    """Put what the writer saw into the record of this act: a playbook knows of no writer beside it."""
    seen = {"tried": len(writer.acknowledged) + writer.failures, "refused": writer.failures, "lost": len(lost)}
    for journal in reports.glob(f"{act}-*.events.jsonl"):
        name = journal.name[: -len(".events.jsonl")]
        told = record.note(str(reports), name, "writes", {**seen, "longest_gap_s": writer.longest_gap_s})
        told = told or record.write(str(reports), name)
        if told:
            say(told)


def roll(cluster: Cluster, acts: list[str]) -> int:
    """Show the cluster, run the playbooks under writes (each ends with the same table), print the report."""
    inventory = playbooks.write_inventory(cluster, raft_logstore_report_dir=str(REPORTS))
    addresses = [(server.address, server.http_port) for server in cluster.servers]
    before = leftbehind.observe(cluster)
    writers, watcher = {name: Writer(addresses, name) for name in acts}, Watcher(cluster)
    try:
        say("The cluster before the roll")
        failed = play("status", inventory)
        watcher.start()
        began = time.monotonic()
        for name in acts:
            say(f"The roll to {BACKENDS[name]}: ansible-playbook raftops.nomad.{name}, while a writer keeps writing")
            writers[name].start()
            failed = play(name, inventory) or failed
            writers[name].stop()
        took_s = time.monotonic() - began
    finally:
        watcher.stop()
        for writer in writers.values():
            writer.stop()
    say(f"Reading all {sum(len(writer.acknowledged) for writer in writers.values())} acknowledged writes back")
    lost = {name: writer.lost() for name, writer in writers.items()}
    for name, writer in writers.items():
        note_writes(REPORTS, name, writer, lost[name])
    backend, seen = BACKENDS[acts[-1]], leftbehind.Writes.of(writers.values(), lost.values())
    return leftbehind.show(leftbehind.report(cluster, before, seen, watcher, took_s, failed, backend), backend)


def interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """The exit code of the demonstration."""
    signal.signal(signal.SIGTERM, interrupted)
    if not os.access(server_binary(), os.X_OK):
        print(f"{server_binary()} is not there: make demo builds it", file=sys.stderr)
        return 2
    cluster = make_cluster()
    try:
        fill_cluster(cluster)
        return roll(cluster, ["migrate", *sys.argv[1:]])
    except KeyboardInterrupt:
        say("Interrupted")
        return 130
    finally:
        say("Stopping the servers")
        cluster.stop_all()


if __name__ == "__main__":
    sys.exit(main())
