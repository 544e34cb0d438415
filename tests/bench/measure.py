# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a process and say how long it took and how much memory it and all below it had at most."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SAMPLE_S = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


class Measured(NamedTuple):
    """`peak` is the largest sum of resident memory of the process tree at one time, in bytes; shared pages count
    once for each process."""

    seconds: float
    cpu: float
    peak: int
    output: str


def run(command: Sequence[str]) -> Measured:
    """Run to the end. Raises CalledProcessError when it fails."""
    before = os.times()
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _tree(process.pid))
        time.sleep(SAMPLE_S)
    seconds = time.perf_counter() - started
    output, errors = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output, errors)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(seconds, cpu, peak, output)


def _tree(pid: int) -> int:
    """Resident bytes of a process and its children; a process that is just ending has none."""
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return resident + sum(_tree(int(child)) for child in children)


def forget(path: Path) -> None:
    """Take the content of a file, or of the files in a directory, out of the page cache."""
    for file in [path, *path.iterdir()] if path.is_dir() else [path]:
        fd = os.open(file, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def remember(path: Path) -> None:
    """Read it once, so that it is in the page cache."""
    for file in path.iterdir() if path.is_dir() else [path]:
        with open(file, "rb") as content:
            while content.read(1 << 20):
                pass


def machine() -> str:
    """This machine in one line."""
    cpu = next(line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
               if line.startswith("model name"))  # fmt: skip
    memory = int(Path("/proc/meminfo").read_text().split()[1]) >> 20
    load = os.getloadavg()[0]
    return f"{cpu}, {os.cpu_count()} cores, {memory} GB, Linux {os.uname().release}, load {load:.1f}"
