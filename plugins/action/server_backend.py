# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of `server_backend`: ask once for all hosts, run the module, show its steps.

A failure is shown in few lines: the end of the agent's log as lines, and of the result what says something about it.

And let the host know that its answer has arrived. The module cannot know: it prints into a pipe of sshd, which is there
for a while after the connection or the controller is gone.
"""

from __future__ import annotations

import shlex
from types import MappingProxyType
from typing import Any, ClassVar, Dict, List, Mapping, Optional

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.transaction import (
    LAST_LOOK,
    LOG,
    REJOIN,
    START,
    STOP,
)
from ansible_collections.raftops.nomad.plugins.modules.server_backend import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils._asking import AskingAction
from ansible_collections.raftops.nomad.plugins.plugin_utils._rolls import is_orphan

LOG_LINES = 20
OF_THE_AGENT = (STOP, START, REJOIN, LOG)  # what fails in other steps its log cannot explain
ALL_SHOWN = 3  # the verbosity from which on a result is left as it is
NOT_ABOUT_A_FAILURE = (
    "backend",
    "began_at",
    "configuration",
    "conversion",
    "earlier",
    "last_look",
    "log",
    "log_end",
    "phases",
    "plan",
    "previous_backend",
    "returned",
)
ONLY_IF_SET = ("again", "attached", "barred_by")


class ActionModule(AskingAction):
    """Runs the module of the same name; everything about the server is decided there."""

    NAME = "server_backend"
    SPEC: ClassVar[Mapping[str, Any]] = {**argument_spec(), **SPEC}
    OPENING = (
        "is taken out now. Its host finishes this by itself, even if this terminal closes or you press Ctrl-C. "
        "The playbook status then shows how far it is, and the same command goes on."
    )
    BEFORE = (LAST_LOOK,)
    whole: Mapping[str, Any] = MappingProxyType(
        {}
    )  # the result with all that is not shown of a failure, for the record

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """As for any of these; and never two servers at once, of which each would be told that the other is well."""
        batch = (task_vars or {}).get("ansible_play_batch", [])
        if len(batch) > 1 and not self._task.check_mode:
            raise AnsibleActionFail(
                f"{len(batch)} servers would be stopped at once: {', '.join(batch)}. Nothing was changed. "
                "Name one host; in a playbook use serial: 1, or raftops.nomad.migrate, which rolls through a cluster."
            )
        result = super().run(tmp, task_vars)
        self._acknowledge(result.pop("untold", ""))
        self.whole = result
        host = (task_vars or {})["inventory_hostname"]
        if self._task.check_mode and result.get("changed"):
            for step in result.get("plan", ()):
                Display().display(f"{host}: would {step}", stderr=True)
        for line in log_end(result):
            Display().display(f"{host}: {line}", stderr=True)
        return result if Display().verbosity >= ALL_SHOWN else short(result)

    def _acknowledge(self, marker: str) -> None:
        """Remove the host's mark of an answer that nobody has got. Where that fails, the next run is told once more."""
        if not marker or is_orphan():
            return
        try:
            self._low_level_execute_command(f"rm -f {shlex.quote(marker)}")
        except Exception as error:  # the connection's own errors have no common class
            Display().vvv(f"the host does not know that its answer has arrived: {error}")

    def statement(self, args: Dict[str, Any]) -> str:
        """What will be done, as the question begins."""
        backend = args.get("backend") or "wal"
        if args.get("state") == "copied":
            return "A Nomad server is stopped, its store is copied, and it is started."
        if args.get("state") == "returned":
            return f"A Nomad server is stopped, taken back from {backend} to the backend it came from, and started."
        return f"A Nomad server is stopped, brought to {backend}, and started."


def log_end(result: Mapping[str, Any]) -> List[str]:
    """The lines to be shown of the agent's log after a failure; none where it was not read or has nothing to say."""
    explains = result.get("step") in OF_THE_AGENT or result.get("again")
    lines = result.get("log_end") if explains else []
    return ["The last lines of its log:", *lines[-LOG_LINES:]] if lines else []


def short(result: Dict[str, Any]) -> Dict[str, Any]:
    """A failure without what says nothing about it; every other result as it is."""
    if not result.get("failed"):
        return result
    return {
        name: value
        for name, value in result.items()
        if name not in NOT_ABOUT_A_FAILURE and (value or name not in ONLY_IF_SET)
    }
