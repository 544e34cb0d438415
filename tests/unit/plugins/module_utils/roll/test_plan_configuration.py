# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan compares the Raft configuration that each server has itself with its leader's."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import refused
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import Answered, turn
from support.rolls.servers import ME, PEERS, led


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (PEERS[1:2], "s2: it lacks the voter id-s1 (s1:4647), it lacks the non-voter id-s3 (s3:4647)"),
        ([{**PEERS[0], "address": "old:4647"}, *PEERS[1:]], "s2: it has the voter id-s1 (old:4647) where the leader"),
        ([*PEERS[:2], {**PEERS[2], "voter": True}], "s2: it has the voter id-s3 (s3:4647) where the leader has the n"),
    ],
)
def test_every_server_has_the_leaders_raft_configuration(own: list[dict[str, Any]], told: str) -> None:
    gate = "Every server has the leader's Raft configuration"
    closed, refusal = refused(led(s2={"peers": own}), ME)
    assert closed == gate and told in refusal
    assert refused(led(), ME) == ("", "")
    assert refused(led(s2={"peers": own, "up": False, "ours": True}), ME)[0] != gate, "it cannot be asked"


def test_a_server_that_has_elected_itself_is_not_taken_for_the_cluster() -> None:
    alone = {"role": "leader", "peers": PEERS[:1], "leader": "s1:4647"}
    refusal = refused(led(s1=alone, s2={"role": "leader", "leader": "s2:4647"}), ME)[1]
    assert refusal.startswith("s1 and s2 each say that they lead, in clusters of their own. Find out which one")


def test_no_old_store_goes_while_a_server_knows_other_peers_than_its_leader() -> None:
    settled = {"running": "wal", "configured": "wal", "store": "wal"}
    servers = led(s1=settled, s2={**settled, "peers": PEERS[1:2]}, s3=settled)
    sick, well = (turn(servers, host, ME, Answered()).end.tidy for host in ("s2", "s3"))
    assert sick.refusal.startswith("s2 has another Raft configuration than its leader: it lacks the voter id-s1")
    assert not well.refused
