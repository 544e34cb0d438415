# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys that an agent's start would fail on: each fault is made, and taken away."""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import process as processes
from ansible_collections.raftops.nomad.plugins.module_utils._server.look import look
from ansible_collections.raftops.nomad.plugins.module_utils._server.startfiles import closed_to, unusable
from support.agent_server import AgentServer
from support.cluster.authority import Authority
from support.host import Host

CERTIFICATES = {"ca_file": "ca.pem", "cert_file": "server.pem", "key_file": "server.key"}
KEY = "1e70156a-c6aa-01a1-ba14-e2df5513ced6"


@pytest.fixture
def host(tmp_path: Path, server: AgentServer) -> Host:
    return Host(tmp_path, server.port)


def wrong(host: Host) -> dict[str, str]:
    """With an agent that runs: this process stands for it."""
    seen = look(host.given(), {}, host.systemctl)
    seen.process = processes.look(os.getpid())
    return dict(unusable(seen))


@pytest.fixture
def tls(host: Host) -> Path:
    """Where the certificates are that its configuration names."""
    folder = host.root / "tls"
    folder.mkdir()
    authority = Authority(folder)
    for name in "server", "other":
        authority.issue(name, "127.0.0.1")
    text = "".join(f'  {key} = "{folder}/{name}"\n' for key, name in CERTIFICATES.items())
    (host.config_dir / "tls.hcl").write_text(f"tls {{\n  rpc = true\n{text}}}\n")
    return folder


def test_no_certificates_and_no_keys(host: Host) -> None:
    assert wrong(host) == {}
    (host.config_dir / "tls.hcl").write_text('tls {\n  ca_file = "/nowhere"\n}\n')
    assert wrong(host) == {}, "TLS is off"


def test_keys_of_the_keyring(host: Host) -> None:
    keystore = host.raft_dir.parent / "keystore"
    keystore.mkdir()
    key = keystore / f"{KEY}.aead.nks.json"
    for text in "", "{", "[]", '{"Meta": {"KeyID": "0c36f51e-b2bb-1b17-949f-a5a934efe5a8"}}':
        key.write_text(text)
        assert wrong(host) == {str(key): "it is no key of a keyring"}
    key.write_text(json.dumps({"Meta": {"KeyID": KEY}, "KEK": "c2VjcmV0"}))
    (keystore / "notes.txt").write_text("no key, and no name of one")
    assert wrong(host) == {}


@pytest.mark.parametrize("text", ["", "{}", "[]", '["c2hvcnQ="]', '["no base64!"]', "[1]"])
def test_gossip_keys(host: Host, text: str) -> None:
    keyring = host.raft_dir.parent / "serf.keyring"
    keyring.write_text(text)
    assert wrong(host) == {str(keyring): "it is no list of gossip keys"}
    keyring.write_text(json.dumps([base64.b64encode(bytes(32)).decode()]))
    assert wrong(host) == {}


def test_where_no_agent_runs_there_is_nothing_to_lose_by_a_start(host: Host, tls: Path) -> None:
    (tls / "ca.pem").unlink()
    assert wrong(host) and dict(unusable(look(host.given(), {}, host.systemctl))) == {}


def test_an_agent_that_has_mounts_of_its_own_may_see_other_files(host: Host, tls: Path, tmp_path: Path) -> None:
    (tls / "ca.pem").unlink()
    seen = look(host.given(), {}, host.systemctl)
    seen.process = processes.look(os.getpid())
    for who, number in ("self", "1"), (str(os.getpid()), "2"):
        (tmp_path / "proc" / who / "ns").mkdir(parents=True)
        (tmp_path / "proc" / who / "ns/mnt").symlink_to(f"mnt:[{number}]")
    assert unusable(seen) and unusable(seen, str(tmp_path / "proc")) == ()


def test_certificates_that_are_sound(host: Host, tls: Path) -> None:
    assert sorted(path.name for path in tls.iterdir()) == sorted(
        {*CERTIFICATES.values(), "ca.key", "other.pem", "other.key"}
    )
    assert wrong(host) == {}


@pytest.mark.parametrize("name", CERTIFICATES.values())
def test_a_certificate_that_is_gone_or_no_file(host: Host, tls: Path, name: str) -> None:
    (tls / name).rename(tls / "kept")
    assert wrong(host) == {str(tls / name): "it is not there"}
    (tls / name).mkdir()
    assert wrong(host) == {str(tls / name): "it is no file"}
    (tls / name).rmdir()
    (tls / "kept").rename(tls / name)
    assert wrong(host) == {}


@pytest.mark.parametrize(("name", "text"), [("ca.pem", "nothing"), ("server.pem", "nothing"), ("server.key", "")])
def test_what_is_no_certificate(host: Host, tls: Path, name: str, text: str) -> None:
    (tls / name).write_text(text)
    found = wrong(host)
    assert len(found) == 1 and "".join(found.values()).startswith("it cannot be used (")


def test_the_key_of_another_certificate(host: Host, tls: Path) -> None:
    (tls / "server.key").write_text((tls / "other.key").read_text())
    assert wrong(host) == {str(tls / "server.pem"): "it cannot be used (KEY_VALUES_MISMATCH)"}


STATUS = "Name:\tnomad\nUid:\t{0}\t{0}\t{0}\t{0}\nGid:\t{0}\t{0}\t{0}\t{0}\nGroups:\t4712 4713\nCapEff:\t{1}\n"
NOMAD = STATUS.format(4711, "0000000000000000")


def test_a_file_that_root_has_edited_and_the_user_of_the_agent_may_not_read() -> None:
    root = Path(tempfile.mkdtemp(dir="/tmp"))  # below /tmp, where other users can look
    path = root / "nomad.hcl"
    try:
        root.chmod(0o755)
        path.write_text("")
        for mode, owner, group, closed in (
            (0o600, 0, 0, True), (0o640, 0, 4711, False), (0o640, 0, 4713, False), (0o640, 0, 0, True),
            (0o644, 0, 0, False), (0o600, 4711, 0, False), (0o044, 4711, 0, True),
        ):  # fmt: skip
            os.chown(path, owner, group)
            path.chmod(mode)
            told = [(str(path), "user 4711, as whom the agent runs, may not read it")] if closed else []
            assert list(closed_to([str(path)], NOMAD)) == told, (oct(mode), owner, group)
            assert list(closed_to([str(path)], STATUS.format(0, "000001ffffffffff"))) == []
            assert list(closed_to([str(path)], STATUS.format(4711, "0000000000000004"))) == [], "it reads all"
        path.chmod(0o600)
        os.chown(path, 0, 0)
        no_groups = NOMAD.replace("4712 4713", "").replace("Groups:\t", "Groups:\t \nNStgid:\t812")
        assert len(list(closed_to([str(path)], no_groups))) == 1
        path.chmod(0o444)
        root.chmod(0o700)
        assert len(list(closed_to([str(path)], NOMAD))) == 1, "its directory is closed"
        assert list(closed_to([str(path)], "")) == [] == list(closed_to([str(root / "none")], NOMAD))
    finally:
        shutil.rmtree(root)
