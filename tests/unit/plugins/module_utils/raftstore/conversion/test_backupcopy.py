# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy in backup_dir: whole, compared, never over another file, gone when it fails."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.durable import Directory
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import (
    NoSpace,
    Refused,
    StoreError,
    WriteFailed,
)
from ansible_collections.raftops.nomad.plugins.module_utils._disk.syscalls import REAL
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.base import names
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion import backupcopy
from support.stores.builder import BACKUP
from support.stores.recording import (
    FailNth,
    Hook,
    KillAt,
    Killed,
    Recorder,
)

CONTENT = os.urandom((2 << 20) + 5)
RUN = "9f31c2ab"
PARTIAL = backupcopy.partial_name("raft.db", RUN)


def original(tmp_path: Path) -> int:
    (tmp_path / "raft.db").write_bytes(CONTENT)
    (tmp_path / "copies").mkdir()
    return os.open(tmp_path / "raft.db", os.O_RDONLY)


def test_a_copy_is_whole_private_and_synced(tmp_path: Path) -> None:
    fd, recorder = original(tmp_path), Recorder()
    for name in ("old", "old-2"):
        path = backupcopy.copy_file(fd, "raft.db", str(tmp_path / "copies"), "old", PARTIAL, recorder)
        assert path == str(tmp_path / "copies" / name)
        assert Path(path).read_bytes() == CONTENT and Path(path).stat().st_mode & 0o777 == 0o600
    assert [what for name, what in recorder.made if name == "fsync"] == [PARTIAL, "copies"] * 2
    os.close(fd)


def test_any_failure_removes_the_copy(tmp_path: Path) -> None:
    fd, recorder = original(tmp_path), Recorder()
    backupcopy.copy_file(fd, "raft.db", str(tmp_path / "copies"), "old", PARTIAL, recorder)
    (tmp_path / "copies/old").unlink()
    for number in range(len(recorder.made)):
        with pytest.raises(NoSpace):
            backupcopy.copy_file(fd, "raft.db", str(tmp_path / "copies"), "old", PARTIAL, FailNth(number, errno.ENOSPC))
        assert os.listdir(tmp_path / "copies") == []
    os.close(fd)


def test_only_a_whole_copy_ever_has_the_name_of_one(tmp_path: Path) -> None:
    fd, recorder = original(tmp_path), Recorder()
    backupcopy.copy_file(fd, "raft.db", str(tmp_path / "copies"), "old", PARTIAL, recorder)
    (tmp_path / "copies/old").unlink()
    (tmp_path / "copies/raft.db.00000000.partial").touch()  # another server copies here just now
    for number in range(len(recorder.made)):
        with pytest.raises(Killed):
            backupcopy.copy_file(fd, "raft.db", str(tmp_path / "copies"), "old", PARTIAL, KillAt(number))
        if (tmp_path / "copies/old").exists():
            assert (tmp_path / "copies/old").read_bytes() == CONTENT
            (tmp_path / "copies/old").unlink()
        backupcopy.remove_partials(str(tmp_path / "copies"), RUN, REAL)
        assert os.listdir(tmp_path / "copies") == ["raft.db.00000000.partial"]
    os.close(fd)


def test_a_killed_copy_of_a_directory_is_removed_and_a_forged_id_removes_nothing(tmp_path: Path) -> None:
    source, partial = wal(tmp_path), tmp_path / "copies" / backupcopy.partial_name("wal", RUN)
    source.calls = KillAt(4)
    with pytest.raises(Killed):
        backupcopy.copy_directory(source, str(tmp_path / "copies"), "old", partial.name)
    assert [path.name for path in partial.iterdir()] == ["a.wal"]
    (tmp_path / "raft.db.x.partial").touch()
    for forged in ("", "9f31c2a", "/../../raft.db.x", "9F31C2AB", RUN + "\n"):
        backupcopy.remove_partials(str(tmp_path / "copies"), forged, REAL)
    assert partial.exists() and (tmp_path / "raft.db.x.partial").exists()
    backupcopy.remove_partials(str(tmp_path / "copies"), RUN, REAL)
    assert os.listdir(tmp_path / "copies") == []
    source.close()


def test_what_a_killed_copy_leaves_is_no_backup_by_its_name() -> None:
    for name in ("raft.db", "wal", BACKUP):
        partial = backupcopy.partial_name(name, RUN)
        assert not (names.OLD_STORE.match(partial) or names.BACKUP.match(partial) or names.SECOND_NAME.match(partial))


def test_a_difference_is_found(tmp_path: Path) -> None:
    fd = original(tmp_path)

    def corrupt() -> None:
        with open(tmp_path / "copies" / PARTIAL, "r+b") as copy:
            copy.seek(1 << 20)
            copy.write(b"?" if CONTENT[1 << 20 : (1 << 20) + 1] != b"?" else b"!")

    hook = Hook(lambda name, what: (name, what) == ("fsync", PARTIAL), corrupt)
    with pytest.raises(WriteFailed, match="differs") as caught:
        backupcopy.copy_file(fd, "raft.db", str(tmp_path / "copies"), "old", PARTIAL, hook)
    assert caught.value.offset == 1 << 20
    os.close(fd)


def test_a_directory_that_will_not_do_is_known_before(tmp_path: Path) -> None:
    raft = Directory.open(str(tmp_path), REAL)
    backupcopy.check_directory(str(tmp_path.parent), raft, 1)
    cases = [(tmp_path, 1, Refused), (tmp_path / "missing", 1, Refused), (tmp_path.parent, 1 << 60, NoSpace)]
    for path, length, kind in cases:
        with pytest.raises(StoreError) as caught:
            backupcopy.check_directory(str(path), raft, length)
        assert isinstance(caught.value, kind) and caught.value.hint and caught.value.path == str(path)


def wal(tmp_path: Path) -> Directory:
    (tmp_path / "wal").mkdir()
    for name, content in (("a.wal", CONTENT), ("b.wal", b""), ("wal-meta.db", b"meta")):
        (tmp_path / "wal" / name).write_bytes(content)
    (tmp_path / "copies").mkdir()
    return Directory.open(str(tmp_path / "wal"))


def test_a_copied_directory_is_whole_private_and_synced(tmp_path: Path) -> None:
    source, recorder = wal(tmp_path), Recorder()
    source.calls = recorder
    for name in ("old", "old-2"):
        path = Path(backupcopy.copy_directory(source, str(tmp_path / "copies"), "old", PARTIAL))
        assert path == tmp_path / "copies" / name and path.stat().st_mode & 0o777 == 0o700
        assert {file.name: file.read_bytes() for file in path.iterdir()} == {
            "a.wal": CONTENT, "b.wal": b"", "wal-meta.db": b"meta",
        }  # fmt: skip
        assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o600}
    synced = [what for name, what in recorder.made if name == "fsync"]
    assert synced[:5] == ["a.wal", "b.wal", "wal-meta.db", PARTIAL, "copies"]
    source.close()


def test_any_failure_removes_the_copied_directory(tmp_path: Path) -> None:
    source, recorder = wal(tmp_path), Recorder()
    source.calls = recorder
    shutil.rmtree(backupcopy.copy_directory(source, str(tmp_path / "copies"), "old", PARTIAL))
    for number in range(len(recorder.made)):
        source.calls = FailNth(number, errno.ENOSPC)
        with pytest.raises(NoSpace):
            backupcopy.copy_directory(source, str(tmp_path / "copies"), "old", PARTIAL)
        assert os.listdir(tmp_path / "copies") == []
    source.close()


def test_a_directory_with_anything_but_files_is_not_copied(tmp_path: Path) -> None:
    source = wal(tmp_path)
    (tmp_path / "wal/link.wal").symlink_to("a.wal")
    with pytest.raises(Refused):
        backupcopy.copy_directory(source, str(tmp_path / "copies"), "old", PARTIAL)
    assert os.listdir(tmp_path / "copies") == []
    source.close()
