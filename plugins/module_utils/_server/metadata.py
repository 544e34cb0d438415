# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Nomad newer than those known keeps the metadata of its WAL, as far as its own program says. Reads only.

hashicorp/nomad pull request 27908 puts it into wal-meta.json, and such a Nomad refuses a WAL that has wal-meta.db. Its
API does not say so, and its version is not known yet. But a Go program has the names of its files in it, as they are.
"""

from __future__ import annotations

import mmap
import os
from contextlib import closing

from .._disk.durable import Directory
from .._disk.errors import StoreError
from .._disk.reading import reading
from .._raftstore.base.names import WAL_META_LATER


def is_later(program: str) -> bool:
    """Whether the program knows the later file; False of one that cannot be read, which is said elsewhere."""
    folder, name = os.path.split(os.path.realpath(program))
    try:
        with closing(Directory.open(folder)) as directory, reading(directory, name) as fd:
            if not os.fstat(fd).st_size:
                return False
            with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as text:
                return text.find(WAL_META_LATER.encode("ascii")) >= 0
    except (StoreError, OSError):
        return False
