# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where transactions are found: one lock, one note, one answer, and nobody else's business."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.transaction import Note
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.place import NAME, Place
from support.stores.builder import as_user

NOTE = Note("1", 812, "controller-1", "2026-11-22T13:20:35Z", "wal", "present", True)


def test_one_for_each_raft_directory_by_whatever_name(host: Any) -> None:
    data = host.root / "data"
    (host.root / "link").symlink_to(data)
    paths = [Place.of(str(path), str(host.root)).path_of("") for path in (data, data / "server", host.root / "link")]
    assert len(set(paths)) == 1
    for path in (Path(paths[0]), Path(paths[0]).parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700 and path.stat().st_uid == os.geteuid()


def test_one_has_the_lock_and_everybody_sees_it(host: Any) -> None:
    one, other = host.place(), host.place()
    assert not other.is_at_work()
    assert one.take(0) and one.take(0)
    assert other.is_at_work() and not other.take(0.1)
    one.leave()
    assert other.take(0)


def test_who_looks_in_passing_keeps_nobody_from_the_lock(host: Any) -> None:
    one, other = host.place(), host.place()
    for _time in range(20):
        assert not other.is_at_work()
    assert one.take(0)


def test_note_answer_and_undo(host: Any) -> None:
    place = host.place()
    assert place.note() is None and place.answer(NOTE) is None and place.undo("wal") == []
    place.write_note(NOTE)
    place.write_answer(NOTE, {"changed": True})
    place.write_undo("wal", [{"path": "/x"}])
    assert place.note() == NOTE and place.answer(NOTE) == {"changed": True, "id": "1"}
    assert place.answer(NOTE._replace(id="2")) is None and place.answer(None) is None
    assert place.undo("wal") == [{"path": "/x"}] and place.undo("boltdb") == []
    place.forget("undo", "undo")
    assert place.undo("wal") == []
    assert place.untold(NOTE) == ""
    place.keep_untold(NOTE)
    assert place.untold(NOTE) == place.path_of("untold-1") and place.untold(NOTE._replace(id="2")) == ""
    for path in Path(place.path_of("")).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"id": "1"}', b'{"ids": [[[[[[[[' * 100])
def test_what_is_not_ours_is_nothing(host: Any, content: bytes) -> None:
    place = host.place()
    for name in ("note", "answer", "undo"):
        Path(place.path_of(name)).write_bytes(content)
    assert place.note() is None and place.answer(NOTE) in (None, {"id": "1"}) and place.undo("wal") == []


@pytest.mark.parametrize("how", ["open to others", "of another", "a link"])
def test_a_directory_that_is_not_ours_alone_is_refused(host: Any, how: str) -> None:
    path = host.root / NAME
    if how == "a link":
        path.symlink_to(host.config)
    else:
        path.mkdir(mode=0o700)
        path.chmod(0o750 if how == "open to others" else 0o700)
        os.chown(path, 65534 if how == "of another" else os.geteuid(), -1)
    with pytest.raises(Refused, match=r"Find out who made it|Not a directory"):
        host.place()


def test_without_root_it_is_a_directory_of_the_own(host: Any) -> None:
    os.chmod(host.root, 0o777)
    for path in [host.root / "data", *(host.root / "data").rglob("*")]:
        os.chown(path, 65534, 65534)
    for path in host.root.parents:
        if path.stat().st_uid == os.geteuid() and len(path.parts) > 2:
            os.chmod(path, path.stat().st_mode | 0o055)
    made = as_user(65534, lambda: Place.of(str(host.root / "data")).path_of(""))
    assert made.startswith(f"/tmp/{NAME}-65534/")
    assert Path(made).stat().st_uid == 65534 and stat.S_IMODE(Path(made).stat().st_mode) == 0o700
    refused = as_user(65533, lambda: os.listdir(made) and "")
    assert "Permission denied" in refused
