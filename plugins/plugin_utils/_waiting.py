# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a module that asks nothing: run it, and show how far it is or, later, what it waits for."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Dict, Optional

from ansible.plugins.action.normal import ActionModule as Normal
from ansible_collections.raftops.nomad.plugins.plugin_utils._progress import WAIT_S, ProgressLines


class WaitingAction(Normal):
    """Runs the module of the same name, as Ansible runs one without an action, and looks at its progress file."""

    # Below /tmp, not /run: who only asks an API need not be root. The module refuses a name that is there.
    PROGRESS: ClassVar[str] = "/tmp/raftops.nomad-wait"
    FIRST_S: ClassVar[float] = WAIT_S

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The module's result."""
        if self._task.check_mode or self._task.async_val:
            return self._result(tmp, task_vars)
        path = self._task.args.get("progress_file") or f"{self.PROGRESS}-{uuid.uuid4().hex}"
        self._task.args = {**self._task.args, "progress_file": path}
        host = (task_vars or {})["inventory_hostname"]
        where = f"{host} -> {self._task.delegate_to}" if self._task.delegate_to else host
        with ProgressLines(self, where, path, self.FIRST_S):
            return self._result(tmp, task_vars)

    def _result(self, tmp: Optional[str], task_vars: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        return result
