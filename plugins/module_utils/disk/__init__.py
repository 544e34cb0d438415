# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories, changed so that a power cut loses nothing, in places where an unprivileged user may write.

The only code that changes files. Knows neither Raft nor Nomad and imports nothing of the collection. Open durable.py
first.
"""

from __future__ import annotations

__all__ = ["attributes", "datadir", "durable", "errors", "mounts", "places", "plainjson", "syscalls"]
