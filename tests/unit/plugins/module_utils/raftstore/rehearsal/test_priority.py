# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal gives way to everybody, and the process is then as it was."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import os
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.priority import lowered
with lowered():
    child = os.fork()
    if not child:
        os._exit(os.getpriority(os.PRIO_PROCESS, 0))
    inside = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if hasattr(os, "waitstatus_to_exitcode") else 19
    print(os.getpriority(os.PRIO_PROCESS, 0), inside)
print(os.getpriority(os.PRIO_PROCESS, 0) == {before})
"""


def test_all_processes_of_a_rehearsal_have_the_lowest_priority() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    code = CODE.format(before=before)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert told.stdout.split() == ["19", "19", str(os.geteuid() == 0 or before == 19)]
