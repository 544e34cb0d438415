# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP client: the only code of the collection that speaks to an agent.

Answers are treated as hostile: their size and time are bounded, JSON is parsed whatever the Content-Type says (Nomad
sends the 429 of autopilot health as text/plain), and types are checked by `answers`. An error names the URL, the status
and what to do, and never shows the token. No proxy, no redirect, no .netrc: the token goes to the agent only.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from types import MappingProxyType
from typing import Any, Callable, Mapping, NamedTuple, Optional, Tuple, TypeVar
from urllib.parse import urlencode

from ..._disk.plainjson import no_constant, short_int
from ..errors import BadAnswer, Denied, Failed, NoLeader, NotListening, Unreachable
from . import answers
from .connection import Connection
from .metrics import Metrics, parse_metrics
from .transport import connect, tls_context

T = TypeVar("T")
Query = Mapping[str, str]
NO_QUERY: Query = MappingProxyType({})

MAX_ANSWER_LEN = 8 << 20  # bytes; an agent/self is about 14 kB, autopilot health 300 bytes per server
MAX_ERROR_LEN = 4 << 10
_CHUNK_LEN = 256 << 10


class Answer(NamedTuple):
    """An answer as it came: HTTP status, headers and body."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Transfer(NamedTuple):
    """What transfer-leadership answered: Raft IDs of the old and new leader; `noop` when it led already."""

    from_id: str
    to_id: str
    noop: bool


class Client:
    """One agent. Each call is one request; nothing is remembered between them."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self.connection = connection
        self.url = connection.url
        self._clock = clock
        try:
            self._context = tls_context(connection)
        except OSError as error:
            hint = "Check ca_path, client_cert and client_key on this host."
            raise Unreachable(f"cannot set up TLS: {error}", self.url, hint=hint) from error

    def agent_self(self) -> answers.Agent:
        """The agent about itself; answered without a leader."""
        return self._ask("/v1/agent/self", answers.parse_agent, "agent:read")

    def autopilot_health(self) -> Tuple[int, answers.Autopilot]:
        """HTTP status (200 or 429) and the leader's view."""
        path = "/v1/operator/autopilot/health"
        answer = self._request("GET", path, {})
        if answer.status == 429 and not answer.body.lstrip().startswith(b"{"):
            raise self._error(path, answer, "operator:read")
        if answer.status not in (200, 429):
            raise self._error(path, answer, "operator:read")
        return answer.status, self._parse(path, answer, answers.parse_autopilot)

    def autopilot_config(self) -> answers.AutopilotConfig:
        """The autopilot configuration in force."""
        return self._ask("/v1/operator/autopilot/configuration", answers.parse_autopilot_config, "operator:read")

    def set_autopilot_config(self, config: answers.AutopilotConfig) -> bool:
        """Replace the configuration; False (with status 200) when it has changed since `config.modify_index`."""
        path = "/v1/operator/autopilot/configuration"
        answer = self._request("PUT", path, {"cas": str(config.modify_index)}, json.dumps(config.fields).encode())
        if answer.status != 200:
            raise self._error(path, answer, "operator:write")
        return self._parse(path, answer, _boolean)

    def raft_configuration(self) -> answers.RaftConfiguration:
        """The Raft configuration as this server has it, not the leader's; answered without a leader."""
        path = "/v1/operator/raft/configuration"
        return self._ask(path, answers.parse_raft_configuration, "management", {"stale": ""})

    def leader(self) -> str:
        """RPC address of the leader as this agent knows it."""
        return self._ask("/v1/status/leader", _text, "")

    def metrics(self) -> Metrics:
        """What the agent has measured in the last interval that is over; needs no token."""
        return self._ask("/v1/metrics", parse_metrics, "")

    def transfer_leadership(self, server_id: str) -> Transfer:
        """Make this server the leader; the reply alone does not prove that it leads."""
        path = "/v1/operator/raft/transfer-leadership"
        answer = self._request("PUT", path, {"id": server_id})
        if answer.status != 200:
            raise self._error(path, answer, "management")
        return self._parse(path, answer, _transfer)

    def snapshot(self, stale: bool, sink: Callable[[bytes], None], deadline: float) -> str:
        """Stream a snapshot archive into `sink`; returns its Digest header. `deadline` is on the client's clock."""
        path = "/v1/operator/snapshot"
        response = self._open("GET", path, {"stale": ""} if stale else {}, None, deadline)
        with response:
            if response.code != 200:
                raise self._error(path, self._read_all(path, response), "operator:write or snapshot-save")
            self._stream(path, response, sink, deadline)
            return str(response.headers.get("Digest", ""))

    def _ask(self, path: str, parse: Callable[[Any], T], needs: str, query: Query = NO_QUERY) -> T:
        answer = self._request("GET", path, query)
        if answer.status != 200:
            raise self._error(path, answer, needs)
        return self._parse(path, answer, parse)

    def _request(self, method: str, path: str, query: Query, body: Optional[bytes] = None) -> Answer:
        response = self._open(method, path, query, body, self._clock() + self.connection.timeout_s)
        with response:
            return self._read_all(path, response)

    def _open(self, method: str, path: str, query: Query, body: Optional[bytes], deadline: float) -> Any:
        """Send the request; returns the response with its status and headers read, whatever the status is."""
        if self.connection.region:
            query = {**query, "region": self.connection.region}
        headers = {"User-Agent": "raftops.nomad", "Connection": "close"}
        if self.connection.token:
            headers["X-Nomad-Token"] = self.connection.token
        line = connect(self.connection, self._context, deadline, self._clock)
        try:
            line.request(method, path + (f"?{urlencode(query)}" if query else ""), body, headers)
            return line.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            line.close()
            raise self._no_answer(path, error) from error

    def _read_all(self, path: str, response: Any) -> Answer:
        chunks = []
        have = 0

        def keep(chunk: bytes) -> None:
            nonlocal have
            have += len(chunk)
            if have > MAX_ANSWER_LEN:
                raise BadAnswer(f"the answer is longer than {MAX_ANSWER_LEN} bytes", self.url + path, response.code)
            chunks.append(chunk)

        self._stream(path, response, keep, self._clock() + self.connection.timeout_s)
        return Answer(response.code, response.headers, b"".join(chunks))

    def _stream(self, path: str, response: Any, sink: Callable[[bytes], None], deadline: float) -> None:
        """Hand the body to `sink` in pieces. read1 returns what has come, so a slow sender meets the deadline."""
        expected = response.length  # None for a chunked body
        received = 0
        while True:
            if self._clock() > deadline:
                raise self._no_answer(path, TimeoutError("timed out before the answer had ended"))
            try:
                chunk = response.read1(_CHUNK_LEN)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise self._no_answer(path, error) from error
            if not chunk:
                break
            received += len(chunk)
            sink(chunk)
        if expected is not None and received < expected:  # read1 does not say so itself
            raise Unreachable(f"the answer ended after {received} of {expected} bytes", self.url + path, response.code)

    def _parse(self, path: str, answer: Answer, parse: Callable[[Any], T]) -> T:
        try:
            return parse(json.loads(answer.body, parse_int=short_int, parse_constant=no_constant))
        except (ValueError, RecursionError) as error:  # ValueError covers JSON and UTF-8 errors
            hint = "Check that host and port are those of a Nomad agent's HTTP API."
            raise BadAnswer(f"unexpected answer: {error}", self.url + path, answer.status, hint) from error

    def _no_answer(self, path: str, reason: object) -> Unreachable:
        kind = NotListening if isinstance(reason, ConnectionRefusedError) else Unreachable
        hint = "Check that the agent runs, and host, port and use_ssl (in a playbook raft_logstore_host and so on)."
        if isinstance(reason, ssl.SSLCertVerificationError):
            given = self.connection.ca_path
            hint = "Give the authority in ca_path and the name in the certificate in tls_server_name."
            hint = f"{given} (ca_path) may not be its authority, or tls_server_name not its name." if given else hint
        elif isinstance(reason, ssl.SSLError):
            hint = "Check use_ssl, and client_cert if the agent verifies clients."
        elif isinstance(reason, TimeoutError) or "timed out" in str(reason):
            hint = "Check that the agent is well, or raise timeout."
        elif isinstance(reason, OSError) and reason.errno:
            reason = os.strerror(reason.errno)
        return kind(f"no answer: {self._clean(str(reason))}", self.url + path, hint=hint)

    def _error(self, path: str, answer: Answer, needs: str) -> Exception:
        """The error for an answer whose status is not the wanted one."""
        text = self._clean(answer.body[:MAX_ERROR_LEN].decode("utf-8", "replace"))
        url, status = self.url + path, answer.status
        if status == 403:
            hint = f"It needs a token with {needs}." if self.connection.token else f"Give a token with {needs}."
            return Denied(f"{text} (403)", url, status, hint)
        if "No cluster leader" in text:
            return NoLeader(f"{text} ({status})", url, status, "Find out why the servers cannot elect one.")
        if status == 400 and "HTTPS server" in text:
            return Failed(f"{text} ({status})", url, status, "Set use_ssl to true.")
        if status == 429:
            return Failed(f"{text} (429)", url, status, "The agent limits connections (http_max_conns_per_client).")
        return Failed(f"{text} ({status})", url, status)

    def _clean(self, text: str) -> str:
        """A short, printable form of foreign text, without the token."""
        if self.connection.token:
            text = text.replace(self.connection.token, "TOKEN")
        text = "".join(character if character.isprintable() else " " for character in text).strip()
        return text[:300] or "an empty answer"


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is neither true nor false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("it is not a string")
    return value


def _transfer(value: Any) -> Transfer:
    if not isinstance(value, dict) or value.get("Err") is not None:
        raise ValueError("leadership was not moved" if isinstance(value, dict) else "it is not an object")
    sides = [value.get(name) for name in ("From", "To")]
    ids = [side.get("ID") if isinstance(side, dict) else None for side in sides]
    return Transfer(_text(ids[0]), _text(ids[1]), _boolean(value.get("Noop")))
