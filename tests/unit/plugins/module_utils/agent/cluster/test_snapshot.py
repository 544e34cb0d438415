# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: the recorded archive is taken, everything else leaves nothing behind and shows nothing of its content."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import random
import resource
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import snapshot
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError, Unreachable
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory, lock_exclusive
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import InUse, Refused, WriteFailed
from ansible_collections.raftops.nomad.plugins.module_utils._text.sizes import human
from support.agent_server import AgentServer, Answer
from support.paths import ANSWERS
from support.recordings import recording

BODY = (ANSWERS / "snapshot-save-stale-follower.body.tgz").read_bytes()
PATH = "/v1/operator/snapshot"


def digest_of(body: bytes) -> str:
    return "sha-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def chunked(body: bytes, digest: str | None = None) -> Answer:
    pieces = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
    return Answer(200, {"Digest": digest_of(body) if digest is None else digest}, chunks=lambda: iter(pieces))


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    opened = snapshot.open_directory(str(tmp_path / "snapshots"), os.geteuid(), create=True)
    assert opened is not None
    yield opened
    opened.close()


def save(server: AgentServer, directory: Directory, answer: Answer, name: str = "a.snap") -> dict[str, Any]:
    server.on(PATH, answer)
    client = Client(Connection(port=server.port, timeout_s=5.0))
    return snapshot.save(client, directory, name, True, time.monotonic() + 30, "NOW")


def test_the_recorded_snapshot_is_kept_as_it_came(server: AgentServer, directory: Directory) -> None:
    headers = recording("snapshot-save-stale-follower")["headers"]
    result = save(server, directory, chunked(BODY, headers["Digest"]), name="")
    path = Path(result["path"])
    assert path.read_bytes() == BODY
    assert path.name == f"nomad-{result['index']}-NOW.snap"
    assert path.stat().st_mode & 0o7777 == 0o600 and path.parent.stat().st_mode & 0o7777 == 0o700
    assert result["sha256"] == hashlib.sha256(BODY).hexdigest() and result["size"] == len(BODY)
    with tarfile.open(fileobj=io.BytesIO(BODY)) as archive:
        meta = json.load(archive.extractfile("meta.json"))  # type: ignore[arg-type]
    assert (result["index"], result["term"], result["snapshot_id"]) == (meta["Index"], meta["Term"], meta["ID"])
    assert result["state_size"] == meta["Size"] and len(result["servers"]) == 3


def files(directory: Directory) -> list[str]:
    return directory.names()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (chunked(BODY, digest_of(b"other")), "digest does not match"),
        (chunked(BODY, ""), "without a digest"),
        (chunked(BODY, "md5=abc"), "digest does not match"),
        (chunked(BODY, "sha-256=!!"), "digest does not match"),
        (chunked(BODY[:-100], digest_of(BODY)), "digest does not match"),
        (chunked(BODY[:-100]), "cannot be read"),
        (chunked(b"no archive"), "cannot be read"),
        (chunked(gzip.compress(b"no tar")), "cannot be read|not complete"),
    ],
)
def test_what_is_not_whole_is_not_kept(server: AgentServer, directory: Directory, answer: Answer, words: str) -> None:
    with pytest.raises(AgentError, match=words):
        save(server, directory, answer)
    assert files(directory) == []


def test_a_stream_that_breaks_off_is_not_kept(server: AgentServer, directory: Directory) -> None:
    def broken() -> Iterator[bytes]:
        yield BODY[:20_000]
        raise BrokenPipeError

    with pytest.raises(Unreachable):
        save(server, directory, Answer(200, {"Digest": digest_of(BODY)}, chunks=broken))
    assert files(directory) == []


def test_a_taken_name_is_never_replaced(server: AgentServer, directory: Directory) -> None:
    save(server, directory, chunked(BODY))
    with pytest.raises(WriteFailed, match="the name is taken"):
        save(server, directory, chunked(BODY))
    assert files(directory) == ["a.snap"]


def test_what_a_killed_run_left_is_cleared_away(server: AgentServer, directory: Directory, tmp_path: Path) -> None:
    (tmp_path / "snapshots" / snapshot.PARTIAL).write_bytes(b"half")
    save(server, directory, chunked(BODY))
    assert files(directory) == ["a.snap"]


def test_a_partial_file_in_use_is_left_alone(server: AgentServer, directory: Directory, tmp_path: Path) -> None:
    with open(tmp_path / "snapshots" / snapshot.PARTIAL, "wb") as other:
        lock_exclusive(other.fileno(), "x")
        with pytest.raises(InUse, match="another run is still saving a snapshot here"):
            save(server, directory, chunked(BODY))
    assert files(directory) == [snapshot.PARTIAL]


def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    open_dir = tmp_path / "open"
    open_dir.mkdir()
    open_dir.chmod(0o777)
    with pytest.raises(Refused, match="others can write"):
        snapshot.open_directory(str(open_dir), os.geteuid(), create=True)
    with pytest.raises(Refused, match="No such file"):
        snapshot.open_directory(str(tmp_path / "no" / "parent"), os.geteuid(), create=True)
    assert snapshot.open_directory(str(tmp_path / "later"), os.geteuid(), create=False) is None
    assert not (tmp_path / "later").exists()


def members(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def packed(parts: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size, member.type = len(content), kind
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def summed(meta: bytes, state: bytes) -> dict[str, bytes]:
    parts = {"meta.json": meta, "state.bin": state}
    lines = [f"{hashlib.sha256(part).hexdigest()}  {name}\n" for name, part in parts.items()]
    return {**parts, "SHA256SUMS": "".join(lines).encode()}


def check(body: bytes) -> snapshot.Archive:
    return snapshot.check_archive(io.BytesIO(body))


GOOD = members(BODY)


def test_the_order_of_members_does_not_matter() -> None:
    assert check(packed(dict(reversed(list(GOOD.items()))))) == check(BODY)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({**GOOD, "extra": b""}, "does not belong there"),
        ({name: part for name, part in GOOD.items() if name != "state.bin"}, "not complete"),
        ({**GOOD, "state.bin": GOOD["state.bin"] + b"x"}, "checksum"),
        ({**GOOD, "meta.json": b"{}"}, "checksum"),
        ({**GOOD, "SHA256SUMS": b""}, "checksum"),
        ({**GOOD, "SHA256SUMS": b"x" * 5000}, "too large"),
        (summed(b"{}", b""), "not what Raft writes"),
        (summed(b"[" * 100_000, b""), "not what Raft writes"),
        (summed(b'{"Configuration": {"Servers": []}, "ID": "1", "Index": Infinity}', b""), "not what Raft writes"),
        (summed(GOOD["meta.json"], b"short"), "disagree on the size"),
        (summed(b" " * (2 << 20), b""), "too large"),
    ],
)
def test_an_unsound_archive_is_a_sentence(parts: dict[str, bytes], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(packed(parts))


def test_links_in_an_archive_are_refused() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        check(packed(dict.fromkeys(GOOD, b""), kind=tarfile.SYMTYPE))


def test_a_header_that_claims_gigabytes_does_not_take_them() -> None:
    header = tarfile.TarInfo("x")
    header.size, header.type = 4 << 30, tarfile.XHDTYPE
    bomb = gzip.compress(header.tobuf() + bytes(64 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="header is too large"):
        check(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB


def test_damaged_archives_raise_nothing_else() -> None:
    chance = random.Random(1)
    plain = gzip.decompress(BODY)
    refused = 0
    for _try in range(300):
        damaged = bytearray(plain)
        for _byte in range(chance.randint(1, 4)):
            damaged[chance.randrange(min(len(damaged), 4096))] = chance.randrange(256)
        try:
            check(gzip.compress(bytes(damaged), 1))
        except ValueError:
            refused += 1
    assert refused > 100


def test_it_tells_that_it_has_begun_and_how_much_has_come(
    server: AgentServer, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on(PATH, chunked(BODY))
    told: list[str] = []
    client, deadline = Client(Connection(port=server.port, timeout_s=5.0)), time.monotonic() + 600
    monkeypatch.setattr(snapshot, "TOLD_EVERY_S", 0)
    result = snapshot.save(client, directory, "", True, deadline, "NOW", told.append)
    assert told[0] == "saves a snapshot: the server takes it"
    assert told[-1] == f"saves a snapshot: {human(result['size'])} have come (0 s of 600 s)"


def test_a_short_one_tells_only_that_it_has_begun(server: AgentServer, directory: Directory) -> None:
    server.on(PATH, chunked(BODY))
    told: list[str] = []
    client = Client(Connection(port=server.port, timeout_s=5.0))
    snapshot.save(client, directory, "", True, time.monotonic() + 600, "NOW", told.append)
    assert len(told) == 1
