# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said at the end of a run, and of one that has stopped. Pure."""

from __future__ import annotations

import re
import shlex
from typing import Any, List, Mapping, Sequence

from . import states, table

ROWS = 20  # names of one state that are shown
# Not raft_fleet_token_env, --vault-password-file and the like: those say where a secret is.
SECRET = re.compile(
    r"""([\w-]*(?:pass|secret|token|_key)[\w-]*(?<!_env)(?<!_command)(?<!.file)["']?\s*[=:]\s*).*""",
    re.IGNORECASE | re.DOTALL,
)


def verdict(run: Mapping[str, Any]) -> List[str]:
    """How the run has ended: which clusters are on what, and what is to be done next."""
    found = states.clusters(run)
    failed = [one for one in found if one.state == states.FAILED]
    lines = [table.numbers(found)]
    for state in states.count(found):
        names = [one.name for one in found if one.state == state]
        more = f" and {len(names) - ROWS} more" if len(names) > ROWS else ""
        lines += table.paragraph(f"{state}: {', '.join(names[:ROWS])}{more}")
    for one in failed:
        lines += table.paragraph(f"{one.name} failed: {one.line}")
        lines += [f"  {one.log}"] if one.log else []
    if failed or any(one.state in (states.ROLLS, states.NOT_BEGUN) for one in found):
        lines += ["Repair what has failed, then go on with the same command:", f"  {run['command']}"]
    return lines


def command(argv: Sequence[str]) -> str:
    """The command line of a run, to be pasted; values that may be secret are left out."""
    program = argv[0].rpartition("/")[2]
    return " ".join([program, *(shlex.quote(SECRET.sub(r"\1...", part)) for part in argv[1:])])
