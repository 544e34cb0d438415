# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a rehearsal: run the module, show how far it is, and what it has found as a line."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List, Optional

from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._text.lines import WIDTH, wrapped
from ansible_collections.raftops.nomad.plugins.plugin_utils._progress import INTERVAL_S
from ansible_collections.raftops.nomad.plugins.plugin_utils._waiting import WaitingAction


def lines(host: str, hosts: List[str], told: str) -> List[str]:
    """What is told of a host, in a column beside the names of all, within the width of a narrow terminal."""
    column = max((len(name) for name in (*hosts, host)), default=0)
    if column > WIDTH // 3:
        return wrapped(f"{host}: {told}")
    first, later = f"{host}:".ljust(column + 2), " " * (column + 2)
    return wrapped(first + told, later)


class ActionModule(WaitingAction):
    """Runs the module of the same name; everything about stores is decided there."""

    PROGRESS: ClassVar[str] = "/run/raft_rehearse"
    FIRST_S: ClassVar[float] = INTERVAL_S

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The module's result."""
        result = super().run(tmp, task_vars)
        known = task_vars or {}
        # Why it was not rehearsed is in the result, which whoever runs this shows, or does not.
        if result.get("rehearsal") and not result["rehearsal"]["refusal"]:
            hosts = [str(name) for name in known.get("ansible_play_hosts_all", [])]
            for line in lines(known["inventory_hostname"], hosts, result["msg"]):
                Display().display(line, stderr=True)
        return result
