# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a roll on the controller, from what was read on all servers; see that it may begin, and ask."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Dict, Optional

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._roll.wish.engine import Engine, refusal
from ansible_collections.raftops.nomad.plugins.modules.roll_plan import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import options, plain, servers, without_empty
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import recording
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Modules, Stopped
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.planning import Asking, make_plan, to_copy

ALL_SHOWN = 3  # the verbosity from which on a failure has the plan as well
OF_A_FAILURE = ("gate", "record", "refused")


class ActionModule(ActionBase):
    """What it does is in plugin_utils._steps, what it decides in module_utils._roll."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The plan, or the first thing that prevents it. AnsibleActionFail where Ansible would not keep to one."""
        told = refusal(self._engine())
        if told:  # not as a gate: where errors are ignored, nobody would stop at one, and without a queue all stop
            raise AnsibleActionFail(told)
        result: Dict[str, Any] = super().run(tmp, task_vars)
        if isinstance(self._task.args.get("options"), Mapping):
            self._task.args = dict(self._task.args, options=without_empty(self._task.args["options"]))
        args = self.validate_argument_spec(argument_spec=SPEC)[1]
        found: Dict[str, Any] = {}
        asking, wanted, read = Asking(args["force"], args["confirm_timeout"]), options(args["options"]), args["servers"]
        connection, host = plain(args["connection"]), (task_vars or {}).get("inventory_hostname", "")
        secrets = [connection.get("token") or ""]
        found["record"], record = recording.begun(wanted, args["group"], host, time.time(), secrets)
        recording.latency(record, plain(read), "before")
        run = Modules(self, task_vars or {}, connection, record)
        try:
            wanted = to_copy(servers(read), wanted, args["needing"])
            make_plan(run, servers(read), wanted, asking, found)
            recording.planned(record, found, servers(read))
        except Stopped as stopped:
            recording.planned(record, found, servers(read))
            recording.refused(record, stopped.message)
            found = {**short(found), **stopped.outcome()}
        result.update(found, **run.outcome())
        return result

    def _engine(self) -> Engine:
        """How Ansible runs this task, and so those around it."""
        said, task = context.CLIARGS, self._task
        return Engine(
            timeout_s=task.timeout or 0,
            ignores=tuple(name for name in ("ignore_errors", "ignore_unreachable") if getattr(task, name)),
            start_at=said.get("start_at_task") or "",
            step=bool(said.get("step")),
        )


def short(found: Dict[str, Any]) -> Dict[str, Any]:
    """What a failure has of the plan. Ansible prints all of a failure, and the plan was shown right above."""
    if Display().verbosity >= ALL_SHOWN:
        return found
    return {name: found[name] for name in OF_A_FAILURE if found.get(name)}
