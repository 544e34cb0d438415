# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A form whose questions nobody has answered: every variable that the role does not refuse so is "" or null at once.

Which these are, and that each alone counts as not given: unit/roles/test_raft_logstore_empty.py.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.cluster.cluster import Cluster
from support.paths import ROLE
from support.rolls import playbooks
from support.rolls.roletext import parsed
from support.rolls.untouched import picture

SPECIFIED = parsed(ROLE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
# Without these a test cluster could not be found: it has no unit.
NEEDED = {f"raft_logstore_{name}" for name in ("config_path", "start_command", "stop_command", "status_command")}
TEXT = [
    name for name, about in SPECIFIED.items() if about["type"] in ("str", "path", "list") and "choices" not in about
]
NULL = [name for name, about in SPECIFIED.items() if "default" not in about]


@pytest.fixture(scope="module")
def cluster(make_cluster: Any) -> Cluster:
    return make_cluster()


@pytest.mark.long
@pytest.mark.parametrize(("names", "nothing"), [(TEXT, ""), (NULL, None)])
def test_nothing_answered_is_nothing_given(cluster: Cluster, names: list[str], nothing: Any) -> None:
    empty = dict.fromkeys(sorted({*names} - NEEDED), nothing)
    on_hosts = {name: value for name, value in empty.items() if name not in ("raft_logstore_group",)}
    port = {} if nothing is None else {"raft_logstore_port": None}
    hosts = {server.name: {**on_hosts, **port} for server in cluster.servers}
    inventory = playbooks.write_inventory(cluster, hosts=hosts, **empty)
    before = picture(cluster)
    for playbook in "status", "migrate":
        run = playbooks.run(playbook, inventory, "--check", *playbooks.ONE)
        assert run.returncode == 0, run.stdout
        assert picture(cluster) == before
        rows = [line.split() for line in run.stdout.splitlines()]
        shown = {name: row for row in rows for name in hosts if name in row[:2] and "boltdb" in row}
        assert sorted(shown) == ["s1", "s2", "s3"]
        assert not any("down" in row for row in shown.values()), run.stdout


def test_a_server_that_is_down_is_never_shown_so_without_a_reason(cluster: Cluster) -> None:
    """A wrong address is what an empty one once became."""
    wrong = {"s2": {"raft_logstore_host": "127.0.0.2", "raft_logstore_port": 1}}
    run = playbooks.run("status", playbooks.write_inventory(cluster, hosts=wrong))
    assert run.returncode == 0, run.stdout
    said = " ".join(run.stdout.split())
    assert re.search("s2 down - - - boltdb boltdb - ", said), run.stdout
    assert "s2: down: http://127.0.0.2:1" in said and "Its store is in use, so the agent seems to run" in said


@pytest.mark.parametrize(
    ("given", "told"), [("raft_logstore_backend", "wal or boltdb"), ("raft_logstore_wait_timeout", "a whole number")]
)
def test_what_cannot_be_empty_is_refused_by_its_name_in_one_sentence(cluster: Cluster, given: str, told: str) -> None:
    before = picture(cluster)
    run = playbooks.run("migrate", playbooks.write_inventory(cluster), "-e", f"{given}=")
    assert run.returncode != 0, run.stdout
    assert picture(cluster) == before
    assert f"{given} is ''. Give {told}. Nothing was changed." in " ".join(run.stdout.split()), run.stdout
    assert len(run.stdout.splitlines()) < 60 and "argument_spec" not in run.stdout, run.stdout
