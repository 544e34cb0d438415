# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file says in its first lines whose it is and what its licence is, or REUSE.toml does.

`make release-check` asks the reuse tool itself.
"""

from __future__ import annotations

import subprocess
from fnmatch import fnmatch

import pytest
import tomllib
from support.paths import CHECKOUT

# REUSE-IgnoreStart
LINES = ("Copyright (c) raftops.nomad contributors", "SPDX-License-Identifier: GPL-3.0-or-later")
# REUSE-IgnoreEnd
(ANNOTATION,) = tomllib.loads((CHECKOUT / "REUSE.toml").read_text())["annotations"]
TRACKED = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split()
NAMES = [
    name
    for name in TRACKED
    if name not in ("LICENSE", "LICENSES/GPL-3.0-or-later.txt")
    and not any(fnmatch(name, pattern.replace("**/", "*").replace("**", "*")) for pattern in ANNOTATION["path"])
]


@pytest.mark.parametrize("name", NAMES)
def test_the_head_of_a_file(name: str) -> None:
    path = CHECKOUT / name
    if not path.exists() or path.stat().st_size == 0:
        return
    head = [line.strip("#/<>!-.* ") for line in path.read_text().splitlines()[:5]]
    assert [line for line in LINES if line not in head] == []
