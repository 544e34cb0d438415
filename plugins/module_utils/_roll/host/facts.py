# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of one server, as far as the rules on its next start (rehearsal.py) look at it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, NamedTuple, Tuple

CONFIGURATION = "configuration"
STORE = "store"
Paths = Tuple[str, ...]


class Spot(NamedTuple):
    """A place where something would be written. `use` is CONFIGURATION or STORE, `kind` that of the file system."""

    path: str
    use: str
    kind: str = "ext4"
    point: str = "/"
    read_only: bool = False
    bound: bool = False
    frozen: str = ""
    writable: bool = True  # for this user
    volatile: bool = False  # gone after a reboot, or with the container whose root it is on
    new: bool = False  # a file that is not there yet


class Validation(NamedTuple):
    """What `nomad config validate` says of the configuration `now` and `after` the change; `skipped`: why it did not.

    An empty string where it was taken.
    """

    now: str = ""
    after: str = ""
    skipped: str = ""


class LogFile(NamedTuple):
    """The log file that was named. `kind` is file, directory, other or "" for none."""

    path: str
    kind: str = "file"
    readable: bool = True


_VALID = Validation()
_NO_LOG = LogFile("")


@dataclass(frozen=True)
class Facts:
    """What was seen of one server. The defaults are those of a host on which nothing is wrong."""

    manager: str = "systemd"
    unit: str = "nomad.service"
    unit_loaded: bool = True
    unit_stale: bool = False
    arguments_changed: Paths = ()  # variables of its command line with another value than the running agent was given
    environment_changed: Paths = ()  # its EnvironmentFile= that are newer than its start
    unit_literal: bool = True  # or config_path was given
    commands: Dict[str, str] = field(default_factory=dict)  # option -> "", "missing" or the program that is not there
    paths: Paths = ("/etc/nomad.d",)
    named: Tuple[Tuple[str, Paths], ...] = ()  # who else names -config arguments, in words
    files: Paths = ()
    files_loaded: Paths = ()  # () when no agent has said
    configuration_error: str = ""
    configuration_path: str = ""
    raft_dir: str = "/opt/nomad/data/server/raft"
    agent_raft_dir: str = ""  # of the agent that runs; "" when none does
    pid: int = 0
    unseen: str = ""  # why the process of an agent that runs could not be looked at
    contained: bool = False
    of_unit: str = ""  # the unit in which the process is
    dev: bool = False
    variables: Paths = ()
    program: str = ""
    program_now: str = "same"  # same, replaced or gone
    wal_of_later: bool = False  # whether the program keeps the metadata of its WAL in a file that is not known here
    validation: Validation = _VALID
    peers_json: bool = False
    raft_link: str = ""
    raft_mount: bool = False
    foreign_links: Paths = ()  # sentences about links of other users on the way to the configuration
    user_id: int = 0
    spots: Tuple[Spot, ...] = ()
    told: str = ""  # config_file, where it was given
    passed_over: Tuple[Tuple[str, str], ...] = ()  # directories of the configuration after the one chosen, and why
    log_file: LogFile = _NO_LOG
    unusable: Tuple[Tuple[str, str], ...] = ()  # files that the start reads besides, and what is wrong with them
