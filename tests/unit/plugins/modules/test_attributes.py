# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module says of itself in its attributes is what its code and its action plugin do."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
from typing import Any

import pytest
import yaml
from support.paths import BUILD, CHECKOUT, PLUGINS
from support.rolls.playbooks import tool

MODULES = sorted((PLUGINS / "modules").glob("*.py"))
NAMES = [path.stem for path in MODULES]
ALWAYS = {"action", "async", "check_mode", "diff_mode", "facts", "idempotent", "platform"}
SUPPORT = {False: "none", True: "full"}
IN_GROUP = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["action_groups"]["nomad"]


@pytest.fixture(scope="module")
def documented() -> dict[str, dict[str, Any]]:
    """The documentation of each module as Ansible puts it together with its fragments."""
    names = [f"raftops.nomad.{name}" for name in NAMES]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD),
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
    }
    told = subprocess.run(
        [tool("ansible-doc"), "--json", "-t", "module", *names],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.rsplit(".", 1)[1]: page for name, page in json.loads(told.stdout).items()}


def action_of(name: str) -> Any:
    """The class of the action plugin that has the name of a module, None where there is none."""
    if not (PLUGINS / f"action/{name}.py").exists():
        return None
    return importlib.import_module(f"ansible_collections.raftops.nomad.plugins.action.{name}").ActionModule


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_what_it_supports(name: str, documented: dict[str, dict[str, Any]]) -> None:
    page, code, action = documented[name], (PLUGINS / f"modules/{name}.py").read_text(), action_of(name)
    said = {attribute: about["support"] for attribute, about in page["doc"]["attributes"].items()}
    assert set(said) == ALWAYS | ({"action_group"} if name in IN_GROUP else set())
    assert said["action"] == SUPPORT[action is not None]
    assert said["async"] == SUPPORT[action is None or action._supports_async]
    assert said["check_mode"] == SUPPORT["supports_check_mode=True" in code or action._supports_check_mode]
    assert said["facts"] == SUPPORT["ansible_facts" in (page["return"] or {})]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_module_says_of_changes(name: str, documented: dict[str, dict[str, Any]]) -> None:
    """What only looks can be repeated; what cannot be says why. A difference is shown where diff mode is supported."""
    about = documented[name]["doc"]["attributes"]
    files = [path for path in (PLUGINS / f"modules/{name}.py", PLUGINS / f"action/{name}.py") if path.exists()]
    files += [PLUGINS / "plugin_utils/_steps/modules.py"] if name == "roll_step" else []  # it runs others
    code = "".join(re.sub(r'r""".*?"""', "", path.read_text(), flags=re.S) for path in files)
    assert (about["diff_mode"]["support"] == "full") == ("diff" in code)
    assert about["idempotent"]["support"] == "full" or about["idempotent"]["details"]
    if name == "raft_write_check":
        assert about["idempotent"]["support"] == "partial", "each run writes an entry"
    if name.endswith("_info"):
        assert (about["idempotent"]["support"], about["diff_mode"]["support"]) == ("full", "N/A")
