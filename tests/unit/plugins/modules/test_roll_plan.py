# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module file is documentation; run by itself, past its action plugin, it says so."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import Plan
from ansible_collections.raftops.nomad.plugins.modules import roll_plan


def test_without_its_action_it_fails_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({"servers": []}), pytest.raises(SystemExit) as end:
        roll_plan.main()
    result = json.loads(capsys.readouterr().out)
    assert end.value.code == 1
    assert result["failed"] is True
    assert "works on the controller" in result["msg"]


def test_it_documents_every_option_with_its_default_and_every_result() -> None:
    documented = yaml.safe_load(roll_plan.DOCUMENTATION)["options"]["options"]["suboptions"]
    assert {name: option["default"] for name, option in documented.items()} == {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in Options()._asdict().items()
        if name != "unusable_hooks"  # found on the controller
    }
    assert set(yaml.safe_load(roll_plan.RETURN)) == {*Plan._fields, "record", "did", "msg", "doing"}
