# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module raft_migrate_backend as a program, with its arguments as JSON: this is what strace runs.

With a second argument the conversion is run through a recording seam instead, whose changes are printed.
"""

from __future__ import annotations

import json
import sys

from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore import migrate
from ansible_collections.raftops.nomad.plugins.modules import raft_migrate_backend
from support.conversions.seams import Counting

if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    if len(sys.argv) > 2:
        calls = Counting()
        calls.begin()
        migrate.migrate(migrate.Request(**arguments), calls)
        print(json.dumps([change.name for change in calls.changes()]))
    else:
        with patch_module_args(arguments):
            raft_migrate_backend.main()
