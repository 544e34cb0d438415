# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of `snapshot_save`: show how much of the snapshot has come."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.plugin_utils._waiting import WaitingAction


class ActionModule(WaitingAction):
    """All of it is shared."""
