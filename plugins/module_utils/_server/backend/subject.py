# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that is meant: what is asked of it, and where its unit, configuration, data and API are. Changes nothing.

What is not given is found out as far as it can be known of a stopped agent too: the -config arguments from its unit,
the data and the API from the configuration that it would load.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ..._agent.api.connection import Connection
from ..._agent.config.ensure import Wish
from ..._agent.config.load import agent_settings, load
from ..._agent.errors import AgentError, ConfigError
from ..._agent.host import loglines, unit
from ..._agent.host.service import Commands, Runner, Systemd
from ..._disk.segmentsize import DEFAULT_SEGMENT_MIB
from ..._raftstore.conversion.request import Request
from ..._roll.host.transaction import WAL, goal
from ..configured import effective_backend
from ..stopping import Service
from ..where import connection, data_dir_of

Params = Mapping[str, Any]
MIN_INTERVAL_S = 0.05


class Subject(NamedTuple):
    """One server and what is wanted of it. `params` are the module's, None for what is not given.

    `agent` are the settings of its configuration, as raft_logstore_config's result of that name; `configured` and
    `segment_mb` are what it says of the log store. The connection holds the token: never to be shown or written.
    """

    params: Params
    paths: Tuple[str, ...]
    data_dir: str
    connection: Connection
    agent: Dict[str, Any]
    configured: str
    segment_mb: Optional[int]
    stop_signal: int

    @property
    def goal(self) -> str:
        """The backend that the server has at the end."""
        return goal(self.params["state"], self.params["backend"])

    def service(self, run: Runner, verb: str) -> Service:
        """What stops (`verb` stop) or starts the agent."""
        if self.is_systemd:
            return Systemd(run, self.params["service_name"])
        return Commands(run, self.params[f"{verb}_command"] or "")

    @property
    def is_systemd(self) -> bool:
        """Whether the agent is a unit of systemd."""
        return bool(self.params["service_manager"] == "systemd")

    def log_source(self) -> Optional[loglines.Source]:
        """Where the agent's log is; None when nobody has said."""
        name = self.params["service_name"] if self.is_systemd else ""
        source = loglines.Source(self.params["log_file"] or "", name, self.params["status_command"] or "")
        return source if any(source) else None

    def wish(self, backend: str) -> Wish:
        """The configuration for this backend; the settings that are given are for the one that is wanted."""
        own = backend == self.params["backend"] and self.params["state"] == "present"
        size = self.params["wal_segment_size"] if backend == WAL and own else None
        return Wish(
            self.paths,
            backend,
            size,
            self.params["disable_log_cache"] if own else None,
            self.params["verification"] if own else None,
            self.params["config_file"] or "",
            self.params["backup"],
        )

    def request(self, backend: str, check: bool = False) -> Request:
        """The conversion to this backend. In check mode the configuration counts as changed already."""
        return Request(
            data_dir=self.data_dir,
            backend=backend,
            wal_segment_size=self.params["wal_segment_size"] or self.segment_mb or DEFAULT_SEGMENT_MIB,
            effective_backend=(lambda: backend) if check else effective_backend(self.paths),
            backup_dir=self.params["backup_dir"],
            workers=self.params["workers"],
            lock_timeout_s=self.params["lock_timeout"],
            check=check,
            origin=self.params["origin"] or "",
        )


def find(params: Params, environ: Mapping[str, str], run: Runner) -> Subject:
    """The server that these parameters mean. Raises AgentError or StoreError where something needed cannot be known."""
    if params["interval"] < MIN_INTERVAL_S:
        raise AgentError(f"interval must be at least {MIN_INTERVAL_S} seconds")
    shown = _shown(params, run)
    paths = tuple(params["config_path"] or shown.config_paths)
    if not paths or not (params["config_path"] or shown.literal):
        what = "the unit names the configuration in a way that only systemd reads" if paths else _NO_PATHS
        raise AgentError(f"{what}{': ' + ' '.join(paths) if paths else ''}", "Set config_path to them.")
    configuration = load(paths)
    agent = agent_settings(configuration)
    data_dir = params["data_dir"] or data_dir_of(agent["raft_dir"])
    if not data_dir:
        raise ConfigError("no file of the agent names its data_dir", ", ".join(paths), hint="Set data_dir.")
    return Subject(
        params,
        paths,
        data_dir,
        connection(params, agent, environ),
        agent,
        configuration.backend,
        configuration.segment_mb,
        shown.signal,
    )


_NO_PATHS = "only its running agent knows where its configuration is, and it will be stopped: the -config arguments"


def _shown(given: Params, run: Runner) -> unit.Unit:
    if given["service_manager"] != "systemd":
        return unit.Unit()
    return Systemd(run, given["service_name"]).shown()
