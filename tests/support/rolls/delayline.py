# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A long way: what is sent into a connection comes out of its other end later, in both directions, or not for now.

A delay line, as a cable is: each byte comes as long after it was sent as any other, and any number of them is on the
way at once. So the way is long, not narrow.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

CHUNK_LEN = 1 << 16


class LongWay:
    """The way to some hosts, for any number of connections."""

    def __init__(self, round_trip_s: float) -> None:
        self.round_trip_s = round_trip_s
        self._open = threading.Event()
        self._open.set()

    def through(self, connection: socket.socket) -> socket.socket:
        """The near end of the way to whoever is at the other end of this connection, which is the way's from then on.

        A connection takes a round trip to be made: nothing that is sent into it at first is under way before that.
        """
        near, far = socket.socketpair()
        made = time.monotonic() + self.round_trip_s
        for source, sink in ((connection, far), (far, connection)):
            line: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
            threading.Thread(target=self._take, args=(source, line, made), daemon=True).start()
            threading.Thread(target=self._give, args=(line, sink), daemon=True).start()
        return near

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
        """Nothing comes out at either end meanwhile; afterwards all of it."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def _take(self, source: socket.socket, line: SimpleQueue[tuple[float, bytes]], made: float) -> None:
        """Put what comes, and that nothing more will, on the line with the moment at which it is due."""
        chunk = b"something"
        while chunk:
            try:
                chunk = source.recv(CHUNK_LEN)
            except OSError:  # a connection that is cut off is one that has ended
                chunk = b""
            line.put((max(time.monotonic(), made) + self.round_trip_s / 2, chunk))

    def _give(self, line: SimpleQueue[tuple[float, bytes]], sink: socket.socket) -> None:
        """Send what is on the line when it is due, as long as somebody takes it."""
        chunk = b"something"
        with contextlib.suppress(OSError):
            while chunk:
                due, chunk = line.get()
                time.sleep(max(0.0, due - time.monotonic()))
                self._open.wait()
                if chunk:
                    sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)
