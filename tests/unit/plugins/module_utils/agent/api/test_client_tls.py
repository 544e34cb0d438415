# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS against a real TLS server whose certificate has Nomad's usual name and no address in it."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import (
    Connection,
    argument_spec,
    from_params,
)
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import Failed, Unreachable
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.agent_server import AgentServer, plain

NAME = "server.global.nomad"


class Authority:
    """A certificate authority of this test, with a certificate for the server and one for a client."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.ca_path = self._write("ca.pem", self._certificate(self._name, self._key, is_authority=True))
        self.server_cert, self.server_key = self.issue("server", NAME)
        self.client_cert, self.client_key = self.issue("client", "client.global.nomad")

    def issue(self, file: str, name: str, begins_h: int = -1, ends_h: int = 1) -> tuple[str, str]:
        """Paths of a certificate and its key; it is valid between these hours from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        encoded = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = self._certificate(
            subject, key, is_authority=False, dns_name=name, begins_h=begins_h, ends_h=ends_h
        )
        return self._write(f"{file}.pem", certificate), self._write(f"{file}.key", encoded)

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        is_authority: bool,
        dns_name: str = "",
        begins_h: int = -1,
        ends_h: int = 1,
    ) -> bytes:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(hours=begins_h))
            .not_valid_after(now + datetime.timedelta(hours=ends_h))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if is_authority:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if dns_name:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns_name)]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _write(self, name: str, content: bytes) -> str:
        path = self.root / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def serve(authority: Authority, wants_client: bool = False) -> AgentServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_cert, authority.server_key)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca_path)
    server = AgentServer(context)
    server.play("status_leader")
    return server


@pytest.fixture
def tls_server(authority: Authority) -> Iterator[AgentServer]:
    server = serve(authority)
    yield server
    server.close()


def ask(server: AgentServer, **options: object) -> str:
    return Client(Connection(port=server.port, use_ssl=True, timeout_s=5.0, **options)).leader()  # type: ignore[arg-type]


def test_the_name_in_the_certificate_may_differ_from_the_address(tls_server: AgentServer, authority: Authority) -> None:
    assert ask(tls_server, ca_path=authority.ca_path, tls_server_name=NAME) == "127.0.0.11:4647"


def test_the_authorities_may_be_in_a_directory(tls_server: AgentServer, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "any-name.pem").write_bytes(Path(authority.ca_path).read_bytes())
    assert ask(tls_server, ca_path=str(tmp_path), tls_server_name=NAME) == "127.0.0.11:4647"


def test_a_wrong_name_an_unknown_authority_and_no_check(tls_server: AgentServer, authority: Authority) -> None:
    with pytest.raises(Unreachable, match="tls_server_name"):
        ask(tls_server, ca_path=authority.ca_path)
    with pytest.raises(Unreachable, match="Give the authority in ca_path"):
        ask(tls_server, tls_server_name=NAME)
    with pytest.raises(Unreachable, match=rf"{authority.client_cert} \(ca_path\) may not be its authority"):
        ask(tls_server, ca_path=authority.client_cert, tls_server_name=NAME)
    assert tls_server.seen == []
    assert ask(tls_server, validate_certs=False) == "127.0.0.11:4647"


@pytest.mark.parametrize(("begins_h", "ends_h"), [(-3, -2), (2, 3)], ids=["expired", "not yet valid"])
def test_a_certificate_out_of_its_time_is_refused(authority: Authority, begins_h: int, ends_h: int) -> None:
    authority.server_cert, authority.server_key = authority.issue("other", NAME, begins_h, ends_h)
    server = serve(authority)
    try:
        trust = {"ca_path": authority.ca_path, "tls_server_name": NAME}
        with pytest.raises(Unreachable, match=r"expired|not yet valid"):
            ask(server, **trust)
        assert server.seen == []
        assert ask(server, **trust, validate_certs=False) == "127.0.0.11:4647"
    finally:
        server.close()
        authority.server_cert, authority.server_key = authority.issue("server", NAME)


def test_certificates_are_checked_unless_somebody_said_otherwise(tls_server: AgentServer) -> None:
    """By default, and with what a module makes of options that were not given."""
    with pytest.raises(Unreachable, match="ca_path"):
        ask(tls_server)
    given = {"host": "127.0.0.1", "port": tls_server.port, "use_ssl": True, "timeout": 5}
    params = {**dict.fromkeys(argument_spec()), **given}
    assert from_params(params, {}).validate_certs is True
    with pytest.raises(Unreachable, match="ca_path"):
        Client(from_params(params, {})).leader()
    assert tls_server.seen == []


def test_a_client_certificate_is_shown_when_asked_for(authority: Authority) -> None:
    server = serve(authority, wants_client=True)
    try:
        trust = {"ca_path": authority.ca_path, "tls_server_name": NAME}
        with pytest.raises(Unreachable, match="no answer"):
            ask(server, **trust)
        mine = {"client_cert": authority.client_cert, "client_key": authority.client_key}
        assert ask(server, **trust, **mine) == "127.0.0.11:4647"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ca_path": "absent.pem"}, "ca_path {root}/absent.pem: No such file or directory"),
        ({"ca_path": "text"}, "ca_path {root}/text: "),
        ({"ca_path": "folder"}, "ca_path {root}/folder/text: "),
        ({"client_cert": "absent.pem"}, "client_cert {root}/absent.pem: No such file or directory"),
        ({"client_key": "absent.key"}, "client_key {root}/absent.key: No such file or directory"),
        ({"client_key": "other.key"}, "client_cert {cert} with client_key {root}/other.key: "),
        ({"client_key": "locked.key"}, "client_cert {cert} with client_key {root}/locked.key: "),
        ({"client_key": ""}, "client_cert {cert}, which has to hold the key too: "),
    ],
)
def test_the_file_that_is_wrong_is_named(
    authority: Authority, tmp_path: Path, wrong: dict[str, str], words: str
) -> None:
    (tmp_path / "folder").mkdir()
    for text in "text", "folder/text":
        (tmp_path / text).write_text("no certificate")
    (tmp_path / "other.key").write_bytes(Path(authority.server_key).read_bytes())
    locked = serialization.BestAvailableEncryption(b"secret")
    (tmp_path / "locked.key").write_bytes(encoded(Path(authority.client_key).read_bytes(), locked))
    right = {"ca_path": authority.ca_path, "client_cert": authority.client_cert, "client_key": authority.client_key}
    given = {**right, **{name: value and str(tmp_path / value) for name, value in wrong.items()}}
    with pytest.raises(Unreachable) as raised:
        Client(Connection(use_ssl=True, **given))  # type: ignore[arg-type]
    assert f"cannot set up TLS: {words.format(root=tmp_path, cert=authority.client_cert)}" in str(raised.value)


def encoded(key: bytes, encryption: serialization.KeySerializationEncryption) -> bytes:
    private = serialization.load_pem_private_key(key, None)
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def test_https_to_http_and_http_to_https_say_so(server: AgentServer, tls_server: AgentServer) -> None:
    with pytest.raises(Unreachable, match="Check use_ssl"):
        ask(server)
    server.on("/v1/status/leader", plain(400, "Client sent an HTTP request to an HTTPS server.\n"))
    with pytest.raises(Failed, match="Set use_ssl to true"):
        Client(Connection(port=server.port)).leader()
