# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps are given, and the turn of a server as it is now. Plain values."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, parse, view
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import Turn, answers, turn

Result = Dict[str, Any]


class Given(NamedTuple):
    """`servers` are all that were looked at, as plain values. `so_far`: what was asked and answered, as in Answered.

    `agent` is what the operator has said of how it is run. `before` is what the steps before this one have returned: of
    `begin` the `turn`, of `make_way` the rest.
    """

    host: str
    options: Options
    servers: List[Dict[str, Any]]
    agent: Mapping[str, Any]
    so_far: Mapping[str, Any]
    before: Mapping[str, Any]

    @property
    def own(self) -> Dict[str, Any]:
        """This host's server; empty before the first look."""
        return next((one for one in self.servers if one["host"] == self.host), {})

    @property
    def server(self) -> Server:
        """The same, to be decided on."""
        return parse(self.own)

    def noted(self, server: Dict[str, Any]) -> Dict[str, Any]:
        """This host's server with what is new, marked as newer than all that is known of it: see roll_servers."""
        return {**server, "serial": self.own.get("serial", 0) + 1}

    def subject(self) -> Dict[str, Any]:
        """What modules have to be told that work on this host's server, once it was looked at."""
        return {**self.agent, "data_dir": self.own["data_dir"], "config_path": self.own["config_path"]}

    @property
    def all(self) -> List[Server]:
        """All servers, to be decided on."""
        return [parse(one) for one in self.servers]

    def now(self) -> Turn:
        """What this host's turn depends on, from all that is known by now."""
        known = answers(self.so_far, view(self.so_far.get("judged")))
        return turn(self.all, self.host, self.options, known)

    def after(self, own: Dict[str, Any]) -> Given:
        """The same, once this is known of this host's server."""
        known = any(one["host"] == self.host for one in self.servers)
        rest = [own if one["host"] == self.host else one for one in self.servers]
        return self._replace(servers=rest if known else [*rest, own])
