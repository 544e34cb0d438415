# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request to a server under test, independent of the collection's own client. Checks no answer."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from typing import Any, Dict, NamedTuple, Optional


class Answer(NamedTuple):
    """Status code (0: nobody answered), headers by lower-case name, body (parsed JSON, text, or bytes)."""

    status: int
    headers: Dict[str, str]
    body: Any


def request(
    method: str,
    url: str,
    body: Any = None,
    token: Optional[str] = None,
    timeout: float = 30.0,
    tls: Optional[str] = None,
) -> Answer:
    """The answer, whatever its status. Never uses a proxy. OSError when no server answers.

    `tls`: the directory with the ca.pem, client.pem and client.key for an https URL.
    """
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    if tls:
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=timeout, context=_context(tls)
        )
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Nomad-Token": token} if token else {}
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body=data, headers=headers)
        response = connection.getresponse()
        content = response.read()
    except http.client.HTTPException as error:
        raise OSError(f"{method} {url}: {error!r}") from error
    finally:
        connection.close()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, parsed(content))


def _context(files: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=f"{files}/ca.pem")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_cert_chain(f"{files}/client.pem", f"{files}/client.key")
    return context


def parsed(content: bytes) -> Any:
    """JSON where it parses as JSON (Nomad sends some JSON as text/plain), else text, else the bytes."""
    try:
        return json.loads(content)
    except ValueError:
        pass
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content
