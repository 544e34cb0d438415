# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator has asked for: the role's variables that a decision looks at. Pure."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from .._disk.segmentsize import SEGMENT_MIB, SEGMENT_SIZES
from .wish.variables import misspelt


class Options(NamedTuple):
    """The variables raft_logstore_* under their names without that prefix; "" and () are those that are not set.

    `stop_after` is how many servers are taken at most, 0 for all. `copies` is the host whose server is stopped only to
    copy its store, "" in a roll. `origin` is the name of this controller,
    `job_template` the one of AWX that runs this, `check_mode` whether this is a rehearsal. `names` are those of all
    variables with the prefix, where these are to be looked at. `unusable_hooks`: what is wrong with the files of the
    operator's own tasks, in sentences without their full stop. Times are in seconds.
    """

    backend: str = "wal"
    wal_segment_size: int = 64
    config_path: Tuple[str, ...] = ()
    data_dir: str = ""
    service_manager: str = "systemd"
    service_name: str = "nomad"
    stop_command: str = ""
    start_command: str = ""
    status_command: str = ""
    log_file: str = ""
    gate_timeout: int = 30
    stop_timeout: int = 30
    wait_timeout: int = 300
    stable_for: int = 10
    min_failure_tolerance: int = 1
    allow_outage: bool = False
    hold_autopilot: bool = True
    take_over: bool = False
    rollback_on_failure: bool = True
    pause_between: int = 0
    stop_after: int = 0
    snapshot_dest: str = "/var/lib/nomad-raft-snapshots"
    keep_backups: int = 0
    keep_snapshots: int = 1
    status_strict: bool = False
    report_dir: str = ""
    report_name: str = ""
    pre_tasks_file: str = ""
    post_tasks_file: str = ""
    unusable_hooks: Tuple[str, ...] = ()
    copies: str = ""
    origin: str = ""
    job_template: str = ""
    check_mode: bool = False
    names: Tuple[str, ...] = ()


def origin(said: str, job_template: str, awx: str, node: str) -> str:
    """The name by which a run knows what earlier ones have begun: what was said, else the job template, else the node.

    Each job of AWX runs on a node of its own, with a new name. `awx` is the address of that AWX, "" if it is unknown:
    templates of two of them may have the same number.
    """
    if said or not job_template:
        return said or node
    return f"job template {job_template} of {awx or 'AWX'}"


def impossible(options: Options) -> str:
    """Why no roll can end well with these values, in sentences; "" when one can. The first look refuses them."""
    told = _impossible(options)
    return f"{told} Nothing was changed." if told else ""


def _impossible(options: Options) -> str:
    unknown = misspelt(options.names)
    if unknown:
        return unknown
    if options.wal_segment_size not in SEGMENT_MIB:
        return (
            f"raft_logstore_wal_segment_size is {options.wal_segment_size} MB. Give {SEGMENT_SIZES}: with more, Nomad "
            "would stop writing at the end of its first segment."
        )
    if options.stop_after < 0:
        return f"raft_logstore_stop_after is {options.stop_after}. Give a number of servers, or 0 for all."
    if options.stable_for >= options.wait_timeout:
        return (
            f"raft_logstore_stable_for is {options.stable_for} s and raft_logstore_wait_timeout "
            f"{options.wait_timeout} s. Give a longer timeout, or no server will ever be back in time."
        )
    if options.unusable_hooks:
        return f"{'; '.join(options.unusable_hooks)}. That would be noticed only at the first server."
    return ""
