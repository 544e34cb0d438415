# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason is a sentence with a path and a remedy, also when little is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils.disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.conversion import refusals
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.directory.observe import Found


@pytest.mark.parametrize("number", [*sorted(refusals.REASONS), 0, 99])
def test_every_reason_stands_by_itself(number: int, tmp_path: Path) -> None:
    found = Found(Directory.open(str(tmp_path)), False)
    error = refusals.refusal(number, found)
    assert isinstance(error, StoreError)
    assert error.path.startswith(str(tmp_path)) and error.what and error.hint
    assert "None" not in str(error)
