# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what Ansible hands over to plain values, and the mistakes in the role's variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import mistakes

SPEC = {
    "raft_logstore_backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "raft_logstore_port": {"type": "int"},
    "raft_logstore_force": {"type": "bool"},
    "raft_logstore_token": {"type": "str", "no_log": True},
    "raft_logstore_secret": {"type": "int", "no_log": True},
}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"raft_logstore_backend": "bolt"}, "raft_logstore_backend is 'bolt'. Give wal or boltdb."),
        ({"raft_logstore_backend": None}, "raft_logstore_backend is null. Give wal or boltdb."),
        ({"raft_logstore_port": "http"}, "raft_logstore_port is 'http'. Give a whole number."),
        ({"raft_logstore_force": "perhaps"}, "raft_logstore_force is 'perhaps'. Give true or false."),
        (
            {"raft_logstore_secret": "hunter2"},
            "raft_logstore_secret is not what it must be. Give a whole number.",
        ),
    ],
)
def test_a_wrong_type_or_choice_is_one_sentence(given: dict[str, Any], told: str) -> None:
    assert mistakes(SPEC, {**given, "raft_logstore_server": {}}) == f"{told} Nothing was changed."


def test_what_comes_as_text_or_is_not_specified_is_no_mistake() -> None:
    given = {"raft_logstore_port": "4646", "raft_logstore_force": "yes", "raft_logstore_token": "t", "other": {}}
    assert mistakes(SPEC, given) == ""
