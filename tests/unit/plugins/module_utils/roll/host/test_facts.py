# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which nothing is wrong is what the facts are when nobody says otherwise."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.facts import Facts, LogFile, Spot, Validation
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.rehearsal import rehearse


def test_what_is_not_said_is_nothing_wrong() -> None:
    spots = Spot("/etc/nomad.d/raft_logstore.hcl", "configuration"), Spot("/opt/nomad/server/raft/raft.db", "store")
    assert rehearse(Facts()) == [] == rehearse(Facts(spots=spots, log_file=LogFile("/l"), validation=Validation()))
