# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown right above the question of a roll: what it would do, on 80 columns. Pure."""

from __future__ import annotations

from typing import List, Sequence

from .._text.lines import table
from .._text.sizes import cell
from . import cluster
from .options import Options
from .server import Server

Servers = Sequence[Server]


def question(servers: Servers, options: Options) -> str:
    """Several lines: each server that would be taken, what that needs and what is free, and how many there are."""
    taken = [server for server in cluster.taken(servers, options) if server.todo]
    later = len(cluster.later(servers, options))
    rows: List[Sequence[object]] = [("order", "server", "role", "size", "needs", "free")]
    for order, server in enumerate(taken, 1):
        sizes = [cell(server.size), cell(server.needs), cell(server.available or None)]
        rows.append([order, server.host, server.role, *sizes])
    rest = f", {later} in a later run" if later else ""
    done = len(servers) - len(taken) - later
    return "\n".join(
        [
            f"The Raft log stores of these Nomad servers will be moved to {options.backend}, one at a time:",
            *table(rows),
            f"{len(taken)} to move, {done} done{rest}.",
            "Ctrl-C stops the roll. If a server is out at that moment, its own host brings",
            "it back, and the same command goes on with the others.",
        ]
    )
