# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of the API's answers: parsed JSON in, typed values out. Pure.

An answer comes from a machine that may be broken or hostile, so the type of every field that is used is checked here;
a wrong one raises ValueError with the name of the field. Field names are Nomad's (api/operator_autopilot.go,
command/agent/agent_endpoint.go); all values under `stats` are strings there.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple, Type, TypeVar

T = TypeVar("T")

_PEER = re.compile(r"\{Suffrage:(\w+) ID:(\S+) Address:(\S+)\}")
_AUTOPILOT_FIELDS = {  # option name -> (Nomad's name, type)
    "cleanup_dead_servers": ("CleanupDeadServers", bool),
    "last_contact_threshold": ("LastContactThreshold", str),
    "server_stabilization_time": ("ServerStabilizationTime", str),
    "max_trailing_logs": ("MaxTrailingLogs", int),
    "min_quorum": ("MinQuorum", int),
}


class Peer(NamedTuple):
    """One server in the Raft configuration."""

    id: str
    address: str
    voter: bool


class Server(NamedTuple):
    """One server as the leader's autopilot sees it."""

    id: str
    name: str
    address: str
    serf_status: str
    version: str
    leader: bool
    voter: bool
    healthy: bool
    last_contact: str
    last_term: int
    last_index: int
    stable_since: str


class Autopilot(NamedTuple):
    """The leader's view of all servers. `servers` is empty and `leader` "" in the first seconds after an election."""

    healthy: bool
    failure_tolerance: int
    leader: str
    voters: Tuple[str, ...]
    servers: Tuple[Server, ...]

    def server(self, server_id: str) -> Optional[Server]:
        """The server with this Raft ID, or None."""
        return next((server for server in self.servers if server.id == server_id), None)

    def as_dict(self) -> Dict[str, Any]:
        """As a module result."""
        plain = self._asdict()
        plain["voters"] = list(self.voters)
        plain["servers"] = [server._asdict() for server in self.servers]
        return plain

    @classmethod
    def of_result(cls, result: Mapping[str, Any]) -> Autopilot:
        """From as_dict."""
        servers = tuple(Server(**server) for server in result["servers"])
        return cls(**{**result, "voters": tuple(result["voters"]), "servers": servers})


class Agent(NamedTuple):
    """What an agent says about itself. Strings are empty and numbers -1 where it says nothing."""

    id: str
    name: str
    region: str
    version: str
    enterprise: bool
    server: bool
    backend: str
    state: str
    leader_address: str
    rpc_address: str
    raft: Dict[str, int]
    peers: Tuple[Peer, ...]
    data_dir: str
    raft_dir: str
    config_paths: Tuple[str, ...]
    config_files: Tuple[str, ...]
    leave_on_interrupt: bool
    leave_on_terminate: bool
    raft_logstore: Optional[Dict[str, Any]]
    raft_boltdb: bool
    acl_enabled: bool = False

    def as_dict(self) -> Dict[str, Any]:
        """As a module result."""
        plain = self._asdict()
        plain["peers"] = [peer._asdict() for peer in self.peers]
        plain["config_paths"] = list(self.config_paths)
        plain["config_files"] = list(self.config_files)
        return plain

    @classmethod
    def of_result(cls, result: Mapping[str, Any]) -> Agent:
        """From as_dict."""
        return cls(**{**result, "peers": tuple(Peer(**peer) for peer in result["peers"])})


class RaftConfiguration(NamedTuple):
    """The Raft configuration of one server, and the index of the entry that it is from."""

    entry: int
    peers: Tuple[Peer, ...]

    def as_dict(self) -> Dict[str, Any]:
        """As a module result."""
        return {"index": self.entry, "peers": [peer._asdict() for peer in self.peers]}


class AutopilotConfig(NamedTuple):
    """The autopilot configuration: `fields` is Nomad's whole object, which a PUT has to send back."""

    fields: Dict[str, Any]
    modify_index: int

    def setting(self, name: str) -> Any:
        """The value of a setting under its option name."""
        return self.fields[_AUTOPILOT_FIELDS[name][0]]

    def changed(self, settings: Mapping[str, Any]) -> AutopilotConfig:
        """The same configuration with these settings, given under their option names."""
        values = {_AUTOPILOT_FIELDS[name][0]: value for name, value in settings.items()}
        return self._replace(fields={**self.fields, **values})

    def as_dict(self) -> Dict[str, Any]:
        """As a module result."""
        plain: Dict[str, Any] = {name: self.setting(name) for name in _AUTOPILOT_FIELDS}
        plain["modify_index"] = self.modify_index
        return plain


def _typed(value: Any, kind: Type[T], name: str) -> T:
    """The value, if it is of this type; a bool does not count as a number."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{name} is {type(value).__name__}, not {kind.__name__}")
    return value


def _get(values: Mapping[str, Any], name: str, kind: Type[T], default: Optional[T] = None) -> T:
    """A field of an object. A missing field or null gives the default, or an error if there is none."""
    value = values.get(name)
    if value is None and default is not None:
        return default
    return _typed(value, kind, name)


def _strings(value: Any, name: str) -> Tuple[str, ...]:
    return tuple(_typed(item, str, name) for item in _typed([] if value is None else value, list, name))


def parse_server(value: Any) -> Server:
    """One element of `Servers` in the autopilot health. Raises ValueError."""
    fields = _typed(value, dict, "Servers")
    return Server(
        id=_get(fields, "ID", str),
        name=_get(fields, "Name", str, ""),
        address=_get(fields, "Address", str, ""),
        serf_status=_get(fields, "SerfStatus", str, ""),
        version=_get(fields, "Version", str, ""),
        leader=_get(fields, "Leader", bool, False),
        voter=_get(fields, "Voter", bool, False),
        healthy=_get(fields, "Healthy", bool, False),
        last_contact=str(fields.get("LastContact") or ""),
        last_term=_get(fields, "LastTerm", int, -1),
        last_index=_get(fields, "LastIndex", int, -1),
        stable_since=_get(fields, "StableSince", str, ""),
    )


def parse_autopilot(value: Any) -> Autopilot:
    """The body of /v1/operator/autopilot/health. Raises ValueError."""
    fields = _typed(value, dict, "the answer")
    servers = _typed(fields.get("Servers") or [], list, "Servers")
    return Autopilot(
        healthy=_get(fields, "Healthy", bool),
        failure_tolerance=_get(fields, "FailureTolerance", int),
        leader=_get(fields, "Leader", str, ""),
        voters=tuple(sorted(_strings(fields.get("Voters"), "Voters"))),
        servers=tuple(sorted(map(parse_server, servers), key=lambda server: (server.name, server.id))),
    )


def parse_raft_configuration(value: Any) -> RaftConfiguration:
    """The body of /v1/operator/raft/configuration. Raises ValueError."""
    fields = _typed(value, dict, "the answer")
    servers = [_typed(one, dict, "Servers") for one in _typed(fields.get("Servers") or [], list, "Servers")]
    peers = [
        Peer(_get(one, "ID", str), _get(one, "Address", str, ""), _get(one, "Voter", bool, False)) for one in servers
    ]
    return RaftConfiguration(_get(fields, "Index", int, 0), tuple(sorted(peers)))


def parse_autopilot_config(value: Any) -> AutopilotConfig:
    """The body of /v1/operator/autopilot/configuration. Raises ValueError."""
    fields = _typed(value, dict, "the answer")
    for nomad_name, kind in _AUTOPILOT_FIELDS.values():
        _get(fields, nomad_name, kind)
    return AutopilotConfig(fields, _get(fields, "ModifyIndex", int))


def parse_agent(value: Any) -> Agent:
    """The body of /v1/agent/self. Raises ValueError."""
    fields = _typed(value, dict, "the answer")
    config = _get(fields, "config", dict)
    stats = _get(fields, "stats", dict, {})
    raft, nomad = _get(stats, "raft", dict, {}), _get(stats, "nomad", dict, {})
    member = _get(fields, "member", dict, {})
    tags = _get(member, "Tags", dict, {})
    server_config, version = _get(config, "Server", dict, {}), _get(config, "Version", dict, {})
    is_server = nomad.get("server") == "true"
    data_dir = _get(config, "DataDir", str, "")
    return Agent(
        id=_get(tags, "id", str, ""),
        name=_get(member, "Name", str, ""),
        region=_get(config, "Region", str, ""),
        version=_version(version),
        enterprise="ent" in _get(version, "VersionMetadata", str, ""),
        server=is_server,
        backend=_get(raft, "logstore_backend", str, ""),
        state=_get(raft, "state", str, ""),
        leader_address=_get(nomad, "leader_addr", str, ""),
        rpc_address=_rpc_address(member, tags),
        raft=_raft_numbers(raft),
        peers=_peers(_get(raft, "latest_configuration", str, "")),
        data_dir=data_dir,
        raft_dir=_raft_dir(data_dir, _get(server_config, "DataDir", str, "")) if is_server else "",
        config_paths=_strings(config.get("ConfigPaths"), "ConfigPaths"),
        config_files=_strings(config.get("Files"), "Files"),
        leave_on_interrupt=_get(config, "LeaveOnInt", bool, False),
        leave_on_terminate=_get(config, "LeaveOnTerm", bool, False),
        raft_logstore=_raft_logstore(server_config.get("RaftLogStoreConfig")),
        raft_boltdb=server_config.get("RaftBoltConfig") is not None,
        acl_enabled=_get(_get(config, "ACL", dict, {}), "Enabled", bool, False),
    )


def _version(fields: Mapping[str, Any]) -> str:
    version, prerelease = _get(fields, "Version", str, ""), _get(fields, "VersionPrerelease", str, "")
    return f"{version}-{prerelease}" if prerelease else version


def _rpc_address(member: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
    host = _get(tags, "rpc_addr", str, "") or _get(member, "Addr", str, "")
    port = _get(tags, "port", str, "")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if port else ""


def _raft_numbers(raft: Mapping[str, Any]) -> Dict[str, int]:
    names = ("term", "last_log_index", "commit_index", "applied_index", "last_snapshot_index", "num_peers")
    return {name: _number(raft.get(name, "-1"), name) for name in names}


def _number(value: Any, name: str) -> int:
    text = _typed(value, str, name)
    if not re.fullmatch(r"-1|[0-9]{1,20}", text):
        raise ValueError(f"{name} is not a number")
    return int(text)


def _peers(text: str) -> Tuple[Peer, ...]:
    return tuple(Peer(peer_id, address, suffrage == "Voter") for suffrage, peer_id, address in _PEER.findall(text))


def _raft_dir(data_dir: str, server_data_dir: str) -> str:
    """Where the server keeps its Raft files: server.data_dir replaces DATA_DIR/server (command/agent/agent.go)."""
    return posixpath.join(server_data_dir or posixpath.join(data_dir, "server"), "raft")


def _raft_logstore(value: Any) -> Optional[Dict[str, Any]]:
    if value is None:
        return None
    block = _typed(value, dict, "RaftLogStoreConfig")
    wal, boltdb = _get(block, "WAL", dict, {}), _get(block, "BoltDB", dict, {})
    return {
        "backend": _get(block, "Backend", str, ""),
        "wal_segment_size": _get(wal, "SegmentSizeMB", int) if "SegmentSizeMB" in wal else None,
        "no_freelist_sync": _get(boltdb, "NoFreelistSync", bool) if "NoFreelistSync" in boltdb else None,
        "disable_log_cache": _get(block, "DisableLogCache", bool, False),
    }
