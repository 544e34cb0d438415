# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line of an agent says: /proc/PID/cmdline as Go's package flag reads it. Pure.

Flags win over all configuration files, and nothing else tells of them once the process is gone. Only names of the other
flags are kept: -encrypt and the tokens of Consul and Vault stand on command lines.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Sequence, Tuple

# What a running process was told by its environment alone. Nomad 2.0.5 reads no path and no setting of Raft from it.
AGENT_VARIABLES = ("NOMAD_LICENSE", "NOMAD_LICENSE_PATH", "NOMAD_CLIENT_INTRO_TOKEN")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
# Flags that take no value of their own (command/agent/command.go, readConfig), so what follows is no value.
_SWITCHES = re.compile(
    r"dev(?:-connect|-consul|-vault)?|server|client|rejoin|log-json|log-include-location|eventlog|acl-enabled"
    r"|consul-auto-advertise|consul-checks-use-advertise|consul-(?:client|server)-auto-join|consul-ssl"
    r"|consul-verify-ssl|vault-enabled|vault-allow-unauthenticated|vault-tls-skip-verify"
)


class CommandLine(NamedTuple):
    """The flags of an agent that matter to its store, and the names of the others."""

    agent: bool = False  # whether the program is run as an agent
    config_paths: Tuple[str, ...] = ()
    data_dir: str = ""
    server: bool = False
    dev: bool = False
    others: Tuple[str, ...] = ()


def parse(cmdline: bytes) -> CommandLine:
    """The command line, from /proc/PID/cmdline; an empty one for what is no agent.

    Bytes that are not UTF-8 become surrogates, as in os.fsdecode.
    """
    words = cmdline.decode("utf-8", "surrogateescape").split("\0")
    if words and words[-1] == "":
        words.pop()
    if words[1:2] != ["agent"]:
        return CommandLine()
    flags = _flags(words[2:])
    switched = {name for name, value in flags if _SWITCHES.fullmatch(name) and value not in _FALSE}
    known = {"config", "data-dir", "server"}
    return CommandLine(
        agent=True,
        config_paths=tuple(value for name, value in flags if name == "config"),
        data_dir=["", *(value for name, value in flags if name == "data-dir")][-1],
        server="server" in switched,
        dev=any(name in switched for name in ("dev", "dev-connect", "dev-consul", "dev-vault")),
        others=tuple(sorted({name for name, _value in flags} - known)),
    )


def _flags(words: Sequence[str]) -> List[Tuple[str, str]]:
    """Name and value of each flag; reading ends at the first word that is none (package flag, FlagSet.parseOne)."""
    flags = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "--"):
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if not equals and not _SWITCHES.fullmatch(name) and rest:
            value = rest.pop(0)
        flags.append((name, value))
    return flags


def variables(environ: bytes) -> Tuple[str, ...]:
    """Names of the variables in /proc/PID/environ that an agent reads. Their values are left out: one is a token."""
    names = {entry.partition(b"=")[0].decode("utf-8", "replace") for entry in environ.split(b"\0")}
    return tuple(name for name in AGENT_VARIABLES if name in names)


def unit(cgroup: str) -> str:
    """The unit of systemd in which a process is, from /proc/PID/cgroup; "" when it is in none."""
    for line in cgroup.splitlines():
        hierarchy, controllers, path = [*line.split(":", 2), "", ""][:3]
        if hierarchy == "0" or controllers == "name=systemd":
            found = [part for part in path.split("/") if part.endswith(".service")]
            if found:
                return found[-1]
    return ""
