# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module file is documentation; run by itself, past its action plugin, it says so."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.modules import raft_fleet_report


def test_without_its_action_it_fails_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({}), pytest.raises(SystemExit) as end:
        raft_fleet_report.main()
    result = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert result["failed"] is True
    assert "on the controller" in result["msg"]
