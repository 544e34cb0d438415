# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTPS port: only with the server's authority, and only for clients with a certificate when so configured."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterator, Optional

import pytest
from support.cluster.authority import Authority, write_tls_hcl
from support.cluster.cluster import Cluster, Server, wait_until


@pytest.fixture(params=[False, True], ids=["any client", "client certificate"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    cluster = Cluster(tmp_path / "cluster", size=1)
    server = cluster.servers[0]
    authority = Authority(tmp_path)
    authority.issue(server.name, server.address)
    authority.issue("client", "127.0.0.1")
    write_tls_hcl(server, tmp_path, verify_client=request.param)
    server.start()
    wait_until("HTTPS", lambda: answered(server, tmp_path, "client") == 200, 15)
    yield server
    cluster.stop_all()


def answered(server: Server, files: Path, client: Optional[str]) -> Optional[int]:
    """Status of an HTTPS request with this client certificate; None when the connection is refused."""
    context = ssl.create_default_context(cafile=str(files / "ca.pem"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if client:
        context.load_cert_chain(files / f"{client}.pem", files / f"{client}.key")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"https://{server.address}:{server.http_port}/v1/agent/self", timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_https(server: Server, tmp_path: Path) -> None:
    demanded = "verify_https_client = true" in (server.config_dir / "tls.hcl").read_text()
    assert answered(server, tmp_path, None) == (None if demanded else 200)
    plain = server.api("GET", "/v1/agent/self")
    assert (plain.status, plain.body) == (400, "Client sent an HTTP request to an HTTPS server.\n")
