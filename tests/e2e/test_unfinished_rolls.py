# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls that ended in the middle: what is seen then, and the run that finishes each."""

from __future__ import annotations

import contextlib
import fcntl
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from support.cluster import start_faulty
from support.cluster.server import Server
from support.rolls import leftbehind, playbooks
from support.rolls.overssh import hosts_of, takes_out
from support.rolls.sshd import BEFORE, Trap
from support.rolls.stops import after_the_last, assert_completes

pytestmark = pytest.mark.long


@contextlib.contextmanager
def busy(server: Server, seconds: float) -> Iterator[None]:
    """Its store is locked for so long, as by the conversion of a run that was killed."""
    with server.raft_dir.joinpath("raft.db").open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        timer = threading.Timer(seconds, file.close)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def test_a_run_that_ended_between_stop_and_conversion_is_finished_by_the_next_one_also_without_a_hold(
    make_cluster: Any,
) -> None:
    """Nothing tells of that run but a configuration that names another backend than the store has.

    Its own conversion has just begun, and is waited for.
    """
    cluster = make_cluster()
    voters = leftbehind.observe(cluster).voters
    left = cluster.followers()[0]
    left.stop()
    left.config_dir.joinpath("wal.hcl").write_text('server {\n  raft_logstore {\n    backend = "wal"\n  }\n}\n')
    alone = {"raft_logstore_hold_autopilot": False, "raft_logstore_stop_timeout": 1}
    with busy(left, 60):
        run = playbooks.run("migrate", playbooks.write_inventory(cluster, **alone))
    assert run.returncode == 0, run.stdout
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"} and after.voters == voters


def test_says_at_the_end_that_a_server_has_gone_and_that_autopilot_is_still_held(make_cluster: Any) -> None:
    """Nothing is left to convert, and yet the roll has not ended well."""
    cluster = make_cluster()
    voters = leftbehind.observe(cluster).voters
    gone = cluster.followers()[0]
    stop = f"{{{{ hostvars['{gone.name}'].raft_logstore_stop_command }}}}"
    run = playbooks.run("migrate", playbooks.write_inventory(cluster, **after_the_last(cluster, stop)))
    said = " ".join(run.stdout.split())
    assert run.returncode != 0
    assert f"{gone.name} is not back at the end: " in said, run.stdout
    assert "Autopilot's removal of dead servers is off, and stays off until a run ends well" in said, run.stdout
    assert [server for server in cluster.servers if not server.is_running()] == [gone]

    gone.start()
    assert_completes(cluster, playbooks.write_inventory(cluster), voters)


def test_a_failed_server_is_put_back_though_another_one_is_lost_while_it_is_looked_at(make_cluster: Any) -> None:
    """What the others think is for the operator to read; the return of a server that is down needs none of it."""
    cluster = make_cluster()
    voters = leftbehind.observe(cluster).voters
    failing = cluster.followers()[0]
    refuse = f"{sys.executable} {start_faulty.__file__} refuse wal {failing.root}"
    with hosts_of(cluster, **{failing.name: refuse}) as (hosts, inventory):
        hosts.trap = Trap(
            BEFORE, lambda asked: asked.module == "autopilot_health_info" and any(map(takes_out, hosts.requests))
        )
        run = playbooks.run("migrate", inventory, "-e", "raft_logstore_wait_timeout=20")
    assert hosts.trap.sprung not in ("", failing.name), run.stdout
    assert run.returncode != 0
    assert "It is back in the cluster as it was." in " ".join(run.stdout.split()), run.stdout
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"boltdb"}
    assert (after.voters, after.cleanup) == (voters, True)
