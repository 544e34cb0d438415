# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why one server must not be stopped, whatever the cluster says, and what would stop its roll later on. Pure."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple, Sequence, Tuple

from .options import Options

SIGINT, SIGTERM = "2", "15"
NEEDED = ("agent:read", "operator:read")
NEEDED_FOR_A_HOLD = "operator:write"
NEEDED_TO_MOVE_LEADERSHIP = "management"


class Answers(NamedTuple):
    """What was read of a server.

    `config` is what its configuration gives the agent, `agent` what server_info says of the agent, `refused` what the
    conversion would refuse, `signal` what stops the agent, `unasked` why its token could not be asked.
    `rehearsed` is what would go wrong at its next start. `at_work`: a run is at work on it, and whatever it is like now
    is that one's doing.
    """

    config: Mapping[str, Any]
    agent: Mapping[str, Any]
    refused: str
    signal: str
    unasked: str = ""
    at_work: bool = False
    rehearsed: Tuple[str, ...] = ()


def obstacles(read: Answers, options: Options) -> Tuple[str, ...]:
    """Why this server must not be stopped, in words that follow its name; empty when nothing is in the way."""
    token = f"what its token may do is not known: {read.unasked}" if read.unasked else ""
    if read.at_work:
        return ()
    told = (_commands(options), _leaves(read), _silent(read), _unconvertible(read, options), token, *read.rehearsed)
    return tuple(filter(None, told))


def _commands(options: Options) -> str:
    missing = [name for name in ("stop", "start", "status") if not getattr(options, f"{name}_command")]
    if options.service_manager != "command" or not missing:
        return ""
    return "set " + ", ".join(f"raft_logstore_{name}_command" for name in missing)


def _leaves(read: Answers) -> str:
    for event, harmless, word in ("interrupt", SIGTERM, "SIGTERM"), ("terminate", SIGINT, "SIGINT"):
        flag = f"leave_on_{event}"
        if (read.config[flag] or (read.agent["self"] or {}).get(flag)) and read.signal != harmless:
            unit = f"its unit is not known to stop it with {word}"
            return f"it would leave the cluster at its stop: {flag} is true and {unit}"
    return ""


def _silent(read: Answers) -> str:
    if read.agent["answered"] or read.agent["down"]:
        return ""
    return f"its agent does not answer, and is not known to be stopped: {read.agent['error']}"


def seems_to_run(asked: Mapping[str, Any], configured: Mapping[str, Any]) -> str:
    """What to do where nobody listens though the store is in use, by where the address came from that was asked.

    `configured` has "" as its http_host where the configuration has a template, and 127.0.0.1 was asked.
    """
    said = (configured["http_host"], configured["http_port"])
    what = "correct raft_logstore_host and raft_logstore_port, its configuration says {0} and {1}"
    if not configured["http_host"]:
        what = "set raft_logstore_host: its configuration has a template for it, which only Nomad can work out"
    elif (asked["host"], asked["port"]) == said:
        what = "set raft_logstore_host and raft_logstore_port: it does not listen at {0} and {1} as configured"
    return f"Its store is in use, so the agent seems to run: wait if it is starting, else {what.format(*said)}"


def _unconvertible(read: Answers, options: Options) -> str:
    refused = re.sub(r"[.\s]*\Z", "", read.refused)
    return f"its store cannot be brought to {options.backend}: {refused}" if refused else ""


def lacks(lacking: Iterable[Mapping[str, Any]], options: Options) -> str:
    """The rights that a server's token needs and does not have, with what for; it can do without moving leadership."""
    needed = (*NEEDED, NEEDED_FOR_A_HOLD) if options.hold_autopilot else NEEDED
    wanted = [right for right in lacking if right["capability"] in needed]
    return ", ".join(f"{right['capability']} {right['purpose']} {right['path']}" for right in wanted)


def immobile(lacking: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the token may not move leadership."""
    return any(right["capability"] == NEEDED_TO_MOVE_LEADERSHIP for right in lacking)


def powerless(root: bool, user: str, systemd: bool, unwritable: Sequence[str]) -> str:
    """What this user may not do that has to be done. Root may all; of others it is found out where possible."""
    if root:
        return ""
    if systemd:
        return f"the modules run as {user}, who may not stop a unit"
    return f"the modules run as {user}, who may not write to {', '.join(unwritable)}" if unwritable else ""
