# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that can be known about one server, in one look: unit, process, configuration, store, agent, token. Reads only.

A part that cannot be looked at is no failure: it is left out, and `errors` has the sentence. What is not given is found
out: the -config arguments from the unit, data_dir and the API's address from the configuration that they lead to.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar

from .._agent.api.answers import Agent, Autopilot, AutopilotConfig, RaftConfiguration
from .._agent.api.client import Client
from .._agent.api.connection import Connection, from_params
from .._agent.cluster.observe import Asked, ask_itself
from .._agent.cluster.rights import Lacking, lacking
from .._agent.config.ensure import Planned, Wish, planned
from .._agent.config.load import agent_settings
from .._agent.errors import AgentError, ApiError, ConfigError
from .._agent.host import process as processes
from .._agent.host import unit as units
from .._agent.host.process import Process
from .._agent.host.service import DROP_IN, UNITS, Runner, Systemd
from .._agent.host.unit import Unit
from .._disk.errors import StoreError
from .._disk.mounts import PROC
from .._disk.segmentsize import DEFAULT_SEGMENT_MIB
from .._raftstore.conversion.request import Request
from .._raftstore.describe import describe
from .._raftstore.released import who_has
from . import ondisk
from .ondisk import Prospect
from .where import connection, data_dir_of

Given = Mapping[str, Any]
_NO_UNIT = Unit()


@dataclass
class Seen:
    """One server as it was seen. None, or an empty value, where a part could not be looked at; `errors` has why."""

    given: Given
    unit: Unit = _NO_UNIT
    process: Optional[Process] = None
    paths: Tuple[str, ...] = ()
    planned: Optional[Planned] = None
    configuration_error_path: str = ""
    data_dir: str = ""
    store: Optional[Dict[str, Any]] = None
    held: Optional[Dict[str, Any]] = None
    prospect: Optional[Prospect] = None
    asked: Optional[Asked] = None
    raft_configuration: Optional[RaftConfiguration] = None
    autopilot: Optional[Autopilot] = None
    autopilot_config: Optional[AutopilotConfig] = None
    api: Dict[str, Any] = field(default_factory=dict)
    rights: Optional[Lacking] = None
    errors: Dict[str, str] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)

    @property
    def agent(self) -> Optional[Agent]:
        """What the agent says about itself."""
        return self.asked.agent if self.asked else None

    @property
    def systemd(self) -> bool:
        """Whether the agent is a unit of systemd."""
        return bool(self.given["service_manager"] == "systemd")

    @property
    def unit_name(self) -> str:
        """The unit's full name."""
        return units.full_name(self.given["service_name"])

    @property
    def segment_size(self) -> int:
        """The segment size in MB that is given, else configured, else Nomad's."""
        configured = self.planned.found.segment_mb if self.planned else None
        return int(self.given["wal_segment_size"] or configured or DEFAULT_SEGMENT_MIB)


def look(given: Given, environ: Mapping[str, str], run: Runner, proc: str = PROC) -> Seen:
    """The server of this host. `given` are the module's parameters, None for what is not given; `run` starts systemctl.

    Raises AgentError for a connection that cannot be meant.
    """
    seen = _begin(given, run, proc)
    _ask(seen, _connection(given, seen.planned, environ))
    _look_at_store(seen, proc)
    _look_ahead(seen)
    return seen


def look_for_start(given: Given, connection: Connection, run: Runner, proc: str = PROC) -> Seen:
    """As much of it as the rehearsal of the next start asks about."""
    seen = _begin(given, run, proc)
    seen.asked = ask_itself(connection)
    _look_at_store(seen, proc)
    return seen


def _begin(given: Given, run: Runner, proc: str) -> Seen:
    seen = Seen(given, data_dir=given["data_dir"] or "")
    _look_at_unit(seen, run)
    _look_at_process(seen, proc)
    _look_at_configuration(seen)
    return seen


def _look_at_unit(seen: Seen, run: Runner) -> None:
    if not seen.systemd:
        return
    try:
        seen.unit = Systemd(run, seen.unit_name).shown()
    except AgentError as error:
        seen.errors["unit"] = str(error)


def _look_at_process(seen: Seen, proc: str) -> None:
    """The process that has the store open, else the unit's main process, which may only be its parent."""
    pids = []
    if seen.data_dir:
        try:
            pids = who_has(seen.data_dir, proc)
        except (StoreError, OSError):
            pids = []  # what is wrong with the store is said where the store is looked at
    main = seen.unit.main_pid
    pid = main if main in pids or not pids else pids[0]
    seen.errors.pop("process", None)
    try:
        seen.process = processes.look(pid, proc) if pid else None
    except AgentError as error:
        seen.process, seen.errors["process"] = None, str(error)


def _config_paths(seen: Seen) -> Tuple[str, ...]:
    """The -config arguments: those given, else the unit's, else the process's; relative ones against its directory."""
    found: Tuple[str, ...] = tuple(seen.given["config_path"] or ())
    if not found and seen.unit.literal:
        found = seen.unit.config_paths
    if not found and seen.process is not None and not seen.process.contained:
        found = seen.process.command.config_paths
    start = seen.process.cwd if seen.process is not None else "/"
    return tuple(os.path.normpath(os.path.join(start, path)) for path in found)


def _look_at_configuration(seen: Seen) -> None:
    seen.paths = _config_paths(seen)
    if not seen.paths:
        return
    backend = seen.given["backend"]
    size = seen.given["wal_segment_size"] if backend == "wal" else None
    try:
        cache, verification = seen.given.get("disable_log_cache"), seen.given.get("verification")  # server_backend's
        seen.planned = planned(
            Wish(seen.paths, backend, size, cache, verification, file=seen.given["config_file"] or "")
        )
    except (ConfigError, StoreError) as error:
        seen.errors["configuration"], seen.configuration_error_path = str(error), error.path
    except OSError as error:
        seen.errors["configuration"] = f"{error.filename}: {error.strerror}"


def _data_dir(seen: Seen) -> str:
    """Where the store is: as configured, else as on the command line, else by the agent's own word."""
    raft_dir = agent_settings(seen.planned.found)["raft_dir"] if seen.planned is not None else ""
    if raft_dir:
        return data_dir_of(raft_dir)
    if seen.process is not None and seen.process.command.data_dir and not seen.process.contained:
        return os.path.join(seen.process.cwd, seen.process.command.data_dir)
    return data_dir_of(seen.agent.raft_dir) if seen.agent is not None else ""


def _look_at_store(seen: Seen, proc: str) -> None:
    seen.data_dir = seen.data_dir or _data_dir(seen)
    if seen.process is None or seen.process.pid == seen.unit.main_pid:
        _look_at_process(seen, proc)  # by now it is known who has the store
    if not seen.data_dir:
        seen.errors["store"] = "It is unknown where the store is. Give data_dir."
        return
    try:
        backend, size, copies = seen.given["backend"], seen.segment_size, seen.given["backup_dir"]
        seen.store = describe(seen.data_dir, proc=proc, backend=backend, wal_segment_size=size, backup_dir=copies)
    except StoreError as error:
        seen.errors["store"] = str(error)


def _look_ahead(seen: Seen) -> None:
    if seen.store is None:
        return
    backend, size, copies = seen.given["backend"], seen.segment_size, seen.given["backup_dir"]
    seen.held, seen.warnings = ondisk.held(seen.store["raft_dir"])
    changed = seen.planned.proven.backend if seen.planned else None
    configured = (lambda: changed) if changed else None  # as it will be when the store is converted
    seen.prospect = ondisk.prospect(Request(seen.data_dir, backend, size, configured, backup_dir=copies))


def _connection(given: Given, found: Optional[Planned], environ: Mapping[str, str]) -> Connection:
    """The agent's API: as given, else as configured; NOMAD_ADDR, which may name another server, only without both."""
    if found is None:
        return from_params(given, environ)
    return connection(given, agent_settings(found.proven), environ)


def _ask(seen: Seen, connection: Connection) -> None:
    seen.api = {"host": connection.host, "port": connection.port, "use_ssl": connection.use_ssl}
    seen.asked = ask_itself(connection)
    agent = seen.asked.agent
    if agent is not None:
        client = Client(connection)
        seen.raft_configuration = _asked(seen, "raft_configuration", client.raft_configuration)
        seen.autopilot = _asked(seen, "autopilot", lambda: client.autopilot_health()[1])
        seen.autopilot_config = _asked(seen, "autopilot_config", client.autopilot_config)
    else:
        seen.errors["agent"] = seen.asked.error
    if seen.asked.status == 403 or (agent is not None and agent.acl_enabled):
        seen.rights = lacking(Client(connection))
        if seen.rights.error:
            seen.errors["token"] = seen.rights.error


T = TypeVar("T")


def _asked(seen: Seen, part: str, ask: Callable[[], T]) -> Optional[T]:
    try:
        return ask()
    except ApiError as error:
        seen.errors[part] = str(error)
        return None


def role(seen: Seen) -> str:
    """leader, follower, non-voter; down when nobody listens, silent when the agent does not answer otherwise."""
    agent = seen.agent
    if agent is None:
        return "down" if seen.asked is not None and seen.asked.down else "silent"
    if agent.state == "Leader":
        return "leader"
    return "follower" if agent.id in [peer.id for peer in agent.peers if peer.voter] else "non-voter"


def drop_in(seen: Seen) -> str:
    """The file that keeps the unit from starting while its store is converted, whether it is there or not."""
    return f"{UNITS}/{seen.unit_name}.d/{DROP_IN}" if seen.systemd else ""
