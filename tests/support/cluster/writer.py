# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A background writer that knows which of its writes a cluster has acknowledged.

Owns: writing Nomad variables one after the other, each under a path of its own, the record of every acknowledged one,
the longest gap between two acknowledgements, and reading all of them back. It must not know what is being done to the
cluster meanwhile: it only has addresses, and goes to the next one when the present one fails.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Address = tuple[str, int]

ERRORS = (OSError, http.client.HTTPException, ValueError)
SECONDS_BETWEEN_WRITES = 0.02
REQUEST_TIMEOUT_S = 4.0


class Client:
    """One connection kept to one server of several; the next server after a failure. Not for two threads at once."""

    def __init__(self, addresses: Sequence[Address], token: str | None = None) -> None:
        self._addresses = list(addresses)
        self._headers = {"X-Nomad-Token": token} if token else {}
        self._at = 0
        self._connection: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, parsed body or text). Raises one of ERRORS, and turns to the next server, when none came."""
        if self._connection is None:
            host, port = self._addresses[self._at % len(self._addresses)]
            self._connection = http.client.HTTPConnection(host, port, timeout=REQUEST_TIMEOUT_S)
        payload = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, body=payload, headers=self._headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except ERRORS:
            self.turn()
            raise
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def turn(self) -> None:
        """Give up this server's connection; the next request goes to the next server."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._at += 1


def put_variable(client: Client, path: str, value: str) -> bool:
    """True when the cluster acknowledged the write; False leaves it unknown, and it may be repeated."""
    try:
        status, _body = client.request("PUT", f"/v1/var/{path}", {"Path": path, "Items": {"value": value}})
    except ERRORS:
        return False
    if status != 200:
        client.turn()
    return status == 200


def read_variable(client: Client, path: str, deadline_s: float = 30.0) -> str | None:
    """The value as the leader has it now; None when there is no such variable. Raises TimeoutError."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        try:
            status, body = client.request("GET", f"/v1/var/{path}")
        except ERRORS:
            continue
        if status == 404:
            return None
        if status == 200:
            return str(body["Items"]["value"])
        client.turn()
    raise TimeoutError(f"no server answered for variable {path} within {deadline_s:.0f} s")


class Writer:
    """Writes in a thread of its own from start() to stop(). Read `acknowledged` and `longest_gap_s` after stop()."""

    def __init__(
        self,
        addresses: Sequence[Address],
        prefix: str = "writer",
        token: str | None = None,
        pause_s: float = SECONDS_BETWEEN_WRITES,
    ) -> None:
        self._pause_s = pause_s
        self._addresses = list(addresses)
        self._token = token
        self._prefix = prefix
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.acknowledged: dict[str, str] = {}
        self.failures = 0
        self.longest_gap_s = 0.0
        self.longest_gap_at_s = 0.0
        self._started = 0.0

    def start(self) -> Writer:
        """Begin; returns once the first write is acknowledged. Raises TimeoutError after 60 s."""
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self.acknowledged:
            if time.monotonic() > deadline:
                raise TimeoutError("the cluster acknowledged no write within 60 s")
            self._ended.wait(0.02)
        return self

    def stop(self) -> None:
        """End after the write that is under way. May be called twice."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(REQUEST_TIMEOUT_S * 2)

    def lost(self) -> list[str]:
        """Paths of acknowledged writes that the cluster does not give back as they were written."""
        items = sorted(self.acknowledged.items())
        shares = [items[start::4] for start in range(4)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(self._lost_of, shares))
        return sorted(path for share in found for path in share)

    def _lost_of(self, items: Iterable[tuple[str, str]]) -> list[str]:
        client = Client(self._addresses, self._token)
        return [path for path, value in items if read_variable(client, path) != value]

    def _run(self) -> None:
        client = Client(self._addresses, self._token)
        self._started = last = time.monotonic()
        number = 0
        while not self._ended.is_set():
            path, value = f"{self._prefix}/{number:08d}", f"value of write {number}"
            if not put_variable(client, path, value):
                self.failures += 1
                self._ended.wait(self._pause_s)
                continue
            now = time.monotonic()
            if self.acknowledged and now - last > self.longest_gap_s:
                self.longest_gap_s, self.longest_gap_at_s = now - last, last - self._started
            self.acknowledged[path] = value
            last, number = now, number + 1
            self._ended.wait(self._pause_s)


def fill(addresses: Sequence[Address], megabytes: int, token: str | None = None) -> int:
    """Bytes of variables written, in values of 40 kB under the same few paths: much log, little state."""
    value = "raftops " * 5000
    count = megabytes * 1_000_000 // len(value) + 1

    def write(share: int) -> None:
        client = Client(addresses, token)
        deadline = time.monotonic() + 120
        for number in range(share, count, 4):
            while not put_variable(client, f"filler/{share}", f"{number} {value}"):
                if time.monotonic() > deadline:
                    raise TimeoutError("the cluster did not take the filling writes within 120 s")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    return count * len(value)
