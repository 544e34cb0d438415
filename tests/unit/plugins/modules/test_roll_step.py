# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module file is documentation; run by itself, past its action plugin, it says so."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.modules import roll_step


def test_without_its_action_it_fails_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({"step": "look"}), pytest.raises(SystemExit) as end:
        roll_step.main()
    result = json.loads(capsys.readouterr().out)
    assert end.value.code == 1 and result["failed"] is True and "works on the controller" in result["msg"]


def test_it_documents_every_option_as_it_is_and_what_every_step_is_for() -> None:
    documented = yaml.safe_load(roll_step.DOCUMENTATION)["options"]
    for name, option in roll_step.SPEC.items():
        said = {what: documented[name][what] for what in option if what != "no_log"}
        assert said == {what: option[what] for what in option if what != "no_log"}, name
    assert set(documented) == set(roll_step.SPEC)
    text = " ".join(documented["step"]["description"])
    assert [step for step in roll_step.STEPS if f"V({step})" not in text] == []


def test_it_documents_what_every_step_returns() -> None:
    assert set(yaml.safe_load(roll_step.RETURN)) == {"server", "lines", "record", "did", "doing"}
