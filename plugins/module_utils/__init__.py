# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules are made of: `disk` and `raftstore` for the bytes, `agent` for a running Nomad, `roll` to decide.

`raftstore` and `agent` are built on `disk` and know nothing of each other; `server` joins them. The two files here join
a module on stores to Ansible. docs/architecture.md has the map. Open raftstore/migrate.py first.
"""

from __future__ import annotations

__all__ = ["progress", "results"]
