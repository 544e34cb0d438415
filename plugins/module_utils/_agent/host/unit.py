# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of a unit, as far as it matters for taking the agent out and starting it again. Pure."""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Tuple

PROPERTIES = (
    "LoadState,ActiveState,MainPID,ExecStart,ExecStop,KillSignal,DropInPaths,NeedDaemonReload,EnvironmentFiles,"
    "EnvironmentFile,"  # older versions of systemd call it so
    "ExecMainStartTimestampMonotonic"
)

_CONFIG = re.compile(r"-config[= ]([^ ;]+)")
# $NAME may stand for any arguments, -config among them; so may ${NAME}, unless it is the value of the flag before it.
_WORD_OF_VARIABLES = re.compile(r"(?<= )(\$[^ ;]*)")
_VALUE = re.compile(
    r"(?<= )(--?(?!server |client |dev |dev-connect |dev-consul |dev-vault |bootstrap )[\w-]+) \$\{\w+\}(?= |$)"
)
_ENVIRONMENT_FILE = re.compile(r"(?m)^(/.*?) \(ignore_errors=(?:yes|no)\)$")
_NOT_LITERAL = re.compile(r"[\"'$\\]")  # quotes, variables, escapes: systemd would read them, this code does not


class Unit(NamedTuple):
    """A unit. `signal` is the one that stops it, 0 when an ExecStop= may send any; `stale`: its files are newer.

    `variables` are words of its command line that only systemd expands, from `environment_files`, which may have
    changed since it was `started` (seconds on the monotonic clock, 0 when it never was).
    """

    config_paths: Tuple[str, ...] = ()
    signal: int = 0
    loaded: bool = False
    state: str = ""
    main_pid: int = 0
    drop_ins: Tuple[str, ...] = ()
    stale: bool = False
    variables: Tuple[str, ...] = ()
    environment_files: Tuple[str, ...] = ()
    started: float = 0.0

    @property
    def literal(self) -> bool:
        """Whether the arguments stand there as the agent gets them."""
        return not self.variables and not any(_NOT_LITERAL.search(path) for path in self.config_paths)


def full_name(name: str) -> str:
    """The unit's name as systemd knows it."""
    return name if name.endswith(".service") else f"{name}.service"


def parse(shown: str) -> Unit:
    """The unit, from what `systemctl show --property=PROPERTIES` prints."""
    values: Dict[str, str] = {}
    for line in shown.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            values[name] = f"{values[name]}\n{value}" if name in values else value
    return Unit(
        config_paths=tuple(_CONFIG.findall(values.get("ExecStart", ""))),
        signal=0 if "{" in values.get("ExecStop", "") else _number(values.get("KillSignal", "")),
        loaded=values.get("LoadState", "") == "loaded",
        state=values.get("ActiveState", ""),
        main_pid=_number(values.get("MainPID", "")),
        drop_ins=tuple(values.get("DropInPaths", "").split()),
        variables=tuple(_WORD_OF_VARIABLES.findall(_VALUE.sub(r"\1 x", values.get("ExecStart", "")))),
        environment_files=tuple(
            _ENVIRONMENT_FILE.findall(values.get("EnvironmentFiles", values.get("EnvironmentFile", "")))
        ),
        started=_number(values.get("ExecMainStartTimestampMonotonic", "")) / 1e6,
        stale=values.get("NeedDaemonReload", "") == "yes",
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
