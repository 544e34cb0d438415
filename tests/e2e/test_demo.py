# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration stops what it has started. What it shows it checks itself, in `make demo`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from e2e import demo
from support.rolls import playbooks

DEAF = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); print(end='x', flush=True); sys.stdin.read()"


def test_a_playbook_that_does_not_end_at_ctrl_c_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "END_LIMIT_S", 0.2)
    child = subprocess.Popen([sys.executable, "-c", DEAF], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.read(1) == b"x"
    demo.end(child)
    assert child.returncode == -9


def test_a_playbook_that_takes_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PLAYBOOK_LIMIT_S", 0.2)
    monkeypatch.setattr(demo, "END_LIMIT_S", 0.2)
    monkeypatch.setattr(playbooks, "command", lambda *_: [sys.executable, "-c", "import time; time.sleep(60)"])
    assert demo.play("migrate", Path("inventory")) == 1
