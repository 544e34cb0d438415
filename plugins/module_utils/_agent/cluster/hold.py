# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hold: autopilot's removal of dead servers is off, and a file says what to put back.

The file is written before the cluster is changed and removed after the value is restored. Whatever dies in between, the
next run finds the earlier value. One line of JSON, mode 0600:

    {"version": 1, "origin": "controller-1", "previous": true, "created": "2026-11-22T13:20:35Z"}

Changes to the cluster go through compare-and-set; a refusal comes as status 200 with `false` in the body.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import closing
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..._disk.datadir import open_given
from ..._disk.durable import Directory
from ..._disk.plainjson import loads
from ..._disk.reading import read_head
from ..._disk.syscalls import REAL
from ..api.answers import AutopilotConfig
from ..api.client import Client
from ..errors import AgentError

VERSION = 1
MAX_LEN = 4096
SETTING = "cleanup_dead_servers"
CAS_TRIES = 5
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Overtaken(AgentError):
    """Nothing was changed: a setting did not have the value that it should have had before."""


class Hold(NamedTuple):
    """Who holds since when, and the value of CleanupDeadServers to put back."""

    origin: str
    previous: bool
    created: str


def parse(data: bytes) -> Hold:
    """The hold in these bytes. Raises ValueError."""
    values = loads(data)
    if not isinstance(values, dict) or values.get("version") != VERSION:
        raise ValueError("it is not of version 1")
    origin, previous, created = (values.get(name) for name in ("origin", "previous", "created"))
    if not isinstance(origin, str) or not isinstance(previous, bool) or not isinstance(created, str):
        raise ValueError("a field is missing or of the wrong type")
    return Hold(origin, previous, created)


def render(hold: Hold) -> bytes:
    """The bytes of the file."""
    return (json.dumps({"version": VERSION, **hold._asdict()}) + "\n").encode("ascii")


class HoldFile:
    """The file with the hold, in an existing directory."""

    def __init__(self, path: str, uid: int) -> None:
        self.path = os.path.abspath(path)
        self._uid = uid
        self._name = os.path.basename(self.path)

    def load(self) -> Tuple[Optional[Hold], List[str]]:
        """The hold, or None, and warnings. Raises StoreError, or AgentError for a file that is not a hold."""
        with closing(self._directory()) as directory:
            status = directory.stat(self._name)
            if status is None:
                return None, []
            if status.st_uid not in (0, self._uid):  # the directory's owner could forge one
                return None, [f"{self.path} belongs to user {status.st_uid} and is not trusted; it is ignored"]
            data = read_head(directory, self._name, MAX_LEN)
        try:
            return parse(data), []
        except ValueError as error:
            hint = "Set CleanupDeadServers as it should be, then remove the file."
            raise AgentError(f"{self.path} is not a hold of this collection ({error})", hint) from error

    def write(self, hold: Hold) -> None:
        """Put the file in place, durably; mode 0600. Raises StoreError."""
        with closing(self._directory()) as directory:
            directory.replace_file(self._name, f"{self._name}.partial", render(hold))

    def remove(self) -> None:
        """Remove the file, durably; one that is gone already is fine. Raises StoreError."""
        with closing(self._directory()) as directory:
            status = directory.stat(self._name)
            if status is not None and stat.S_ISREG(status.st_mode):
                directory.remove(self._name)

    def _directory(self) -> Directory:
        """Where the file is. No link is followed above a Raft directory, since the service user owns what is there."""
        return open_given(os.path.dirname(self.path), REAL)


def check_origin(hold: Optional[Hold], origin: str, take_over: bool) -> None:
    """Refuse the hold of somebody else. Raises AgentError."""
    if hold is not None and origin and hold.origin != origin and not take_over:
        what = f"the cluster is held by {hold.origin} since {hold.created}, not by {origin}"
        raise AgentError(what, "Wait until that run is over; if it is dead, take the hold over.")


def set_settings(client: Client, settings: Mapping[str, Any], was: Mapping[str, Any] = NOTHING) -> AutopilotConfig:
    """Change settings with compare-and-set, and read the result back. Raises AgentError.

    Raises Overtaken if a setting in `was` does not have the value given there just before. Of two runs that want to
    change the same setting, only one succeeds.
    """
    for _attempt in range(CAS_TRIES):
        config = client.autopilot_config()
        check_unchanged(config, was)
        if not differences(config, settings):
            return config
        if client.set_autopilot_config(config.changed(settings)):
            break
    after = client.autopilot_config()
    if differences(after, settings):
        what = f"{client.url}: somebody else keeps changing the autopilot configuration"
        raise AgentError(what, "Find out who, then run again.")
    return after


def check_unchanged(config: AutopilotConfig, was: Mapping[str, Any]) -> None:
    """Raises Overtaken for a setting that has another value than in `was`."""
    for name, value in differences(config, was).items():
        what = f"autopilot's {name} is {config.setting(name)} and was {value} before: somebody else has changed it"
        raise Overtaken(what, "If another roll has begun, let it finish. Then run this again.")


def differences(config: AutopilotConfig, settings: Mapping[str, Any]) -> Dict[str, Any]:
    """The settings that the configuration does not have yet."""
    return {name: value for name, value in settings.items() if config.setting(name) != value}
