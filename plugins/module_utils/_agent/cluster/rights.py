# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a token may do, found out by asking, without changing or moving anything.

Nomad answers 403 before it looks at the content of a request, so a request that cannot take effect still shows whether
it would have been allowed. For the two rights that need a change: autopilot's own settings are sent back with an index
that they can never have (compare-and-set refuses it; one entry in the Raft log says so), and leadership is given to a
server that does not exist (refused as unknown). Without ACLs there is nothing to find out, and nothing is asked.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Tuple

from ..api.client import Client
from ..errors import AgentError, Denied, Failed

NO_INDEX = (1 << 64) - 1
NOBODY = "00000000-0000-0000-0000-000000000000"


class Right(NamedTuple):
    """One capability, the API path that asks for it, and what a roll needs it for."""

    capability: str
    path: str
    purpose: str


AGENT_READ = Right("agent:read", "/v1/agent/self", "to ask each server whether it is well")
OPERATOR_READ = Right("operator:read", "/v1/operator/autopilot/health", "to ask the leader whether all are well")
OPERATOR_WRITE = Right(
    "operator:write", "/v1/operator/autopilot/configuration",
    "to keep autopilot from removing a stopped server, and to save snapshots",
)  # fmt: skip
MANAGEMENT = Right("management", "/v1/operator/raft/transfer-leadership", "to move leadership before the leader stops")


class Lacking(NamedTuple):
    """The rights that a token lacks, and why another could not be asked for ("" when all could)."""

    rights: Tuple[Right, ...]
    error: str


def lacking(client: Client) -> Lacking:
    """The rights that the client's token lacks, as the agent and its leader say now."""
    found, errors = [], []
    for right, ask in PROBES:
        try:
            ask(client)
        except Denied:
            found.append(right)
        except AgentError as error:
            errors.append(str(error))
    return Lacking(tuple(found), errors[0] if errors else "")


def _read_agent(client: Client) -> None:
    client.agent_self()


def _read_operator(client: Client) -> None:
    client.autopilot_health()


def _write_operator(client: Client) -> None:
    client.set_autopilot_config(client.autopilot_config()._replace(modify_index=NO_INDEX))


def _move_leadership(client: Client) -> None:
    try:
        client.transfer_leadership(NOBODY)
    except Failed as error:
        if error.status != 400:
            raise


PROBES: Tuple[Tuple[Right, Callable[[Client], None]], ...] = (
    (AGENT_READ, _read_agent),
    (OPERATOR_READ, _read_operator),
    (OPERATOR_WRITE, _write_operator),
    (MANAGEMENT, _move_leadership),
)
