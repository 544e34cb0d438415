# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""End what a test has started of a fleet. Rolls are in sessions of their own, and outlive whoever has started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import List

from support.cluster.cluster import wait_until


def at_work(place: Path) -> List[int]:
    """The processes whose command lines name something below this directory, a test's own."""
    shown = subprocess.run(["ps", "-ww", "-eo", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in shown.splitlines()]
    return [int(row[0]) for row in rows if len(row) == 3 and f"{place}/" in row[2] and not row[1].startswith("Z")]


def end_all(place: Path) -> None:
    """End these processes: runs, keepers, rolls. Returns when there are none."""

    def none_left() -> bool:
        found = at_work(place)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not found

    wait_until(f"the end of what works in {place}", none_left, 60)
