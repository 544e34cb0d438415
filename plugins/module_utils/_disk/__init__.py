# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories, changed so that a power cut loses nothing, in places where an unprivileged user may write.

The only code that changes files on a server, but for the progress file (progress.py). Imports nothing else of the
collection. Knows nothing of what is in a store, and of Nomad only what several packages share: the directories above
a Raft directory, the size of a segment, an operator's way out when a store is lost. Open durable.py first.
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
