# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A long way: what is sent into a connection comes out of its other end later, in both directions.

A delay line, as a cable is: each byte comes as long after it was sent as any other, and any number of them is on the
way at once. So the way is long, not narrow.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from queue import SimpleQueue

CHUNK_LEN = 1 << 16


def lengthened(connection: socket.socket, round_trip_s: float) -> socket.socket:
    """The near end of a long way to whoever is at the other end of this connection, which is the way's from then on.

    A connection takes a round trip to be made: nothing that is sent into it at first is under way before that.
    """
    near, far = socket.socketpair()
    made = time.monotonic() + round_trip_s
    for source, sink in ((connection, far), (far, connection)):
        line: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        threading.Thread(target=_take, args=(source, line, made, round_trip_s / 2), daemon=True).start()
        threading.Thread(target=_give, args=(line, sink), daemon=True).start()
    return near


def _take(source: socket.socket, line: SimpleQueue[tuple[float, bytes]], made: float, delay_s: float) -> None:
    """Put what comes, and that nothing more will, on the line with the moment at which it is due."""
    chunk = b"something"
    while chunk:
        try:
            chunk = source.recv(CHUNK_LEN)
        except OSError:  # a connection that is cut off is one that has ended
            chunk = b""
        line.put((max(time.monotonic(), made) + delay_s, chunk))


def _give(line: SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
    """Send what is on the line when it is due, as long as somebody takes it."""
    chunk = b"something"
    with contextlib.suppress(OSError):
        while chunk:
            due, chunk = line.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if chunk:
                sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
