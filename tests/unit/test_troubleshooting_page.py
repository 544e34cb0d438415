# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md: every message that it lists is one that a test makes happen, in these words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.paths import DOCS, TESTS

PAGE = (DOCS / "troubleshooting.md").read_text()
MESSAGES = re.findall(r"(?m)^\| `([^`]+)` \|", PAGE)
ASSERTED = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__))


def test_the_page_lists_messages() -> None:
    assert len(MESSAGES) > 25


@pytest.mark.parametrize("message", MESSAGES)
def test_a_test_asserts_the_message(message: str) -> None:
    assert message in ASSERTED
