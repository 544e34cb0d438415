# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are "" or null are not given: types, defaults and fallbacks see nothing of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.basic import env_fallback
from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module

SPEC = {
    "size": {"type": "int", "default": 64},
    "flag": {"type": "bool"},
    "kind": {"type": "str", "choices": ["a", "b"], "default": "a"},
    "paths": {"type": "list", "elements": "path"},
    "token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["TEST_TOKEN"])},
}


def params(**arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments):
        return dict(Module(argument_spec=SPEC).params)


@pytest.mark.parametrize("nothing", ["", None])
def test_nothing_is_not_given(nothing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TOKEN", "from the environment")
    found = params(**dict.fromkeys(SPEC, nothing))
    assert found == {"size": 64, "flag": None, "kind": "a", "paths": None, "token": "from the environment"}


def test_what_is_given_stays() -> None:
    found = params(size="0", flag=False, kind="b", paths="", token="t")
    assert (found["size"], found["flag"], found["kind"], found["paths"], found["token"]) == (0, False, "b", None, "t")
