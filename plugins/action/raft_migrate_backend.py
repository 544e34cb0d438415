# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a conversion: ask once for all hosts, run the module, show how far it is."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.raftops.nomad.plugins.modules.raft_migrate_backend import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils._asking import AskingAction


class ActionModule(AskingAction):
    """Runs the module of the same name; everything about stores is decided there."""

    NAME = "raft_migrate_backend"
    SPEC = SPEC

    def in_the_way(self, found: Dict[str, Any]) -> str:
        """Check mode also looks at a store in use, whose entries it does not read."""
        in_use = found.get("changed") and "entries" in found and found["entries"] is None
        return "The store of this server is in use. Stop its agent first." if in_use else ""

    def statement(self, args: Dict[str, Any]) -> str:
        """What will be done, as the question begins."""
        return f"The Raft log store of a stopped Nomad server is converted to {args.get('backend', 'wal')}."
