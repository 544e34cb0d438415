# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nomad 2.0.5 left on disk and answered over HTTP when it was recorded (tests/fixtures/nomad-2.0.5)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from support.paths import ANSWERS, STORES

LOG_LINES = STORES.parent / "log_lines.tsv"
STORE_NAMES = sorted(path.stem for path in STORES.glob("*.json"))


def store_facts(name: str) -> Dict[str, Any]:
    """What is known of a store: `backend`, `holes`, `snapshots`; in `oracle` what HashiCorp's libraries said of it."""
    facts: Dict[str, Any] = json.loads((STORES / f"{name}.json").read_text())
    return facts


def unpack_store(name: str, directory: Path) -> Path:
    """Unpack the Raft directory of a stopped server as `directory`/raft, which is returned."""
    subprocess.run(["tar", "-xzf", str(STORES / f"{name}.tar.gz"), "-C", str(directory)], check=True, timeout=60)
    return directory / "raft"


def recording(case: str) -> Dict[str, Any]:
    """An answer and its request: case, request, status, headers, body."""
    content: Dict[str, Any] = json.loads((ANSWERS / f"{case}.json").read_text())
    return content


class LogLine(NamedTuple):
    """An error as Nomad logs it, where its sources write it, and its verdict: store, harmless, unknown or other."""

    verdict: str
    logger: str
    text: str
    place: str


def log_lines() -> List[LogLine]:
    """Every ERROR line of raft and raft-wal, and those of Nomad's server, in the versions of Nomad 2.0.5."""
    lines = LOG_LINES.read_text().splitlines()
    return [LogLine(*line.split("\t")) for line in lines if not line.startswith("#")]
