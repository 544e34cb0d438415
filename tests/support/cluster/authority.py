# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority for a test cluster, and the files with which its servers speak HTTPS only."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.cluster.cluster import Cluster
from support.cluster.server import Server

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


def write_tls_hcl(server: Server, files: Path, verify_client: bool) -> None:
    """Have the server speak HTTPS with its certificate among the files of an authority."""
    (server.config_dir / "tls.hcl").write_text(f"""tls {{
  http = true
  ca_file = "{files}/ca.pem"
  cert_file = "{files}/{server.name}.pem"
  key_file = "{files}/{server.name}.key"
  verify_https_client = {"true" if verify_client else "false"}
}}
""")


def secure(cluster: Cluster) -> None:
    """Before its first start: every server answers by HTTPS, and only those who show a certificate."""
    files = cluster.root / "tls"
    files.mkdir()
    authority = Authority(files)
    authority.issue("client", "127.0.0.1")
    for server in cluster.servers:
        authority.issue(server.name, server.address)
        write_tls_hcl(server, files, verify_client=True)
        server.remember(tls=str(files))
