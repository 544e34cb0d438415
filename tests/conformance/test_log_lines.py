# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of error lines is that of the sources: the judge and the lab are built from the modules that Nomad pins."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.paths import CHECKOUT
from support.recordings import log_lines

ERROR = re.compile(r"(?:ogger|\blog)\.Error\(")
LEFT_OUT = (
    "alice",
    "bench",
    "cmd",
    "integration",
    "fuzzy",
    "testing.go",
    "verifier",
)  # programs, tests, and what Nomad does not use


@pytest.mark.parametrize("module", ["raft", "raft-wal", "raft-boltdb/v2"])
def test_every_error_line_is_listed(module: str) -> None:
    go = subprocess.run([CHECKOUT / "tests/tools/go-path"], capture_output=True, text=True, check=True).stdout.strip()
    asked = [go, "list", "-m", "-f", "{{.Version}} {{.Dir}}", f"github.com/hashicorp/{module}"]
    ran = subprocess.run(asked, cwd=CHECKOUT / "tests/lab", capture_output=True, text=True, check=True)
    version, directory = ran.stdout.split()
    listed = {line.place for line in log_lines() if line.place.startswith(f"{module}@")}
    written = {
        f"{module}@{version}/{path.relative_to(directory)}:{number}"
        for path in Path(directory).rglob("*.go")
        if not path.name.endswith("_test.go") and not set(path.relative_to(directory).parts) & set(LEFT_OUT)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ERROR.search(line)
    }
    assert listed - {f"raft@{version}/log_cache.go:70"} == written  # that one is in the error of another line
