# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that looks like an agent: Nomad's command line, and if wanted a store open. It answers nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = """\
import os, sys, time
store = os.environ.get("TEST_STORE")
file = open(store) if store else None
print(flush=True)
time.sleep(60)
"""


@contextmanager
def running_agent(folder: Path, *arguments: str, store: Path | None = None, **environment: str) -> Iterator[int]:
    """A Python that runs the script `agent` in this folder, so that it is called `nomad agent ...`. Its PID."""
    (folder / "agent").write_text(SCRIPT)
    if store is not None:
        environment["TEST_STORE"] = str(store)
    child = subprocess.Popen(
        ["nomad", "agent", *arguments],
        executable=sys.executable,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None and child.stdout.readline()
        yield child.pid
        child.kill()
