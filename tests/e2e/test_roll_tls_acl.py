# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roll of a cluster with ACLs that answers by HTTPS only, and only to those who show a certificate."""

from __future__ import annotations

from typing import Any

from support.cluster.authority import secure
from support.rolls import leftbehind, playbooks
from support.rolls.untouched import token


def test_the_leader_is_rolled_over_tls_with_a_token(make_cluster: Any) -> None:
    """It is the only one still to do. One run with a token that may too little, one with all that it takes."""
    cluster = make_cluster(prepare=secure, acl=True, backends=("boltdb", "wal", "wal"))
    leader = cluster.servers[0]
    cluster.lead_by(leader)
    cluster.wait_healthy()
    before, pid = leftbehind.observe(cluster), leader.pid()
    files = cluster.root / "tls"
    options = {
        "raft_logstore_ca_path": str(files / "ca.pem"),
        "raft_logstore_client_cert": str(files / "client.pem"),
        "raft_logstore_client_key": str(files / "client.key"),
    }
    weak = token(cluster, "weak", 'operator { policy = "write" }\n')
    refused = playbooks.run("migrate", playbooks.write_inventory(cluster, **options, raft_logstore_token=weak))
    assert refused.returncode != 0 and leader.pid() == pid, refused.stdout
    assert "The token lacks agent:read" in " ".join(refused.stdout.split()) and weak not in refused.stdout

    given = str(leader.token)
    run = playbooks.run("migrate", playbooks.write_inventory(cluster, **options, raft_logstore_token=given), "-v")
    assert run.returncode == 0 and given not in run.stdout, run.stdout
    assert leader.pid() != pid and cluster.leader() is not leader
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"} and leftbehind.is_guarded(leader)
    assert (after.voters, after.cleanup) == (before.voters, before.cleanup)
    assert not any(map(leftbehind.is_unfinished, cluster.servers))
