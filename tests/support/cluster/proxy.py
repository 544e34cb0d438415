# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A liar between a roll and one server's API: passes every call on to the real server, and may spoil what comes back.

For faults that no healthy server shows by itself, such as a snapshot that is damaged on its way. While the server is
down a connection ends without an answer, so the server must be up when a roll begins.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from support.cluster.cluster import Cluster
from support.cluster.server import Server

LIMIT_S = 60


class Call(NamedTuple):
    """One request to a server."""

    server: Server
    method: str
    path: str
    body: bytes


class Reply(NamedTuple):
    """What goes back: status, headers without those of the transfer, body."""

    status: int
    headers: dict[str, str]
    body: bytes


# Gives the reply to send; `pass_on()` asks the real server, and may be called or not.
Spoil = Callable[[Call, Callable[[], Reply]], Reply]


@contextlib.contextmanager
def proxies(cluster: Cluster, spoil: Spoil) -> Iterator[dict[str, dict[str, Any]]]:
    """Host variables for playbooks.write_inventory() that lead each server's API calls through a proxy."""
    started = {server.name: _serve(server, spoil) for server in cluster.servers}
    try:
        yield {
            name: {"raft_logstore_host": "127.0.0.1", "raft_logstore_port": one.server_address[1]}
            for name, one in started.items()
        }
    finally:
        for one in started.values():
            one.shutdown()
            one.server_close()


def _serve(server: Server, spoil: Spoil) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = Call(server, self.command, self.path, body)
            try:
                reply = spoil(call, lambda: _pass_on(call, dict(self.headers)))
            except (OSError, HTTPException):  # nobody there: end the connection as the server would
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_PUT = do_POST = handle_any

        def log_message(self, *args: Any) -> None:
            return

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return made


def _pass_on(call: Call, headers: dict[str, str]) -> Reply:
    connection = HTTPConnection(call.server.address, call.server.http_port, timeout=LIMIT_S)
    kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
    try:
        connection.request(call.method, call.path, call.body or None, kept)
        answer = connection.getresponse()
        transfer = ("content-length", "transfer-encoding", "connection", "date")
        given = {name: value for name, value in answer.getheaders() if name.lower() not in transfer}
        return Reply(answer.status, given, answer.read())
    finally:
        connection.close()
