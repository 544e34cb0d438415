# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Ansible no roll may be begun under: each setting is named, with what to do."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.wish.engine import Engine, refusal


def test_ansible_as_it_is_by_default_is_no_reason() -> None:
    assert refusal(Engine()) == ""


@pytest.mark.parametrize(
    ("engine", "told", "remedy"),
    [
        (Engine(timeout_s=8), "Each task would be cut after 8 s (task_timeout in ansible.cfg", "Set timeout: 0 on the"),
        (Engine(ignores=("ignore_errors",)), "ignore_errors is set around this role", "Remove it from the play."),
        (
            Engine(ignores=("ignore_errors", "ignore_unreachable")),
            "ignore_errors and ignore_unreachable is set around this role",
            "Remove it from the play.",
        ),
        (Engine(start_at="Plan*"), "--start-at-task=Plan* leaves out what comes before", "Run this without it"),
        (Engine(step=True), "--step can leave out a gate", "Run this without it"),
    ],
)
def test_what_would_cut_a_roll_is_named_with_what_to_do(engine: Engine, told: str, remedy: str) -> None:
    said = refusal(engine)
    assert said.startswith(told) and remedy in said
