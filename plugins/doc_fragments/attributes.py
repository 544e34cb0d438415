# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the attributes that the modules of this collection declare."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would change without changing it.
  diff_mode:
    description: Returns in diff mode what has changed, or would change in C(check_mode).
  platform:
    description: The systems on which the module runs.
    support: full
    platforms: linux
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would change without changing it.
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    description: Returns in diff mode what has changed, or would change in C(check_mode).
    support: N/A
    details:
      - This module changes nothing.
  platform:
    description: The systems on which the module runs.
    support: full
    platforms: linux
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/raftops.nomad.nomad) in C(module_defaults) to give all modules of the group the same
      connection options.
    support: full
    membership:
      - raftops.nomad.nomad
"""
