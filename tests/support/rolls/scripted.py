# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs the modules of a step, in tests: notes what was asked for, answers from a table, fails where told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import shown
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from support.rolls.servers import ME, NAMES, PEERS, agent_self, facts, looked

PLANNED = {"leader": "id-s2", "voters": ["id-s1", "id-s2"], "failure_tolerance": 1, "servers": []}
UNIT = {"manager": "command", "config_paths": ["/etc/nomad.d"], "literal": True}
AGENT = {"service_manager": "command", "stop_command": "/stop"}


class Call(NamedTuple):
    """One module that was run."""

    doing: str
    module: str
    args: dict[str, Any]
    asks: bool
    rehearses: bool


class Script:
    """A `Run`. `answers` are results by what is being done, `failing` those of modules that fail there."""

    def __init__(self, answers: Mapping[str, Any] | None = None, **failing: Mapping[str, Any]) -> None:
        self.answers, self.failing = dict(answers or {}), dict(failing)
        self.calls: list[Call] = []

    def fails(self, doing: str, **result: Any) -> Script:
        """The same, where this fails with a result of the module."""
        self.failing[doing] = {"msg": f"no {doing}", **result}
        return self

    def __call__(
        self, doing: str, module: str, args: Mapping[str, Any], asks: bool = False, rehearses: bool = False
    ) -> dict[str, Any]:
        self.calls.append(Call(doing, module, dict(args), asks, rehearses))
        if doing in self.failing:
            raise Stopped(doing, self.failing[doing]["msg"], self.failing[doing])
        return dict(self.answers.get(doing, {}))

    @property
    def done(self) -> list[str]:
        """What was done, in its order."""
        return [call.doing for call in self.calls]

    def asked(self, doing: str) -> Call:
        """The one call of this name."""
        (found,) = [call for call in self.calls if call.doing == doing]
        return found


def given(
    host: str = "s1",
    options: Options = ME,
    before: Mapping[str, Any] | None = None,
    servers: Sequence[Mapping[str, Any]] = (),
    so_far: Mapping[str, Any] | None = None,
    **instead: dict[str, Any],
) -> Given:
    """What a step of s1 is given in a roll through three servers, with what was read instead on one of them."""
    looked_at = {"serial": 1, "peers_planned": PEERS, "view_planned": PLANNED}
    known = [dict(one) for one in servers] or [{**facts(name, **looked_at), **instead.get(name, {})} for name in NAMES]
    asked = {"group": list(NAMES), "batch": [host], "order": list(NAMES), "judged": None, **(so_far or {})}
    return Given(host, options, known, AGENT, asked, before or {})


def begun(of: Given, **before: Any) -> Given:
    """The same after the step `begin`, and what the steps since have returned."""
    return of._replace(before={"turn": shown(of.now()), **before})


def look(name: str = "s1", backend: str = "boltdb", **more: Any) -> dict[str, Any]:
    """The result of server_info on a healthy follower."""
    agent = {"answered": True, "down": False, "error": "", "status": 200, "url": "http://a:4646", "role": "follower"}
    own = {**agent_self(name), "backend": backend}
    seen = {"configured": backend, "state": backend, "guarded": backend == "wal", "node_id": f"id-{name}"}
    return {"server": looked({**agent, "self": own}, **{**seen, "unit": UNIT, **more})}
