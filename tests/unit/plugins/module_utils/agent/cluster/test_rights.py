# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a token may do, from Nomad's recorded answers to requests that cannot take effect."""

from __future__ import annotations

import json

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import rights
from support.agent_server import AgentServer
from support.recordings import recording

AUTOPILOT = "/v1/operator/autopilot/configuration"
TRANSFER = "/v1/operator/raft/transfer-leadership"
ALLOWED = (
    "agent_self-leader-boltdb",
    "autopilot_health-healthy",
    "autopilot_configuration",
    "autopilot_configuration-put-cas-stale",
    "transfer-unknown-id",
)


def lacking(server: AgentServer, *instead: str) -> rights.Lacking:
    server.play(*ALLOWED, *instead)
    return rights.lacking(Client(Connection(port=server.port)))


def test_a_token_that_may_do_everything_lacks_nothing(server: AgentServer) -> None:
    assert lacking(server) == rights.Lacking((), "")


@pytest.mark.parametrize(
    ("refusal", "right"),
    [
        ("acl-agent_self-operator_read", rights.AGENT_READ),
        ("acl-autopilot_health-no_token", rights.OPERATOR_READ),
        ("acl-autopilot_configuration-no_token", rights.OPERATOR_WRITE),
        ("acl-autopilot_configuration_put-operator_read", rights.OPERATOR_WRITE),
        ("acl-transfer_noop-operator_read", rights.MANAGEMENT),
    ],
)
def test_each_refusal_names_its_right(server: AgentServer, refusal: str, right: rights.Right) -> None:
    assert lacking(server, refusal) == rights.Lacking((right,), "")


def test_the_change_that_is_asked_for_can_never_take_place(server: AgentServer) -> None:
    """The settings in force, unchanged, under the largest index there is; Nomad answered a stale one with false."""
    lacking(server)
    (change,) = [seen for seen in server.asked(AUTOPILOT) if seen.method == "PUT"]
    assert change.path == f"{AUTOPILOT}?cas=18446744073709551615"
    assert json.loads(change.body) == recording("autopilot_configuration")["body"]


def test_the_leadership_that_is_asked_for_goes_to_nobody(server: AgentServer) -> None:
    lacking(server)
    (transfer,) = server.asked(TRANSFER)
    assert transfer.path == f"{TRANSFER}?id=00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize("case", ["transfer-no_leader", "autopilot_health-no_leader"])
def test_what_could_not_be_asked_is_an_error_and_not_a_lack(server: AgentServer, case: str) -> None:
    found = lacking(server, case)
    assert found.rights == () and "No cluster leader" in found.error
