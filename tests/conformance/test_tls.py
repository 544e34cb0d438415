# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTPS port: only with the server's authority, and only for clients with a certificate when so configured."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterator, Optional

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.cluster.cluster import Cluster, Server, wait_until

DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority whose files lie in `root`: ca.pem, and NAME.pem with NAME.key for each certificate."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "raftops test authority")])
        self._write("ca", self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=0)), self.key)

    def issue(self, name: str, address: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))])
        self._write(name, self._sign(subject, key, names), key)

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - DAY).not_valid_after(now + DAY)
        return builder.add_extension(extension, critical=False).sign(self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        pem = serialization.Encoding.PEM
        (self.root / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
        plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (self.root / f"{name}.key").write_bytes(key.private_bytes(pem, *plain))


@pytest.fixture(params=[False, True], ids=["any client", "client certificate"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    cluster = Cluster(tmp_path / "cluster", size=1)
    server = cluster.servers[0]
    authority = Authority(tmp_path)
    authority.issue("server.global.nomad", server.address)
    authority.issue("client", "127.0.0.1")
    (server.config_dir / "tls.hcl").write_text(f"""tls {{
  http = true
  ca_file = "{tmp_path}/ca.pem"
  cert_file = "{tmp_path}/server.global.nomad.pem"
  key_file = "{tmp_path}/server.global.nomad.key"
  verify_https_client = {"true" if request.param else "false"}
}}
""")
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
