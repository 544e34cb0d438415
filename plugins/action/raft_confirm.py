# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask once, for the whole cluster. Touches no host."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.raftops.nomad.plugins.plugin_utils._confirm import TIMEOUT_S, confirm_once


class ActionModule(ActionBase):
    """Fails unless a person answers 'yes' or `force` is set."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Whether somebody was asked; AnsibleActionFail when nobody has confirmed."""
        task_vars = task_vars or {}
        result: Dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            argument_spec={
                "msg": {"type": "str", "required": True},
                "hosts": {"type": "list", "elements": "str"},
                "force": {"type": "bool", "default": False},
                "timeout": {"type": "int", "default": TIMEOUT_S},
            }
        )[1]
        result.update(changed=False, asked=not (args["force"] or self._task.check_mode))
        if result["asked"]:
            hosts = args["hosts"] or task_vars["ansible_play_hosts_all"]
            confirm_once(self._task._uuid, args["msg"], hosts, args["timeout"])
        return result
