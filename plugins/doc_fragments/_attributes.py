# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the attributes that the modules of this collection declare. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    # A module names those in which it differs. test_attributes.py among its unit tests compares them with the code.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would change without changing it.
  diff_mode:
    description: Returns in diff mode what has changed, or would change in C(check_mode).
  idempotent:
    description:
      - A second run with the same arguments, outside check mode, changes nothing.
      - This assumes that nothing else has changed the server or the cluster meanwhile.
    support: full
  action:
    description: A plugin of the same name runs on the controller.
    support: none
  async:
    description: Can be used with the keyword C(async).
    support: full
  facts:
    description: Returns C(ansible_facts) that are added to those of the host.
    support: none
  platform:
    description: The systems on which the module runs.
    support: full
    platforms: linux
"""

    # A module that names this also names the first one after it: of two that say something, the earlier is right.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    support: full
    details:
      - This module changes nothing.
"""

    # Likewise, with INFO between the two.
    CONTROLLER = r"""
options: {}
attributes:
  action:
    support: full
    details:
      - It does all the work. Nothing is run on the target.
  async:
    support: none
  platform:
    support: full
    platforms: posix
    details:
      - Nothing is run on the target.
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
