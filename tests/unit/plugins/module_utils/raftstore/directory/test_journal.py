# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: round trip, refusal of everything else, ownership, replacement as a whole."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused, Unsupported, WriteFailed
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory import journal
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.journal import Journal, Promise
from support.paths import CHECKOUT
from support.stores.recording import FailNth, Recorder

PROMISE = Promise(9, 9, b"10.0.0.1:4647", 1, 663, "ab" * 32)
NOTE = Journal("open", "wal", "9f31c2ab", "raft.db.migrated.20261122-104750", PROMISE, Promise(9), 12, "controller-1")


def test_the_format_is_as_documented() -> None:
    values = json.loads(journal.render(NOTE))
    assert values["version"] == 1 and values["phase"] == "open" and values["to"] == "wal"
    assert values["source"]["last_vote_candidate"] == "10.0.0.1:4647" and values["copied"]["current_term"] == 9
    version = re.search(r"^version: *(\S+)", (CHECKOUT / "galaxy.yml").read_text(), re.M)
    assert version and values["tool"] == version.group(1).strip('"')


@pytest.mark.parametrize(
    "note",
    [
        NOTE, NOTE._replace(phase="done", backup=None), NOTE._replace(source=Promise(1, 1, b"\xff\x00x")),
        NOTE._replace(backup="raft.db.superseded.20261122-104750-2"),
    ],
)  # fmt: skip
def test_it_reads_what_it_writes(note: Journal) -> None:
    assert journal.parse(journal.render(note), "x") == note


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2), ("phase", "begun"), ("to", "sqlite"), ("run", 7), ("dropped_entries", -1),
        ("dropped_entries", "1"), ("origin", None),
        ("backup", "wal.superseded.1"),
        ("backup", "raft.db"), ("backup", "raft.db.migrated.1/../../etc"), ("backup", 5), ("source", None),
        ("copied", {}),
        ("source", {**PROMISE._asdict(), "last_vote_candidate": "x", "current_term": 2**64}),
        ("source", {**PROMISE._asdict(), "last_vote_candidate": "x", "last_index": True}),
    ],
)  # fmt: skip
def test_anything_else_is_of_another_version(key: str, value: Any) -> None:
    values = json.loads(journal.render(NOTE))
    values[key] = value
    with pytest.raises(Unsupported) as caught:
        journal.parse(json.dumps(values).encode(), "/x/.raft-migrate.json")
    assert caught.value.path == "/x/.raft-migrate.json" and caught.value.hint
    if key != "origin":
        del values[key]
        with pytest.raises(Unsupported):
            journal.parse(json.dumps(values).encode(), "x")


def test_a_journal_of_before_there_were_origins_is_read() -> None:
    values = json.loads(journal.render(NOTE))
    del values["origin"]
    assert journal.parse(json.dumps(values).encode(), "x") == NOTE._replace(origin="")


def test_every_truncation_is_refused() -> None:
    data = journal.render(NOTE).rstrip()
    for length in range(len(data)):
        with pytest.raises(Unsupported):
            journal.parse(data[:length], "x")


def load(path: Path) -> str:
    return journal.load(Directory.open(str(path)), os.geteuid())[0]


def test_who_wrote_it_decides_whether_it_counts(tmp_path: Path) -> None:
    assert load(tmp_path) == journal.ABSENT
    journal.write(Directory.open(str(tmp_path)), journal.render(NOTE))
    path = tmp_path / ".raft-migrate.json"
    assert load(tmp_path) == journal.OPEN and path.stat().st_mode & 0o777 == 0o600
    os.chown(path, 12345, -1)
    assert load(tmp_path) == journal.NOT_OURS
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert load(tmp_path) == journal.UNKNOWN
    os.chown(path, 12345, -1, follow_symlinks=False)
    assert load(tmp_path) == journal.NOT_OURS
    path.unlink()
    path.write_bytes(b" " * 70000)
    assert load(tmp_path) == journal.UNKNOWN


def test_it_is_replaced_as_a_whole_and_synced(tmp_path: Path) -> None:
    (tmp_path / ".raft-migrate.json.partial").write_bytes(b"half of one that was killed")
    recorder = Recorder()
    journal.write(Directory.open(str(tmp_path), recorder), journal.render(NOTE))
    calls = [name for name, _what in recorder.made if name != "pwritev"]
    assert calls == ["unlink", "fsync", "open", "fsync", "rename", "fsync"]
    for number in range(4):
        with pytest.raises(WriteFailed):
            journal.write(Directory.open(str(tmp_path), FailNth(number)), journal.render(NOTE._replace(phase="done")))
        assert load(tmp_path) == journal.OPEN
        assert os.listdir(tmp_path) == [".raft-migrate.json"]


def test_one_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    directory = Directory.open(str(tmp_path))
    note = NOTE._replace(source=NOTE.source._replace(last_vote_candidate=b"\xff" * 12000))
    with pytest.raises(Refused, match="no server's address is as long"):
        journal.write(directory, journal.render(note))
    assert os.listdir(tmp_path) == []
