# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan compares the Raft configuration that each server has itself with its leader's."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.roll.plan import refused
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
