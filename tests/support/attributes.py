# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts and the attributes of chattr(1) for the time of a test. Root's work."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.lacking import lacks


@contextmanager
def mounted(*arguments: str | Path) -> Iterator[None]:
    """Something mounted, as mount(8) is told; the last argument is where."""
    subprocess.run(["mount", *arguments], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", arguments[-1]], check=True)


@contextmanager
def attribute(letter: str, path: Path) -> Iterator[None]:
    """A file or directory with this attribute, where the file system has it and we may set it."""
    tried = subprocess.run(["chattr", f"+{letter}", path], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        lacks(f"no chattr +{letter} here: {tried.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", f"-{letter}", path], check=True)
