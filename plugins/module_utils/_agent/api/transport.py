# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a request reaches an agent, for client.py: the TLS context, and a connection whose answer has a deadline.

It uses http.client, not ansible.module_utils.urls: with the latter, a server that sends its headers or chunk sizes byte
by byte can keep a module waiting for ever, because a socket's timeout starts again with each byte.
"""

from __future__ import annotations

import http.client
import io
import os
import ssl
from typing import Any, Callable

from .connection import Connection


class _NamedContext(ssl.SSLContext):
    """A TLS context that expects this name in the certificate, whatever address was connected to."""

    server_name = ""

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """The socket with TLS, as http.client wraps it."""
        if self.server_name:
            kwargs["server_hostname"] = self.server_name
        return super().wrap_socket(sock, *args, **kwargs)


def tls_context(connection: Connection) -> ssl.SSLContext:
    """The context for HTTPS. Raises OSError when a file of it cannot be read or used.

    Without HTTPS it is an empty context; with none, Ansible would load all authorities of the host for each request.
    """
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    if not connection.use_ssl:
        return context
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.server_name = connection.tls_server_name
    if not connection.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not connection.ca_path:
        context.load_default_certs()
    elif os.path.isdir(connection.ca_path):
        for name in sorted(os.listdir(connection.ca_path)):  # capath= needs hashes as file names
            _load_authority(context, os.path.join(connection.ca_path, name))
    else:
        _load_authority(context, connection.ca_path)
    if connection.client_cert:
        _load_client(context, connection.client_cert, connection.client_key)
    return context


def _load_authority(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:
        raise OSError(f"ca_path {path}: {error.strerror or error}") from error


def _load_client(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL says neither which of the two files it means, nor would it ask for a pass phrase where one can answer."""
    for option, path in (("client_cert", certificate), ("client_key", key or certificate)):
        try:
            os.stat(path)
        except OSError as error:
            raise OSError(f"{option} {path}: {error.strerror}") from error
    try:
        context.load_cert_chain(certificate, key or None, password="")
    except OSError as error:
        files = f"client_cert {certificate}" + (f" with client_key {key}" if key else ", which has to hold the key too")
        raise OSError(f"{files}: {error.strerror or error}") from error


class _TimedReader(io.RawIOBase):
    """Reads a socket until the deadline, with no pause longer than `pause_s`. Raises TimeoutError."""

    def __init__(self, sock: Any, deadline: float, pause_s: float, clock: Callable[[], float]) -> None:
        self._sock = sock
        self._deadline = deadline
        self._pause_s = pause_s
        self._clock = clock

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for some bytes. A socket's own timeout starts again with each byte, which a slow sender never meets."""
        left_s = self._deadline - self._clock()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(min(left_s, self._pause_s))
        return int(self._sock.recv_into(buffer))


def connect(
    connection: Connection, context: ssl.SSLContext, deadline: float, clock: Callable[[], float]
) -> http.client.HTTPConnection:
    """A connection whose answer is read until the deadline and no longer. It connects with its first request."""
    host, port, pause_s = connection.host, connection.port, connection.timeout_s
    line = http.client.HTTPConnection(host, port, timeout=pause_s)
    if connection.use_ssl:
        line = http.client.HTTPSConnection(host, port, timeout=pause_s, context=context)

    def timed_response(sock: Any, **kwargs: Any) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, **kwargs)
        response.untimed = response.fp  # type: ignore[attr-defined]  # keeps the socket open until the end
        response.fp = io.BufferedReader(_TimedReader(sock, deadline, pause_s, clock))
        return response

    line.response_class = timed_response  # type: ignore[assignment]
    return line
