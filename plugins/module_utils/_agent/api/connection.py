# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an agent's API is and how to speak to it: module options, then NOMAD_* of the managed host, then defaults.

Owns the argument spec that the documentation fragment `connection` describes. Opens no connection.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, NamedTuple
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback

from ..errors import AgentError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4646
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
_FALSE_WORDS = ("0", "f", "false")  # what Go's ParseBool takes for false, in lower case
_TRUE_WORDS = ("1", "t", "true")


def argument_spec() -> Dict[str, Any]:
    """The options of every module that asks an agent."""
    return {
        "host": {"type": "str"},
        "port": {"type": "int"},
        "use_ssl": {"type": "bool"},
        "timeout": {"type": "int", "default": 10},
        "validate_certs": {"type": "bool"},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path", "fallback": (env_fallback, ["NOMAD_CLIENT_CERT"])},
        "client_key": {"type": "path", "no_log": False, "fallback": (env_fallback, ["NOMAD_CLIENT_KEY"])},
        "tls_server_name": {"type": "str", "fallback": (env_fallback, ["NOMAD_TLS_SERVER_NAME"])},
        "region": {"type": "str", "fallback": (env_fallback, ["NOMAD_REGION"])},
        "token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["NOMAD_TOKEN"])},
    }


class Connection(NamedTuple):
    """One agent's API. The token is in no message and not in `url`."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    use_ssl: bool = False
    timeout_s: float = 10.0
    validate_certs: bool = True
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    region: str = ""
    token: str = ""

    @property
    def url(self) -> str:
        """Scheme, host and port, as messages and results name the agent."""
        scheme = "https" if self.use_ssl else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def from_params(params: Mapping[str, Any], environ: Mapping[str, str]) -> Connection:
    """The connection that module parameters and the environment describe. Raises AgentError."""
    address = Connection() if params["host"] else _from_address(environ.get("NOMAD_ADDR", ""))
    use_ssl = address.use_ssl if params["use_ssl"] is None else params["use_ssl"]
    validate_certs = params["validate_certs"]
    if validate_certs is None:
        validate_certs = not _boolean("NOMAD_SKIP_VERIFY", environ.get("NOMAD_SKIP_VERIFY", ""))
    connection = Connection(
        host=params["host"] or address.host,
        port=address.port if params["port"] is None else params["port"],
        use_ssl=use_ssl,
        timeout_s=params["timeout"],
        validate_certs=validate_certs,
        ca_path=params["ca_path"] or environ.get("NOMAD_CACERT") or environ.get("NOMAD_CAPATH") or "",
        client_cert=params["client_cert"] or "",
        client_key=params["client_key"] or "",
        tls_server_name=params["tls_server_name"] or "",
        region=params["region"] or "",
        token=params["token"] or "",
    )
    _check(connection)
    return connection


def _check(connection: Connection) -> None:
    if not _HOST_NAME.fullmatch(connection.host):
        raise AgentError("host must be a name or an IP address", "Give the scheme with use_ssl and the port with port.")
    if not 1 <= connection.port <= 65535:
        raise AgentError(f"port {connection.port} is not between 1 and 65535")
    if connection.timeout_s < 1:
        raise AgentError("timeout must be at least 1 second")
    if any(ord(character) < 0x21 or ord(character) > 0x7E for character in connection.token):
        raise AgentError("the token has a character that is not allowed in a header", "Look for a line end or a space.")


def _from_address(text: str) -> Connection:
    """What NOMAD_ADDR says; defaults where it is empty. The value may hold a password, so no message shows it."""
    if not text:
        return Connection()
    hint = "Use http://HOST:PORT or https://HOST:PORT, or give host, port and use_ssl to the module."
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AgentError("NOMAD_ADDR is not an address", hint) from error
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.path.strip("/"):
        raise AgentError("NOMAD_ADDR is not the plain address of an agent", hint)
    use_ssl = parts.scheme == "https"
    return Connection(host=host, port=port or (443 if use_ssl else 80), use_ssl=use_ssl)


def _boolean(name: str, text: str) -> bool:
    if text.lower() in _TRUE_WORDS:
        return True
    if text and text.lower() not in _FALSE_WORDS:
        raise AgentError(f"{name} is neither true nor false")
    return False
