# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Ansible itself would cut, skip or ignore a part of a roll: settings of the controller, keywords. Pure.

The playbooks and the role set most of it themselves, so that it is harmless. This is what they cannot set.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple


class Engine(NamedTuple):
    """How this task is run: its keywords as they are in force, and arguments of ansible-playbook."""

    timeout_s: int = 0
    ignores: Tuple[str, ...] = ()
    start_at: str = ""
    step: bool = False


def refusal(engine: Engine) -> str:
    """Why no roll may be begun in this way, and what to do, as a sentence; "" when one may."""
    if engine.ignores:
        return (
            f"{' and '.join(engine.ignores)} is set around this role: a closed gate would be passed. Remove it from "
            "the play."
        )
    if engine.timeout_s:
        return (
            f"Each task would be cut after {engine.timeout_s} s (task_timeout in ansible.cfg, ANSIBLE_TASK_TIMEOUT, or "
            "timeout on the play), and a server that takes longer would be called not back. Set timeout: 0 on the "
            "plays, as the playbook raftops.nomad.migrate does."
        )
    if engine.start_at:
        return (
            f"--start-at-task={engine.start_at} leaves out what comes before. Run this without it: a roll finds out "
            "itself what has been done."
        )
    if engine.step:
        return "--step can leave out a gate. Run this without it; with --check it shows each step and changes nothing."
    return ""
