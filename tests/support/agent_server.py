# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP server in the test process that gives the answers Nomad 2.0.5 was recorded with, or worse ones."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from support.recordings import recording


class Answer(NamedTuple):
    """What the server sends. `chunks` replaces `body` when the body is to be sent chunked, piece by piece."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    chunks: Callable[[], Iterator[bytes]] | None = None


class Seen(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def recorded(case: str) -> Answer:
    """The answer of a recording, byte for byte as far as JSON keeps them."""
    found = recording(case)
    body = found["body"]
    keep = {name: value for name, value in found["headers"].items() if name in ("Content-Type", "Digest")}
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if found["headers"].get("Content-Type") == "application/json":
        raw = json.dumps(body).encode()
    return Answer(found["status"], keep, raw)


def plain(status: int, body: str) -> Answer:
    """An answer of plain text, as Nomad's errors are."""
    return Answer(status, {"Content-Type": "text/plain; charset=utf-8"}, body.encode())


def as_json(value: Any, status: int = 200) -> Answer:
    """An answer of JSON."""
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


class AgentServer:
    """`answers` maps (method, path without query) to one answer, or to a list whose last one stays."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answers: dict[tuple[str, str], Answer | list[Answer]] = {}
        self.seen: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def on(self, path: str, *answers: Answer, method: str = "GET") -> None:
        """Give these answers to this path, one after the other."""
        self.answers[method, path] = list(answers)

    def play(self, *cases: str) -> None:
        """Give the recorded answers to the requests they were recorded for."""
        for case in cases:
            request = recording(case)["request"]
            self.on(request["path"].split("?")[0], recorded(case), method=request["method"])

    def asked(self, path: str) -> list[Seen]:
        """The requests for this path, without its query."""
        return [seen for seen in self.seen if seen.path.split("?")[0] == path]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _next(self, method: str, path: str) -> Answer:
        answers = self.answers.get((method, path), plain(404, "no such path in this test"))
        if isinstance(answers, Answer):
            return answers
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                owner.seen.append(Seen(self.command, self.path, dict(self.headers), body))
                answer = owner._next(self.command, self.path.split("?")[0])
                self.send_response(answer.status)
                length = {} if answer.chunks else {"Content-Length": str(len(answer.body))}
                for name, value in {**length, **answer.headers}.items():
                    self.send_header(name, value)
                if answer.chunks:
                    self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a client may have had enough
                    self.send_body(answer)
                self.close_connection = True

            def send_body(self, answer: Answer) -> None:
                if not answer.chunks:
                    self.wfile.write(answer.body)
                    return
                for chunk in answer.chunks():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_PUT = handle_any

            def log_message(self, *args: Any) -> None:
                return

        return Handler
