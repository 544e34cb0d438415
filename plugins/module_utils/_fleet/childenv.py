# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment in which the roll of one cluster runs. Pure."""

from __future__ import annotations

from typing import Collection, Dict, Mapping

TOKEN = "NOMAD_TOKEN"
# Of the run that starts it: where its events go, how its results are shown, what it is limited to.
NOT_PASSED_ON = frozenset(
    ("ANSIBLE_FORCE_COLOR", "ANSIBLE_LOG_PATH", "AWX_ISOLATED_DATA_DIR", "ORIGINAL_STDOUT_CALLBACK")
)
SET = {
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
}


def child(given: Mapping[str, str], token: str, token_envs: Collection[str], more: Mapping[str, str]) -> Dict[str, str]:
    """All of `given` but the tokens, and this cluster's own token, as NOMAD_TOKEN; without one there is none.

    `token_envs` are the variables that have the tokens of all clusters of the fleet. A token goes only to the cluster
    for which it is named: the others are not this cluster's to know.
    """
    kept = {
        name: value
        for name, value in given.items()
        if not name.startswith(TOKEN) and name not in token_envs and name not in NOT_PASSED_ON
    }
    return {**kept, **SET, **more, **({TOKEN: token} if token else {})}
