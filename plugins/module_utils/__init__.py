# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules are made of: `disk` and `raftstore` for the bytes, `agent` for a running Nomad, `roll` to decide.

`raftstore` and `agent` are built on `disk` and know nothing of each other; `server` joins them. The files here join
modules to Ansible. docs/architecture.md has the map. Open _raftstore/migrate.py first.

Private to the collection: all of it may change in any version.
"""

from __future__ import annotations

__all__ = ["_arguments", "_progress", "_results"]
