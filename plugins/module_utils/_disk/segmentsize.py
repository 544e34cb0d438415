# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sizes that the segments of a WAL may have, for the configuration and the conversion alike. Pure.

Both halves of the collection need it, and neither may ask the other.
"""

from __future__ import annotations

# In MiB, which Nomad calls MB. 2048 and more exceed what raft-wal can address (fs/fs.go); 0 and less mean the default.
SEGMENT_MIB = range(1, 2048)
DEFAULT_SEGMENT_MIB = 64
SEGMENT_SIZES = f"{SEGMENT_MIB[0]} to {SEGMENT_MIB[-1]}"
