# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories, changed so that a power cut loses nothing, in places where an unprivileged user may write.

The only code that changes files. Imports nothing of the collection. Knows nothing of Raft, and of Nomad only what both
halves need: the directories above a Raft directory, and the size of a segment. Open durable.py first.
"""

from __future__ import annotations

__all__ = [
    "attributes",
    "datadir",
    "durable",
    "errors",
    "freename",
    "mounts",
    "places",
    "plainjson",
    "reading",
    "segmentsize",
    "syscalls",
]
