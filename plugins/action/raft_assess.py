# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge on the controller what was measured on all servers, show it, and hand it on. Touches no host."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.raftops.nomad.plugins.module_utils._assess.assessment import assessment, merged
from ansible_collections.raftops.nomad.plugins.modules.raft_assess import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils._files import put
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import options, plain, servers, without_empty
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import say

STATS = "raft_logstore_assessment"


class ActionModule(ActionBase):
    """All of it is decided in module_utils._assess."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The assessment. AnsibleActionFail where its file cannot be written."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        self._task.args = without_empty(self._task.args)
        args = self.validate_argument_spec(argument_spec=SPEC)[1]
        disks = {one["disk"]["id"]: one["disk"] for one in plain(args["disks"]) if "disk" in one}
        costs = {one["cost"]["id"]: one["cost"] for one in plain(args["costs"]) if "cost" in one}
        costs = {name: merged(cost, disks.get(name) or {}) for name, cost in costs.items()}
        found = assessment(servers(args["servers"]), costs, options(args["options"]))
        say(found["lines"])
        kept = {name: value for name, value in found.items() if name != "lines"}
        if args["file"] and not self._task.check_mode:
            _write(os.path.expanduser(args["file"]), kept)
        stats = {"data": {STATS: kept}, "per_host": False, "aggregate": False}
        result.update(changed=False, assessment=found, ansible_stats=stats)
        return result


def _write(path: str, found: Mapping[str, Any]) -> None:
    try:
        put(path, json.dumps(found, indent=2) + "\n", 0o666)
    except OSError as error:
        raise AnsibleActionFail(f"{path} cannot be written (raft_logstore_assess_file): {error.strerror}") from error
