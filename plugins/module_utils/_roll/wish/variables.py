# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the role's variables, and what is said about a name that is none of them. Pure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Iterable, Sequence

PREFIX = "raft_logstore_"
# Those that an operator may set: the options of the role's entry points, in their order.
_NAMES = """
group backend wal_segment_size data_dir config_path config_file force confirm_timeout service_manager service_name
stop_command start_command status_command log_file host port use_ssl validate_certs timeout region ca_path client_cert
client_key tls_server_name token snapshot_dest backup_dir gate_timeout stop_timeout wait_timeout stable_for
min_failure_tolerance allow_outage hold_autopilot take_over origin rollback_on_failure keep_backups keep_snapshots
pause_between stop_after status_strict pre_tasks_file post_tasks_file assess_for assess_disk rehearse_stop report_dir
report_name assess_file pipelining
"""
PUBLIC = tuple(_NAMES.split())
# Artifacts of a job: AWX hands them to the next job of a workflow, as variables.
_ARTIFACTS = ("assessment", "report")
_KINDS = {
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "path": "a path",
    "list": "a list of paths",
}


def misspelt(names: Iterable[str]) -> str:
    """A sentence about those names that are meant to be variables of the role, but are none; else ""."""
    found = (_told(name) for name in sorted(names) if not _is_known(name))
    return " ".join(filter(None, found))


def wrong(name: str, shown: str, kind: str, choices: Sequence[str] = ()) -> str:
    """A sentence about a value of which Ansible can make none of this type, or none of these choices."""
    return f"{name} is {shown}. Give {' or '.join(choices) or _KINDS[kind]}."


def _is_known(name: str) -> bool:
    return name.startswith(PREFIX) and name[len(PREFIX) :] in (*PUBLIC, *_ARTIFACTS)


def _told(name: str) -> str:
    """ "" for a name without the prefix that is like none of them: it is somebody else's."""
    begins = name.startswith(PREFIX)
    if begins:
        near = get_close_matches(name[len(PREFIX) :], PUBLIC, n=1)
    else:
        near = [one[len(PREFIX) :] for one in get_close_matches(name, [PREFIX + one for one in PUBLIC], 1, 0.9)]
    hint = f"Did you mean {PREFIX}{near[0]}?" if near else "The role's README has those that there are."
    return f"There is no variable {name}. {hint}" if begins or near else ""
