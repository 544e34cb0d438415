# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to servers that send their answer byte by byte, wherever in the answer they do so."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import Unreachable

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PAUSE_S = 0.05


class Dripping:
    """Sends `begin` at once and then `rest` again and again, byte by byte."""

    def __init__(self, begin: bytes, rest: bytes) -> None:
        self._begin, self._rest = begin, rest
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer = self._listening.accept()[0]
        with contextlib.suppress(OSError):  # the client has had enough
            peer.recv(65536)
            peer.sendall(self._begin)
            while not self._ended.is_set():
                for byte in self._rest:
                    peer.sendall(bytes((byte,)))
                    self._ended.wait(PAUSE_S)
        peer.close()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._listening.close()


@pytest.fixture(
    params=[(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"", b"1"), (HEAD, b"A: b\r\n"), (HEAD, b"a"), (CHUNKED, b"0"),
            (CHUNKED, b"1\r\n \r\n"), (CHUNKED + b"0\r\n", b"A: b\r\n"), (HEAD + b"\r\n", b" ")],
    ids=["100", "status", "headers", "header", "chunk size", "chunks", "trailers", "body"],
)  # fmt: skip
def dripping(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    server = Dripping(*request.param)
    yield server
    server.close()


def test_no_slow_answer_goes_beyond_the_timeout(dripping: Dripping) -> None:
    client = Client(Connection(port=dripping.port, timeout_s=1.0))
    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"no answer: .*timed out"):
        client.leader()
    assert time.monotonic() - started < 4


def test_no_slow_snapshot_goes_beyond_its_deadline(dripping: Dripping) -> None:
    client = Client(Connection(port=dripping.port, timeout_s=60.0))
    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"no answer: .*timed out"):
        client.snapshot(False, lambda _piece: None, started + 1.0)
    assert time.monotonic() - started < 4
