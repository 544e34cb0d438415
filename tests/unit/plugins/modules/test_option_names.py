# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where modules call an option differently, each takes the other's name too. Examples can be run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.paths import CHECKOUT

MODULES = sorted((CHECKOUT / "plugins/modules").glob("*.py"))


def block(module: Path, name: str) -> Any:
    text = module.read_text()
    found = re.search(rf'{name} = r"""(.*?)"""', text, re.S)
    assert found, name
    return yaml.safe_load(found[1])


def options(module: Path) -> dict[str, set[str]]:
    """Each option with all its names."""
    found = (block(module, "DOCUMENTATION").get("options") or {}).items()
    return {name: {name, *about.get("aliases", [])} for name, about in found}


@pytest.mark.parametrize("module, names", [
    ("raft_logstore_config", {"path": "config_path", "file": "config_file"}),
    ("agent_service", {"manager": "service_manager", "name": "service_name"}),
    ("agent_log_check", {"unit": "service_name", "file": "log_file", "command": "status_command"}),
    ("server_info", {"service_manager": "manager", "service_name": "name"}),
    ("server_backend", {"service_manager": "manager", "service_name": "name"}),
    ("raft_store_info", {"data_dir": "path"}),
    ("raft_backup_remove", {"data_dir": "path"}),
    ("raft_migrate_backend", {"data_dir": "path"}),
])  # fmt: skip
def test_an_option_has_the_name_that_other_modules_give_it(module: str, names: dict[str, str]) -> None:
    known = options(CHECKOUT / f"plugins/modules/{module}.py")
    assert {name: known[name] for name in names} == {name: {name, other} for name, other in names.items()}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_examples_use_only_what_they_have_registered(module: Path) -> None:
    """Or variables of the role, and those that every play has."""
    tasks = block(module, "EXAMPLES")
    known = {"inventory_hostname", "hostvars", "groups", "item", "lookup", "raft_logstore_force", "servers"}
    for task in tasks:
        text = yaml.safe_dump({name: value for name, value in task.items() if name != "register"})
        used = {
            name for inside in re.findall(r"{{(.*?)}}", text, re.S) for name in re.findall(r"^\s*([a-z_]+)", inside)
        }
        assert used <= known, used - known
        known.add(task.get("register", ""))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_examples_use_options_that_there_are(module: Path) -> None:
    own = set().union(*options(module).values())
    for task in block(module, "EXAMPLES"):
        given = task.get(f"raftops.nomad.{module.stem}") or {}
        connection = {"host", "port", "use_ssl", "token", "ca_path", "client_cert", "client_key", "timeout", "region"}
        assert set(given) <= own | connection | {"validate_certs", "tls_server_name"}, task["name"]
