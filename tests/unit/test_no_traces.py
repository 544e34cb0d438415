# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published says nothing of where and how it was made."""

from __future__ import annotations

import re
import subprocess

from support.paths import CHECKOUT


def test_nothing_names_a_machine() -> None:
    """No path of a developer's machine, no registry host, nothing unfinished in what git tracks."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    ).stdout.split()
    pattern = re.compile(r"/(?:work|root)/|\bpyenv/versions|\b(?:TODO|FIXME|XXX)\b|//[a-z.]*(?:pypi|golang|debian)\.")
    assert tracked
    for name in tracked:
        path = CHECKOUT / name
        if (
            path.suffix in {".gz", ".tgz", ".sum", ".json", ".svg"}
            or name == "tests/unit/test_no_traces.py"
            or not path.is_file()
        ):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            assert not pattern.search(line), f"{name}:{number}: {line.strip()[:100]}"
