# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays as much of Grafana's API as silences and annotations need, after its documentation; compared with no Grafana.

Like the real one it lets a silence begin no earlier than now, whatever it was asked for.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SILENCES = "/api/alertmanager/grafana/api/v2/silence"
ANNOTATIONS = "/api/annotations"


class Grafana:
    """What it was asked for: silences by id, annotations by id, and the Authorization of each request."""

    def __init__(self) -> None:
        self.silences: dict[str, dict[str, Any]] = {}
        self.annotations: dict[str, dict[str, Any]] = {}
        self.keys: set[str | None] = set()
        self.url = ""

    def answer(self, method: str, path: str, body: Any) -> Any:
        """The answer to one request; None where there is no such thing."""
        identity = path.rpartition("/")[2]
        if (method, path) == ("GET", "/api/health"):
            return {"version": "11.2.0"}
        if path == f"{SILENCES}s" and method == "POST":
            return {"silenceID": self.silence(body)}
        if path == f"{SILENCES}s":
            return list(self.silences.values())
        if path.startswith(f"{SILENCES}/") and identity in self.silences:
            if method == "DELETE":
                self.silences[identity]["status"] = {"state": "expired"}
                return {"message": "silence deleted"}
            return self.silences[identity]
        if (method, path) == ("POST", ANNOTATIONS):
            self.annotations["7"] = body
            return {"id": 7, "message": "Annotation added"}
        if method == "PATCH" and path.startswith(ANNOTATIONS) and identity in self.annotations:
            self.annotations[identity].update(body)
            return {"message": "Annotation patched"}
        return None

    def silence(self, asked: dict[str, Any]) -> str:
        identity = f"silence-{len(self.silences)}"
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        begins = max(asked["startsAt"], now)
        self.silences[identity] = {**asked, "startsAt": begins, "id": identity, "status": {"state": "active"}}
        return identity


@contextmanager
def grafana() -> Iterator[Grafana]:
    """A server on loopback, for as long as the context lasts."""
    played = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            played.keys.add(self.headers.get("Authorization"))
            answer = played.answer(self.command, self.path, body)
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    played.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield played
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
