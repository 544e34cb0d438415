# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module's real main() with arguments, as Ansible would, and gives back what it printed."""

from __future__ import annotations

import contextlib
import io
import json
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args


def run(module: ModuleType, **arguments: Any) -> dict[str, Any]:
    """The result of the module. `check_mode` and `diff` set the modes."""
    modes = {f"_ansible_{name}": arguments.pop(name) for name in ("check_mode", "diff") if name in arguments}
    printed = io.StringIO()
    arguments.update(modes)
    with patch_module_args(arguments), contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as end:
        module.main()
    result: dict[str, Any] = json.loads(printed.getvalue())
    assert bool(end.value.code) is bool(result.get("failed"))
    for name in ("invocation", "warnings", "deprecations"):  # Ansible keeps warnings for the life of a process
        result.pop(name, None)
    return result


def documented(module: ModuleType) -> set[str]:
    """The names in the module's RETURN."""
    return set(yaml.safe_load(module.RETURN))
