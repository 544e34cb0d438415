# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a form gives where nobody has answered, "" or null: not given, or refused by name. For every public variable.

Read from the role's own specification, so that a new variable is among them.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import options
from support.paths import CHECKOUT, ROLE
from support.rolls import playbooks
from support.rolls.roletext import TASKS, parsed

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": playbooks.HOST_PYTHON}
SPECIFIED: dict[str, dict[str, Any]] = parsed(ROLE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
NOTHING = [(name, value) for name in SPECIFIED for value in ("", None)]
# How the role hands them on. The last ones are what it gives to single tasks.
HANDED_ON = {
    "connection": "__raft_logstore_connection",
    "options": "__raft_logstore_options",
    "agent": "__raft_logstore_agent",
    "group": "__raft_logstore_group",
    "hosts": "__raft_logstore_hosts",
}
ON_CONTROLLER = {"raft_confirm", "raft_roll_lock", "roll_plan", "roll_step", "raft_assess"}
ON_CONTROLLER |= {"raft_fleet_confirm", "raft_fleet_report", "raft_fleet_roll"}


def refused(name: str, value: Any) -> list[str]:
    """What Ansible says of this value before the first task of the role."""
    return list(ArgumentSpecValidator({name: SPECIFIED[name]}).validate({name: value}).error_messages)


PASSED = [(name, value) for name, value in NOTHING if not refused(name, value)]


def test_what_is_refused_is_refused_by_name() -> None:
    told = [(name, refused(name, value)) for name, value in NOTHING if (name, value) not in PASSED]
    assert all(len(said) == 1 and name in said[0] for name, said in told)
    assert {"raft_logstore_wait_timeout", "raft_logstore_backend"} < {name for name, _said in told}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the role hands on, by host: `plain`, to which nothing was given, and one for each empty variable."""
    root = tmp_path_factory.mktemp("empty")
    hosts = {f"{name}-{value is None}": {name: value} for name, value in PASSED}
    inventory, playbook, found = root / "inventory.yml", root / "play.yml", root / "found.json"
    group = {"hosts": {"plain": {}, **hosts}, "vars": {**LOCAL, **parsed(ROLE / "defaults/main.yml")}}
    inventory.write_text(yaml.safe_dump({"nomad_servers": group}))
    keep = {name: f"{{{{ {expression} }}}}" for name, expression in HANDED_ON.items()}
    content = (
        "{{ dict(groups.nomad_servers | zip(groups.nomad_servers | map('extract', hostvars, 'kept'))) | to_json }}"
    )
    play = {
        "hosts": "nomad_servers",
        "gather_facts": False,
        "vars_files": [*map(str, sorted((ROLE / "vars/main").glob("*.yml")))],
        "tasks": [
            {"ansible.builtin.set_fact": {"kept": keep}},
            {"ansible.builtin.copy": {"content": content, "dest": str(found), "mode": "0600"}, "run_once": True},
        ],
    }
    playbook.write_text(yaml.safe_dump([play]))
    run = playbooks.run(str(playbook), inventory, "--forks", "2")
    assert run.returncode == 0, run.stdout
    return dict(json.loads(found.read_text()))


def given(values: Any) -> Any:
    """As a module has them."""
    if not isinstance(values, dict):
        return values
    return {name: value for name, value in values.items() if value not in (None, "")}


@pytest.mark.parametrize(("name", "value"), PASSED)
def test_what_is_not_refused_is_not_given(rendered: dict[str, dict[str, Any]], name: str, value: Any) -> None:
    plain, kept = rendered["plain"], rendered[f"{name}-{value is None}"]
    defaulted = {name.removeprefix("raft_logstore_")} if "default" in SPECIFIED[name] else set()
    for what in HANDED_ON:
        expected = given(plain[what])
        if isinstance(expected, dict):
            expected = {one: known for one, known in expected.items() if one not in defaulted}
        assert given(kept[what]) == expected, what
    assert options(kept["options"]).snapshot_dest == options(plain["options"]).snapshot_dest
    assert kept["connection"] == plain["connection"] and "host" not in plain["connection"]


def test_a_task_names_no_variable_that_may_be_empty_there() -> None:
    named = {name for path in TASKS for name in re.findall(r"\braft_logstore_[a-z_]+", path.read_text())}
    assert named & {name for name, _value in PASSED} == {"raft_logstore_assess_file"} and "raft_logstore_force" in named


MODULES = {path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py")} - ON_CONTROLLER


@pytest.mark.parametrize("name", sorted(MODULES))
def test_an_empty_option_of_a_module_is_not_given(name: str) -> None:
    """Whatever its type is: test_arguments.py. One that is needed is missed by its name."""
    module = importlib.import_module(f"ansible_collections.raftops.nomad.plugins.modules.{name}")
    assert module.Module is Module
    text = Path(module.__file__).read_text()
    assert text.count(" = Module(") == 1 and "AnsibleModule" not in text


@pytest.mark.parametrize("nothing", ["", None])
def test_the_connection_is_then_the_default_one(nothing: Any) -> None:
    spec = argument_spec()
    with patch_module_args(dict.fromkeys(spec, nothing)):
        found = dict(Module(argument_spec=spec).params)
    with patch_module_args({}):
        assert found == Module(argument_spec=argument_spec()).params
