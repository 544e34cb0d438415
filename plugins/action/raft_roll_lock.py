# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep two rolls of one controller apart. Touches no host."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.raftops.nomad.plugins.plugin_utils._rolls import ansible, begin


class ActionModule(ActionBase):
    """Fails while another run on this controller rolls one of the same servers."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Whether this run now keeps others out; AnsibleActionFail when it is kept out itself."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            argument_spec={"servers": {"type": "list", "elements": "str", "required": True}}
        )[1]
        keeps = not self._task.check_mode
        begin(ansible(), sorted(args["servers"]), keeps)
        result.update(changed=False, locked=keeps)
        return result
