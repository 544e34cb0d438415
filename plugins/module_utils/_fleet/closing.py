# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said at the end of a run, and of one that has stopped. Pure."""

from __future__ import annotations

import re
import shlex
from typing import Any, List, Mapping, Sequence

from . import states, table

ROWS = 20  # names of one state that are shown
GOES_ON = "What is under way goes on by itself; nothing else begins."
SAID = {states.ROLLING: "rolling, goes on by itself", states.ROLLS: "to roll, not begun"}
# Not raft_fleet_token_env, --vault-password-file and the like: those say where a secret is.
SECRET = re.compile(
    r"""([\w-]*(?:pass|secret|token|_key)[\w-]*(?<!_env)(?<!_command)(?<!.file)["']?\s*[=:]\s*).*""",
    re.IGNORECASE | re.DOTALL,
)


def verdict(run: Mapping[str, Any]) -> List[str]:
    """How the run has ended: which clusters are on what, and what is to be done next."""
    found = states.clusters(run)
    failed = [one for one in found if one.state == states.FAILED]
    lines = [table.numbers(found), *_names(found, {})]
    for one in failed:
        lines += table.paragraph(f"{one.name} failed: {one.line}")
        lines += [f"  {one.log}"] if one.log else []
    if failed or any(one.state in (states.ROLLS, states.NOT_BEGUN) for one in found):
        lines += ["Repair what has failed, then go on with the same command:", f"  {run['command']}"]
    return lines


def interrupted(run: Mapping[str, Any]) -> List[str]:
    """How the run has ended that somebody has interrupted: what goes on, what is done, what has not begun."""
    found = states.clusters(run)
    rolling = any(one.state == states.ROLLING for one in found)
    lines = ["", "Interrupted. " + (GOES_ON if rolling else "Nothing is under way, and nothing else begins.")]
    lines += [table.numbers(found), *_names(found, SAID)]
    way_on = "Go on with the same command" + (
        ". It waits for what is under way, then plans all anew:" if rolling else ":"
    )
    return [*lines, way_on, f"  {run['command']}"]


def _names(found: Sequence[states.Cluster], said: Mapping[str, str]) -> List[str]:
    """Which clusters are in which state, a paragraph for each state; `said` has other words for some."""
    lines: List[str] = []
    for state in states.count(found):
        names = [one.name for one in found if one.state == state]
        more = f" and {len(names) - ROWS} more" if len(names) > ROWS else ""
        lines += table.paragraph(f"{said.get(state, state)}: {', '.join(names[:ROWS])}{more}")
    return lines


def command(argv: Sequence[str]) -> str:
    """The command line of a run, to be pasted; values that may be secret are left out."""
    program = argv[0].rpartition("/")[2]
    return " ".join([program, *(shlex.quote(SECRET.sub(r"\1...", part)) for part in argv[1:])])
