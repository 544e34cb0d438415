# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files an agent loads, and a replacement that keeps what a file is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import files
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError


def test_directories_are_read_in_byte_order_without_what_editors_leave(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    loaded = ["10.json", "A.hcl", "_.hcl", "a.hcl", "é.hcl"]
    for name in [*loaded, ".#a.hcl", "#a.hcl#", "a.hcl~", "a.hcl.20261122-000000~", ".a.hcl.partial", "a.txt", "a.HCL"]:
        (conf / name).touch()
    (conf / "sub").mkdir()
    (conf / "sub.hcl").mkdir()
    single = tmp_path / "any-name.conf"
    single.touch()
    found = files.list_files([str(single), f"{conf}/"])
    assert found == [str(single), *(str(conf / name) for name in loaded)]
    assert files.list_files([str(conf), str(single)])[-1] == str(single)


@pytest.mark.parametrize("path", ["nomad.d", "./x", ""])
def test_a_relative_path_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="not an absolute path"):
        files.list_files([path])


def test_a_link_to_a_directory_fails_as_it_does_in_nomad(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.hcl").symlink_to("real")
    assert files.list_files([str(tmp_path)]) == [str(tmp_path / "link.hcl")]
    with pytest.raises(StoreError, match="not a regular file"):
        files.read(str(tmp_path / "link.hcl"))


def test_a_link_to_nowhere_takes_a_file_out_of_service(tmp_path: Path) -> None:
    (tmp_path / "a.hcl").symlink_to("/dev/null")
    assert files.read(str(tmp_path / "a.hcl")) == b""


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        files.read(str(tmp_path / "absent.hcl"))


@pytest.mark.parametrize("target", ["gone.hcl", "/nowhere/at/all.hcl", "second.hcl"])
def test_a_link_to_a_file_that_is_gone_is_named(tmp_path: Path, target: str) -> None:
    """Nomad lists it, fails to open it, and does not start."""
    (tmp_path / "second.hcl").symlink_to("gone.hcl")
    link = tmp_path / "a.hcl"
    link.symlink_to(target)
    assert str(link) in files.list_files([str(tmp_path)])
    with pytest.raises(ConfigError, match=rf"{link}: this is a link to {target}, and there is no file"):
        files.read(str(link))


def test_a_file_in_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(ConfigError, match=rf"{tmp_path}/gone/a.hcl: No such file or directory\. Nomad would not start"):
        files.read(str(tmp_path / "gone/a.hcl"))
    with pytest.raises(
        ConfigError, match=rf"link/a.hcl: No such file or directory \(its links lead to {tmp_path}/gone"
    ):
        files.read(str(tmp_path / "link/a.hcl"))


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.hcl").symlink_to("a.hcl")
    with pytest.raises(ConfigError, match=r"a.hcl: this link leads to itself"):
        files.read(str(tmp_path / "a.hcl"))


def test_owner_mode_and_link_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "real.hcl", tmp_path / "link.hcl"
    real.write_bytes(b"old")
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 1234, 2345)
    before = real.stat()
    link.symlink_to(real)
    assert files.write(str(link), b"old", b"new", str(link), backup=False) is None
    after = real.stat()
    assert real.read_bytes() == b"new" and link.is_symlink()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert sorted(os.listdir(tmp_path)) == ["link.hcl", "real.hcl"]


def test_a_new_file_takes_after_its_model(tmp_path: Path) -> None:
    model, new = tmp_path / "model.hcl", tmp_path / "new.hcl"
    model.touch()
    model.chmod(0o604)
    files.write(str(new), None, b"x", str(model), backup=True)
    assert new.read_bytes() == b"x" and new.stat().st_mode & 0o7777 == 0o604


def test_the_copy_has_a_name_that_no_agent_loads(tmp_path: Path) -> None:
    path = tmp_path / "a.hcl"
    path.write_bytes(b"one")
    path.chmod(0o600)
    first = files.write(str(path), b"one", b"two", str(path), backup=True)
    second = files.write(str(path), b"two", b"three", str(path), backup=True)
    assert first and second and first != second
    assert (Path(first).read_bytes(), Path(second).read_bytes()) == (b"one", b"two")
    assert Path(first).stat().st_mode & 0o7777 == 0o600
    assert files.list_files([str(tmp_path)]) == [str(path)]


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.hcl"
    path.write_bytes(b"theirs")
    with pytest.raises(ConfigError, match="changed meanwhile"):
        files.write(str(path), b"what we read", b"ours", str(path), backup=False)
    with pytest.raises(ConfigError, match="appeared meanwhile"):
        files.write(str(path), None, b"ours", str(path), backup=False)
    assert path.read_bytes() == b"theirs"


def test_a_link_of_the_service_user_is_not_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, link = tmp_path / "secret", tmp_path / "a.hcl"
    secret.write_bytes(b"x = 1\n")
    link.symlink_to(secret)
    if os.geteuid() == 0:
        os.lchown(link, 1234, 1234)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 1234)
    with pytest.raises(ConfigError, match="symbolic link of another user"):
        files.write(str(link), b"x = 1\n", b"x = 2\n", str(link), backup=False)
    with pytest.raises(ConfigError, match="symbolic link of another user"):
        files.check_links(str(link))
    files.check_links(str(secret))
    assert secret.read_bytes() == b"x = 1\n"


def test_what_a_killed_run_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "a.hcl"
    path.write_bytes(b"one")
    (tmp_path / ".a.hcl.partial").write_bytes(b"half")
    files.write(str(path), b"one", b"two", str(path), backup=False)
    assert path.read_bytes() == b"two" and os.listdir(tmp_path) == ["a.hcl"]


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.hcl"
    with path.open("wb") as huge:
        huge.truncate(files.MAX_LEN + 1)
    with pytest.raises(ConfigError, match="no configuration is that long"):
        files.read(str(path))
