# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role needs to know of one server. All of it is decided in module_utils._roll."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns import failure
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import (
    options,
    plain,
    servers,
    shown,
    without_empty,
)
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given


def roll_servers(results: Sequence[Sequence[Mapping[str, Any]]]) -> List[Dict[str, Any]]:
    """The servers as the last step that knows them has returned each. `results`: of each step, those of all hosts."""
    known = [one["server"] for step in plain(results) for one in step if one.get("server")]
    return list({one["host"]: one for one in sorted(known, key=lambda one: one["serial"])}.values())


def roll_turn(
    facts: Sequence[Mapping[str, Any]], host: str, wanted: Mapping[str, Any], so_far: Mapping[str, Any]
) -> Dict[str, Any]:
    """All that the turn of this host's server depends on, from the servers and what was answered so far."""
    return shown(Given(host, options(wanted), plain(facts), {}, plain(so_far), {}).now())


def roll_failed(result: Mapping[str, Any], task: str) -> Dict[str, str]:
    """What a failed task says: `task` and `message`."""
    return failure.failed(plain(result), str(task))


def roll_failure(
    facts: Sequence[Mapping[str, Any]], host: str, wanted: Mapping[str, Any], said: Mapping[str, Any]
) -> Dict[str, Any]:
    """What to do about a server whose turn has failed, and what to say."""
    given = {name: value for name, value in plain(said).items() if value and not _is_skipped(value)}
    return shown(failure.failure(servers(facts), host, options(wanted), failure.Said(**given)))


def _is_skipped(value: Any) -> bool:
    """Whether this is the result of a task that was not run; it is registered all the same."""
    return isinstance(value, dict) and bool(value.get("skipped"))


class FilterModule:
    """The filters of the role raft_logstore."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {
            "roll_given": without_empty,
            "roll_servers": roll_servers,
            "roll_turn": roll_turn,
            "roll_failed": roll_failed,
            "roll_failure": roll_failure,
        }
