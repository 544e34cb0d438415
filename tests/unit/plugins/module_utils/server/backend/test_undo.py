# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A changed file becomes again what it was, byte for byte, from a record that has no more than what differs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import ensure
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.ensure import Wish
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import undo

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtMzItYnl0ZXMhIQ=="
CASES = {
    "a new file": (None, b'server {\n  raft_logstore {\n    backend = "wal"\n  }\n}\n'),
    "a word": (
        b'raft_logstore {\r\n  backend = "boltdb" # old\r\n}',
        b'raft_logstore {\r\n  backend = "wal" # old\r\n}',
    ),
    "two places": (
        f'server {{ raft_boltdb {{ no_freelist_sync = true }} encrypt = "{SECRET}" }}'.encode(),
        f'server {{ encrypt = "{SECRET}" raft_logstore {{ boltdb {{ no_freelist_sync = true }} }} }}'.encode(),
    ),
    "one line of JSON": (
        f'{{"server":{{"encrypt":"{SECRET}","enabled":true}}}}'.encode(),
        f'{{"server":{{"encrypt":"{SECRET}","enabled":true,"raft_logstore":[{{"backend":"wal"}}]}}}}'.encode(),
    ),
    "no UTF-8": (b'a = "\xff" # \xe9\n', b'b = "\xff" # \xe8\n'),
    "emptied": (b"all of it", b""),
}


@pytest.mark.parametrize("name", CASES)
def test_there_and_back_over_json(name: str) -> None:
    before, after = CASES[name]
    one = json.loads(json.dumps(undo.record("/etc/nomad.d/x.hcl", before, after)))
    assert undo.fits(one, after) and not undo.is_undone(one, after)
    assert undo.original(one, after) == before
    assert undo.is_undone(one, before) and not undo.fits(one, before)
    assert SECRET not in json.dumps(one)


def test_what_was_changed_since_is_refused() -> None:
    one = undo.record("/etc/x.hcl", b"a", b"b")
    with pytest.raises(ValueError, match=r"/etc/x.hcl has been changed since"):
        undo.original(one, b"b ")
    with pytest.raises(ValueError, match="not whole"):
        undo.original({**one, "parts": []}, b"b")


def test_any_change_of_any_file() -> None:
    chance = random.Random(17)
    words = [b'"s p"', b"server", b"{", b"}", b"\n", b" ", b"=", b"1", b"#", b'"', b"\\", b"\xff"]
    for _case in range(300):
        before, after = (b"".join(chance.choices(words, k=chance.randint(0, 40))) for _part in range(2))
        assert undo.original(undo.record("x", before, after), after) == before


MAIN = b'server {\r\n  encrypt = "SECRET"\r\n  raft_boltdb { no_freelist_sync = true }\r\n}\r\n'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    config = tmp_path / "nomad.hcl"
    config.write_bytes(MAIN)
    config.chmod(0o640)
    return tmp_path


def content(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mode, path.read_bytes()) for path in directory.iterdir()}


def changed(directory: Path) -> list[undo.Record]:
    wish = Wish([str(directory)], "wal")
    planned = ensure.planned(wish)
    records = [undo.record(one.path, one.before, one.after) for one in planned.changes]
    ensure.carry_out(wish, planned)
    return records


def test_put_back_byte_for_byte(directory: Path) -> None:
    before = content(directory)
    records = changed(directory)
    assert set(content(directory)) == {"nomad.hcl", "raft_logstore.hcl"} and content(directory) != before
    assert len(undo.put_back(records)) == 2
    assert content(directory) == before
    assert undo.put_back(records) == []


def test_half_of_it_is_put_back_too(directory: Path) -> None:
    before = content(directory)
    records = changed(directory)
    (directory / "nomad.hcl").write_bytes(MAIN)  # as if its change had never been written
    assert undo.put_back(records) == [str(directory / "raft_logstore.hcl")]
    assert content(directory) == before


def test_nothing_is_put_back_where_somebody_has_changed_a_file(directory: Path) -> None:
    records = changed(directory)
    (directory / "raft_logstore.hcl").write_bytes(b"# mine\n")
    now = content(directory)
    with pytest.raises(ConfigError, match="has been changed since"):
        undo.put_back(records)
    assert content(directory) == now
