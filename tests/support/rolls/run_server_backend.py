# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module server_backend as a program, with its arguments as JSON: a process that can be killed."""

from __future__ import annotations

import json
import sys

from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.modules import server_backend

if __name__ == "__main__":
    with patch_module_args(json.loads(sys.argv[1])):
        server_backend.main()
