# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the other servers take connections on the address that Raft uses.

The leader's autopilot looks at each server every two seconds, so a server that has just died is still called healthy
(nomad autopilot.go, ServerHealthInterval). Its port is closed at once. Nomad says nothing of a connection that ends
before its first byte.
"""

from __future__ import annotations

import socket
from typing import Iterable

CONNECT_S = 2.0


def silent(addresses: Iterable[str]) -> str:
    """The first of these addresses (host:port) that takes no connection, and why, in a sentence; or ""."""
    for address in addresses:
        host, _colon, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        except (OSError, ValueError) as error:
            return f"the server at {address} takes no connection: {getattr(error, 'strerror', None) or error}"
    return ""
