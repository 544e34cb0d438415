# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a server's agent is started and stopped, and where its files are: what systemd shows, read. Pure."""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Tuple

from ..agent.host.unit import Unit as Shown
from ..agent.host.unit import full_name, parse
from .options import Options, impossible


class Unit(NamedTuple):
    """What is known of an agent before anything else of it is read.

    `signal` is the number of the signal that stops it, "" when that is not known. `barred`: a run that was ended
    between stop and start has left `drop_in`, which keeps systemd from starting it. `log` has what is to be searched,
    as an option of agent_log_check. `data_dir` is above what the service user owns.
    """

    systemd: bool
    paths: Tuple[str, ...]
    signal: str
    drop_in: str
    barred: bool
    log: Dict[str, str]
    data_dir: str
    refused: bool
    refusal: str


def known(options: Options, host: str, shown: str = "", raft_dir: str = "") -> Unit:
    """From what systemctl shows of the unit, and, once that is known, the Raft directory in the configuration."""
    unit = parse(shown)
    paths = options.config_path or unit.config_paths
    path = drop_in(options.service_name)
    refusal = impossible(options) or _unknown_configuration(options, host, unit)
    return Unit(
        systemd=options.service_manager == "systemd",
        paths=paths,
        signal=str(unit.signal or ""),
        drop_in=path,
        barred=path in unit.drop_ins,
        log=_log(options),
        data_dir=options.data_dir or re.sub(r"/(server/)?raft$", "", raft_dir),
        refused=bool(refusal),
        refusal=refusal,
    )


def drop_in(service_name: str) -> str:
    """The file that keeps systemd from starting this unit."""
    return f"/run/systemd/system/{full_name(service_name)}.d/90-raft-logstore.conf"


def _log(options: Options) -> Dict[str, str]:
    if options.log_file:
        return {"file": options.log_file}
    if options.service_manager == "systemd":
        return {"unit": options.service_name}
    return {"command": options.status_command}


def _unknown_configuration(options: Options, host: str, unit: Shown) -> str:
    hint = "Set raft_logstore_config_path to the agent's -config arguments."
    if options.config_path:
        return ""
    if not unit.config_paths:
        return f"Only its running agent knows where the configuration of {host} is, and it will be stopped. {hint}"
    if not unit.literal:
        named = " ".join(unit.config_paths)
        return f"Its unit names the configuration of {host} in a way that only systemd reads: {named}. {hint}"
    return ""
