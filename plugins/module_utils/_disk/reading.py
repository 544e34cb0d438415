# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a regular file of an open directory: held open for a block, or its first bytes at once."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

from .durable import Directory, read_exact


@contextmanager
def reading(directory: Directory, name: str) -> Iterator[int]:
    """The descriptor of a regular file, open for reading in the block. Raises Refused for anything else."""
    fd = directory.open_read(name)
    try:
        yield fd
    finally:
        os.close(fd)


def read_head(directory: Directory, name: str, length: int) -> bytes:
    """The first bytes of a regular file: at most so many, fewer of a shorter one. Raises StoreError."""
    with reading(directory, name) as fd:
        return read_exact(fd, min(os.fstat(fd).st_size, length), 0, directory.path_of(name))
