# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md: every message that it lists is one that a test makes happen, in these words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
MESSAGES = re.findall(r"(?m)^\| `([^`]+)` \|", PAGE)
TESTS = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
ASSERTED = "\n".join(path.read_text() for path in TESTS)


def test_the_page_lists_messages() -> None:
    assert len(MESSAGES) > 25


@pytest.mark.parametrize("message", MESSAGES)
def test_a_test_asserts_the_message(message: str) -> None:
    assert message in ASSERTED
