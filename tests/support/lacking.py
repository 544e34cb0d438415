# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test needs and a machine may lack: the test is left out there, but in CI, which has to have it, it fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacks(why: str) -> NoReturn:
    """End this test: it is skipped, and with CI in the environment it fails."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
