# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server's API and data are, as its configuration says, where nobody has said otherwise."""

from __future__ import annotations

import re
from typing import Any, Mapping

from .._agent.api.connection import Connection, from_params

_BELOW = re.compile(r"/(server/)?raft$")


def data_dir_of(raft_dir: str) -> str:
    """The data_dir for a Raft directory, "" for none."""
    return _BELOW.sub("", raft_dir)


def connection(given: Mapping[str, Any], agent: Mapping[str, Any], environ: Mapping[str, str]) -> Connection:
    """The agent's API: as given, else as configured. NOMAD_ADDR may name another server and is not looked at.

    `given` are a module's parameters, None for what is not given; `agent` is what agent_settings says. Raises
    AgentError for a connection that cannot be meant.
    """
    known = {"host": agent["http_host"] or "127.0.0.1", "port": agent["http_port"], "use_ssl": agent["use_ssl"]}
    chosen = {name: value if given[name] is None else given[name] for name, value in known.items()}
    return from_params({**given, **chosen}, environ)
